//! Where and why a document was refused.

use std::fmt;

use serde_saphyr::{Error, MessageFormatter as _, UserMessageFormatter};

/// The first thing wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// From 1; 0 where the place is not known.
    pub line: u64,
    /// From 1; 0 where the place is not known.
    pub column: u64,
    /// What is wrong, naming the field where it can.
    pub message: String,
}

impl YamlError {
    /// An error found after parsing, at the place of a [`crate::Located`] value.
    pub fn at<T>(place: &crate::Located<T>, message: impl Into<String>) -> Self {
        YamlError {
            line: place.referenced.line(),
            column: place.referenced.column(),
            message: message.into(),
        }
    }

    /// An error about the document as a whole.
    pub fn general(message: impl Into<String>) -> Self {
        YamlError {
            line: 0,
            column: 0,
            message: message.into(),
        }
    }

    /// Names the field whose value was refused, where its key stands before the value on the same line.
    pub(crate) fn in_field_of(mut self, text: &str) -> Self {
        let index = |from_one: u64| usize::try_from(from_one).ok()?.checked_sub(1);
        let key = index(self.line)
            .zip(index(self.column))
            .and_then(|(line, column)| key_before(text.lines().nth(line)?, column));
        if let Some(key) = key.filter(|key| !self.message.contains(key)) {
            self.message.insert_str(0, &format!("{key}: "));
        }
        self
    }
}

/// The key that the value at character `column` of `line` belongs to.
fn key_before(line: &str, column: usize) -> Option<&str> {
    let (at, _) = line.char_indices().nth(column)?;
    let before = line.get(..at)?.trim_end().strip_suffix(':')?;
    let start = before
        .rfind(|c: char| c.is_whitespace() || "{,[".contains(c))
        .map_or(0, |i| i + 1);
    let key = before.get(start..)?.trim_matches(['"', '\'']);
    (!key.is_empty()).then_some(key)
}

/// What is wrong, in the words of somebody who writes YAML rather than of somebody who programs its reader.
fn words(error: &Error) -> String {
    let text = match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            return format!("mapping key \"{key}\" is already defined");
        }
        Error::MultipleDocuments { .. } => "more than one YAML document in one file",
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "document is too large, too deeply nested, or repeats itself too often"
        }
        Error::UnknownAnchor { .. } => "alias of an anchor that is not defined",
        other => return translated(&UserMessageFormatter.format_message(other)),
    };
    text.to_owned()
}

fn translated(message: &str) -> String {
    let said = match message {
        "expected sequence start" => "expected a list",
        "expected mapping start" => "expected a mapping",
        "expected string scalar" => "expected text",
        "invalid boolean" => "expected true or false",
        "invalid u8" | "invalid u16" | "invalid u32" | "invalid u64" | "invalid usize" => {
            "expected a whole number that is not negative"
        }
        "invalid i32" | "invalid i64" => "expected a whole number",
        "invalid f64" => "expected a number",
        other => other,
    };
    said.to_owned()
}

impl From<Error> for YamlError {
    fn from(error: Error) -> Self {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        YamlError {
            line,
            column,
            message: words(&error),
        }
    }
}

/// `line 3, column 5: unknown field …`
impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for YamlError {}
