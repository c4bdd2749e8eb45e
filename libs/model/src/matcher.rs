//! Label matchers: `=`, `!=`, `=~`, `!~`, with Prometheus' semantics.

use std::fmt;

use regex::Regex;

use crate::{Labels, go_regex};

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends, `.` matching newlines too
    Regex,
    /// `!~`, the negation of [`MatchOp::Regex`]
    NotRegex,
}

impl MatchOp {
    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }
}

/// A condition on one label. A label that is absent has the value "".
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How it compares.
    pub op: MatchOp,
    /// What it compares with: text or the source of a regular expression.
    pub value: String,
    regex: Option<Regex>,
}

/// A regular expression that does not compile or is too large.
#[derive(Debug, Clone, thiserror::Error)]
#[error("error parsing regexp: {detail}: `{pattern}`")]
pub struct MatcherError {
    /// The expression as given.
    pub pattern: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Compiles `pattern` as Prometheus does: by Go's rules, anchored at both ends, `.` matching newlines.
///
/// # Errors
/// The pattern does not parse, or its automaton exceeds the regex crate's default size limit.
pub fn anchored_regex(pattern: &str) -> Result<Regex, MatcherError> {
    go_regex::compile_within(pattern, "^(?s:", ")$")
}

impl Matcher {
    /// A matcher; regular expressions are compiled here, once.
    ///
    /// # Errors
    /// The regular expression does not compile.
    pub fn new(
        name: impl Into<String>,
        op: MatchOp,
        value: impl Into<String>,
    ) -> Result<Matcher, MatcherError> {
        let value = value.into();
        let regex = match op {
            MatchOp::Regex | MatchOp::NotRegex => Some(anchored_regex(&value)?),
            MatchOp::Equal | MatchOp::NotEqual => None,
        };
        Ok(Matcher {
            name: name.into(),
            op,
            value,
            regex,
        })
    }

    /// `name="value"`.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Matcher {
        Matcher {
            name: name.into(),
            op: MatchOp::Equal,
            value: value.into(),
            regex: None,
        }
    }

    /// Whether a label with `value` satisfies the matcher; pass "" for an absent label.
    pub fn matches(&self, value: &str) -> bool {
        let regex_matches = || self.regex.as_ref().is_some_and(|r| r.is_match(value));
        match self.op {
            MatchOp::Equal => value == self.value,
            MatchOp::NotEqual => value != self.value,
            MatchOp::Regex => regex_matches(),
            MatchOp::NotRegex => !regex_matches(),
        }
    }

    /// Whether an absent label satisfies the matcher.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// Whether `labels` satisfy the matcher.
    pub fn matches_labels(&self, labels: &Labels) -> bool {
        self.matches(labels.get(&self.name).unwrap_or(""))
    }
}

/// Same name, operator and value; the compiled form follows from them.
impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.name == other.name && self.value == other.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regexes_are_anchored_and_dot_matches_newline() {
        let m = Matcher::new("a", MatchOp::Regex, "x|y.z").unwrap();
        assert!(m.matches("x") && m.matches("y\nz"));
        assert!(!m.matches("xy") && !m.matches("ax"));
    }

    #[test]
    fn an_absent_label_is_an_empty_one() {
        assert!(
            Matcher::new("a", MatchOp::NotEqual, "x")
                .unwrap()
                .matches_labels(&Labels::empty())
        );
        assert!(Matcher::new("a", MatchOp::Regex, ".*").unwrap().matches_empty());
        assert!(!Matcher::new("a", MatchOp::Regex, ".+").unwrap().matches_empty());
    }

    #[test]
    fn a_bad_regex_names_itself() {
        let error = Matcher::new("a", MatchOp::Regex, "a(").unwrap_err();
        assert!(error.to_string().contains("`a(`"), "{error}");
    }
}
