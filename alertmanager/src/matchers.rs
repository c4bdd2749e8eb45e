//! Matchers as Alertmanager writes them: `severity=~"page|ticket"`, `{team="db", "k8s.pod"!="x"}`.
//!
//! Two grammars exist side by side, the classic one and the UTF-8 one, and a configuration written for either
//! must keep its meaning. [`parse_matchers`] therefore reads with both: where only one understands the text that
//! one wins, where both do and disagree the classic meaning is kept. Costs: parsing happens at configuration
//! load and when a silence is made; matching is a label lookup and a comparison for each matcher.

mod classic;
mod utf8;

use std::fmt::{self, Write as _};

use model::{Labels, Matcher};

/// Longest matcher text read from a configuration, a silence or a query, in bytes.
pub const MAX_INPUT: usize = 64 * 1024;

/// A text that is not a matcher, in the words of the grammar that refused it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MatchersError(pub String);

/// A conjunction of matchers, in a settled order, so that two lists that mean the same print the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matchers(Vec<Matcher>);

impl Matchers {
    /// All of `matchers` must hold. They are sorted by name, value and operator.
    pub fn new(mut matchers: Vec<Matcher>) -> Matchers {
        matchers.sort_by(|a, b| (&a.name, &a.value, a.op as u8).cmp(&(&b.name, &b.value, b.op as u8)));
        Matchers(matchers)
    }

    /// Whether every matcher holds for `labels`; true where there is none.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches_labels(labels))
    }

    /// Whether there is no matcher.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The matchers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Matcher> {
        self.0.iter()
    }
}

/// `{a="b",c=~"d"}`, the form that group keys are made of.
impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (i, matcher) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            f.write_str(&format_matcher(matcher))?;
        }
        f.write_char('}')
    }
}

/// One matcher as Alertmanager prints it: the value quoted with `\\`, `\n` and `\"` escaped, the name quoted only
/// where the grammar needs it.
pub fn format_matcher(matcher: &Matcher) -> String {
    let value = escape(&matcher.value);
    if matcher.name.chars().any(is_reserved) {
        format!("\"{}\"{}\"{value}\"", escape(&matcher.name), matcher.op.as_str())
    } else {
        format!("{}{}\"{value}\"", matcher.name, matcher.op.as_str())
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('"', "\\\"")
}

/// Characters that end an unquoted piece of a matcher.
fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// Reads any number of matchers, with or without braces, in either grammar.
///
/// # Errors
/// Neither grammar reads `input`; the words are those of the classic one, as Alertmanager's are.
pub fn parse_matchers(input: &str) -> Result<Vec<Matcher>, MatchersError> {
    if input.len() > MAX_INPUT {
        return Err(MatchersError(format!("matcher is longer than {MAX_INPUT} bytes")));
    }
    match (utf8::parse(input), classic::parse(input)) {
        (Err(_), Err(classic)) => Err(classic),
        (Err(_), Ok(classic)) => Ok(classic),
        (Ok(utf8), Err(_)) => Ok(utf8),
        (Ok(utf8), Ok(classic)) if utf8 == classic => Ok(utf8),
        (Ok(_), Ok(classic)) => Ok(classic),
    }
}

/// Reads exactly one matcher without braces, as a `filter=` parameter of the API carries it.
///
/// # Errors
/// As [`parse_matchers`]; also for braces and for none or several matchers.
pub fn parse_matcher(input: &str) -> Result<Matcher, MatchersError> {
    if input.starts_with('{') || input.ends_with('}') {
        return Err(MatchersError(format!("unexpected open or close brace: {input}")));
    }
    let mut matchers = parse_matchers(input)?;
    match (matchers.pop(), matchers.len()) {
        (Some(matcher), 0) => Ok(matcher),
        (None, _) => Err(MatchersError("no matchers".to_owned())),
        (Some(_), more) => Err(MatchersError(format!("expected 1 matcher, found {}", more + 1))),
    }
}

/// Whether a label may bear this name: any text but the empty one.
pub fn is_valid_label_name(name: &str) -> bool {
    !name.is_empty()
}

#[cfg(test)]
mod tests;
