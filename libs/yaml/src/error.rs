//! Where and why a document was refused.

use std::fmt;

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
}

impl From<serde_saphyr::Error> for YamlError {
    fn from(error: serde_saphyr::Error) -> Self {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let text = error.to_string();
        // The library ends or begins its text with the place, which is in fields here.
        let message = text.split(" at line ").next().unwrap_or(&text);
        let message = message
            .split_once(": ")
            .filter(|(head, _)| head.starts_with("line "))
            .map_or(message, |(_, m)| m);
        YamlError {
            line,
            column,
            message: message.to_owned(),
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
