//! A batch of spans as bytes: what a log record and a group of a block hold.
//!
//! Every string of a batch is stored once and referred to by number, every process once; the fixed part of a
//! span comes first, its tags, references, logs and warnings follow as one run of bytes that a search skips
//! unless the fixed part matches. [`encode`] writes, [`decode`] reads; the layout is in docs/format/spans.md.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod wire;

pub(crate) use decode::{Batch, Bounds, Header, Value};
pub(crate) use encode::Encoder;

/// The version that [`encode`] writes and [`decode`] reads.
pub(crate) const VERSION: u8 = 1;

/// How a value is stored: a byte before it.
pub(crate) mod kind {
    pub(crate) const STRING: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const INT64: u8 = 3;
    pub(crate) const FLOAT64: u8 = 4;
    pub(crate) const BINARY: u8 = 5;
}

/// Bits of the byte before a reference.
pub(crate) mod reference {
    /// Set for `FollowsFrom`, clear for `ChildOf`.
    pub(crate) const FOLLOWS_FROM: u8 = 1;
    /// Set where a trace id follows, clear for a span of the same trace.
    pub(crate) const OTHER_TRACE: u8 = 2;
}

/// Why bytes are no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    /// They end too early.
    #[error("bytes end too early")]
    Short,
    /// A number has more bits than it may.
    #[error("number out of range")]
    Number,
    /// Another version wrote them.
    #[error("version {0} is not known")]
    Version(u8),
    /// A string is not UTF-8 or is cut within a character.
    #[error("text is not UTF-8")]
    Text,
    /// A number refers to a string or process that does not exist.
    #[error("reference to nothing")]
    Reference,
    /// A byte that says what follows says nothing known.
    #[error("kind {0} is not known")]
    Kind(u8),
    /// Something is left over.
    #[error("bytes left over")]
    Trailing,
}

#[cfg(test)]
mod tests;
