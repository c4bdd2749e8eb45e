//! The classic grammar: tolerant, every comma outside quotes separates, a value may stand without quotes and
//! then keeps almost anything. Names are Prometheus' old names.

use model::{MatchOp, Matcher};

use super::MatchersError;

/// Reads comma-separated matchers; one leading `{` and one trailing `}` are dropped.
pub(super) fn parse(input: &str) -> Result<Vec<Matcher>, MatchersError> {
    let input = input.strip_prefix('{').unwrap_or(input);
    let input = input.strip_suffix('}').unwrap_or(input);
    split(input).into_iter().map(parse_one).collect()
}

/// Cuts at the commas outside quotes. What follows the last comma counts only if it is more than blanks.
fn split(input: &str) -> Vec<&str> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in input.char_indices() {
        match c {
            ',' if !quoted => {
                pieces.push(&input[start..at]);
                start = at + 1;
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            '\\' => {
                escaped = !escaped;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
    let last = input[start..].trim();
    if !last.is_empty() {
        pieces.push(last);
    }
    pieces
}

fn parse_one(text: &str) -> Result<Matcher, MatchersError> {
    let bad = || MatchersError(format!("bad matcher format: {text}"));
    let rest = text.trim_start();
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    let name_len = rest
        .find(|c: char| !is_start(c) && !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at(name_len);
    if !name.starts_with(is_start) {
        return Err(bad());
    }
    let rest = rest.trim_start();
    let operators = [
        ("=~", MatchOp::Regex),
        ("!~", MatchOp::NotRegex),
        ("!=", MatchOp::NotEqual),
        ("=", MatchOp::Equal),
    ];
    let (op, raw) = operators
        .into_iter()
        .find_map(|(sign, op)| rest.strip_prefix(sign).map(|raw| (op, raw.trim())))
        .ok_or_else(bad)?;
    let value = unescape(raw)?;
    Matcher::new(name, op, value).map_err(|e| MatchersError(e.to_string()))
}

/// OpenMetrics escapes; a backslash before anything else, or at the end, is itself.
fn unescape(raw: &str) -> Result<String, MatchersError> {
    let stray = || MatchersError(format!("matcher value contains unescaped double quote: {raw}"));
    let (text, mut quote_open) = match raw.strip_prefix('"') {
        Some(text) => (text, true),
        None => (raw, false),
    };
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            '"' if quote_open && chars.peek().is_none() => quote_open = false,
            '"' => return Err(stray()),
            other => value.push(other),
        }
    }
    if quote_open { Err(stray()) } else { Ok(value) }
}
