//! What is wrong with a page, and where.

/// The first thing that is not as the format wants it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// What was expected, or why a value is not valid.
    pub message: String,
}

/// An error at an offset; the line is counted only once somebody asks, since most pages have no error.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Fault {
        Fault {
            offset,
            message: message.into(),
        }
    }

    pub(super) fn locate(self, body: &[u8]) -> ParseError {
        let before = body.get(..self.offset.min(body.len())).unwrap_or(body);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        ParseError {
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: before.len() - line_start + 1,
            message: self.message,
        }
    }
}
