//! The UTF-8 grammar: names and values are double-quoted (Go's escapes) or free of reserved characters, braces
//! are matched, nothing is guessed.

use model::{MatchOp, Matcher};

use super::{MatchersError, is_reserved};

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Open,
    Close,
    Comma,
    Operator(MatchOp),
    Quoted,
    Unquoted,
}

/// A token with its place in characters.
#[derive(Debug, Clone)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    start: usize,
    end: usize,
}

/// Reads matchers, with or without braces.
pub(super) fn parse(input: &str) -> Result<Vec<Matcher>, MatchersError> {
    let tokens = scan(input)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        columns: input.chars().count(),
    };
    parser.matchers()
}

fn scan(input: &str) -> Result<Vec<Token<'_>>, MatchersError> {
    let mut tokens = Vec::new();
    let (mut rest, mut column) = (input, 0);
    while let Some(first) = rest.chars().next() {
        if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
            column += 1;
            continue;
        }
        let (kind, len) = token_at(rest, first, column)?;
        let text = &rest[..len];
        let end = column + text.chars().count();
        tokens.push(Token {
            kind,
            text,
            start: column,
            end,
        });
        (rest, column) = (&rest[len..], end);
    }
    Ok(tokens)
}

/// The kind and the length in bytes of the token that `rest` begins with.
fn token_at(rest: &str, first: char, column: usize) -> Result<(Kind, usize), MatchersError> {
    let error = |width: usize, what: &str| {
        let text: String = rest.chars().take(width).collect();
        MatchersError(format!(
            "{column}:{}: {text}: {what}",
            column + text.chars().count()
        ))
    };
    match first {
        '{' => Ok((Kind::Open, 1)),
        '}' => Ok((Kind::Close, 1)),
        ',' => Ok((Kind::Comma, 1)),
        '=' if rest.starts_with("=~") => Ok((Kind::Operator(MatchOp::Regex), 2)),
        '=' => Ok((Kind::Operator(MatchOp::Equal), 1)),
        '!' if rest.starts_with("!=") => Ok((Kind::Operator(MatchOp::NotEqual), 2)),
        '!' if rest.starts_with("!~") => Ok((Kind::Operator(MatchOp::NotRegex), 2)),
        '!' => Err(error(2, "expected one of '=~'")),
        '"' => match quoted_len(rest) {
            Some(len) => Ok((Kind::Quoted, len)),
            None => Err(error(usize::MAX, "missing end \"")),
        },
        c if is_reserved(c) => Err(error(1, "invalid input")),
        _ => Ok((Kind::Unquoted, rest.find(is_reserved).unwrap_or(rest.len()))),
    }
}

fn quoted_len(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    columns: usize,
}

impl<'a> Parser<'a> {
    fn matchers(&mut self) -> Result<Vec<Matcher>, MatchersError> {
        let braces = self.accept(&Kind::Open);
        let mut matchers = Vec::new();
        while self.peek().is_some_and(|token| token.kind != Kind::Close) {
            matchers.push(self.matcher()?);
            match self.peek() {
                Some(token) if token.kind == Kind::Comma => self.at += 1,
                Some(token) if token.kind == Kind::Close => break,
                None => break,
                Some(_) => return Err(self.unexpected("expected a comma or close brace")),
            }
        }
        match (braces, self.accept(&Kind::Close)) {
            (true, false) => {
                return Err(MatchersError(format!(
                    "0:{}: end of input: expected close brace",
                    self.columns
                )));
            }
            (false, true) => {
                return Err(MatchersError(format!(
                    "0:{}: }}: expected opening brace",
                    self.columns
                )));
            }
            _ => {}
        }
        match self.peek() {
            None => Ok(matchers),
            Some(_) => Err(self.unexpected("expected end of input")),
        }
    }

    fn matcher(&mut self) -> Result<Matcher, MatchersError> {
        let name = self.text("expected label name")?;
        let op = match self.peek() {
            Some(Token {
                kind: Kind::Operator(op),
                ..
            }) => *op,
            _ => return Err(self.unexpected("expected an operator such as '=', '!=', '=~' or '!~'")),
        };
        self.at += 1;
        let value = self.text("expected label value")?;
        Matcher::new(name, op, value)
            .map_err(|error| MatchersError(format!("failed to create matcher: {error}")))
    }

    fn text(&mut self, expected: &str) -> Result<String, MatchersError> {
        let Some(token) = self
            .peek()
            .filter(|t| matches!(t.kind, Kind::Quoted | Kind::Unquoted))
        else {
            return Err(self.unexpected(expected));
        };
        self.at += 1;
        match token.kind {
            Kind::Quoted => unquote(token.text).ok_or_else(|| {
                MatchersError(format!(
                    "{}:{}: {}: invalid input",
                    token.start, token.end, token.text
                ))
            }),
            _ => Ok(token.text.to_owned()),
        }
    }

    fn peek(&self) -> Option<&'a Token<'a>> {
        self.tokens.get(self.at)
    }

    fn accept(&mut self, kind: &Kind) -> bool {
        let accepted = self.peek().is_some_and(|token| token.kind == *kind);
        self.at += usize::from(accepted);
        accepted
    }

    fn unexpected(&self, expected: &str) -> MatchersError {
        MatchersError(match self.peek() {
            Some(token) => format!(
                "{}:{}: unexpected {}: {expected}",
                token.start, token.end, token.text
            ),
            None => format!("0:{}: end of input: {expected}", self.columns),
        })
    }
}

/// Undoes Go's double-quoted string syntax (the Go specification, "String literals"). `None` for an escape that
/// does not exist or for bytes that are not UTF-8.
fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '\n' {
            return None;
        }
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next()? {
            'a' => bytes.push(0x07),
            'b' => bytes.push(0x08),
            'f' => bytes.push(0x0c),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(0x0b),
            '\\' => bytes.push(b'\\'),
            '"' => bytes.push(b'"'),
            'x' => bytes.push(u8::try_from(number(&mut chars, 2, 16, None)?).ok()?),
            'u' => push_char(&mut bytes, number(&mut chars, 4, 16, None)?)?,
            'U' => push_char(&mut bytes, number(&mut chars, 8, 16, None)?)?,
            octal @ '0'..='7' => bytes.push(u8::try_from(number(&mut chars, 2, 8, Some(octal))?).ok()?),
            _ => return None,
        }
    }
    String::from_utf8(bytes).ok()
}

fn number(chars: &mut std::str::Chars<'_>, digits: usize, radix: u32, first: Option<char>) -> Option<u32> {
    let mut value = first.map_or(Some(0), |c| c.to_digit(radix))?;
    for _ in 0..digits {
        value = value
            .checked_mul(radix)?
            .checked_add(chars.next()?.to_digit(radix)?)?;
    }
    Some(value)
}

fn push_char(bytes: &mut Vec<u8>, code: u32) -> Option<()> {
    let c = char::from_u32(code)?;
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}
