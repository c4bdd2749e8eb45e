//! What can go wrong in a store, shaped by what the caller will do about it.

use std::sync::Arc;

/// Why a store refused or failed. The variants are the decisions a caller has: give up on this input,
/// come back later, or tell the operator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The input itself is wrong; sending it again will not help (HTTP 400).
    #[error("{0}")]
    Invalid(String),
    /// A named bound was reached (HTTP 413, 422 or 429, by context).
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// The thing that was bounded, e.g. `series`.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The store takes no more writes until the operator acts (HTTP 503): the disk failed or is full.
    #[error("store is read-only: {0}")]
    ReadOnly(Arc<str>),
    /// The disk gave an error.
    #[error("{context}: {source}")]
    Io {
        /// What was being done, with the path.
        context: String,
        /// The operating system's error.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// Bytes on disk do not check out.
    #[error("corrupt {what}: {detail}")]
    Corrupt {
        /// File and offset.
        what: String,
        /// Which check failed.
        detail: String,
    },
    /// The query was cancelled or ran out of its time.
    #[error("query was cancelled")]
    Cancelled,
}

impl StoreError {
    /// Wraps an operating system error with what was being done.
    pub fn io(context: impl Into<String>, source: std::io::Error) -> Self {
        StoreError::Io {
            context: context.into(),
            source: Arc::new(source),
        }
    }
}
