//! Why a query has no answer, shaped by what the HTTP API says then.

use model::StoreError;

/// Why a query has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// The text is not PromQL (errorType `bad_data`).
    #[error("{message}")]
    Parse {
        /// What is wrong.
        message: String,
        /// Where, as a byte offset into the query, when it is known.
        pos: Option<usize>,
    },
    /// The query is PromQL but cannot be asked this way: a step of 0, too many steps, a range vector over a
    /// range (errorType `bad_data`).
    #[error("{0}")]
    Invalid(String),
    /// Evaluation met something that has no value, e.g. an ambiguous match (errorType `execution`).
    #[error("{0}")]
    Execution(String),
    /// The query would hold more samples in memory than it may (errorType `execution`).
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// The query would hold more memory than it may (errorType `execution`).
    #[error("query would use more than {limit} bytes of memory in query execution")]
    TooMuchMemory {
        /// How much it may.
        limit: u64,
    },
    /// The query ran out of its time (errorType `timeout`).
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// Whoever asked no longer wants to know (errorType `canceled`).
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// The store failed (errorType `internal`; [`StoreError::Limit`] is `execution`).
    #[error("expanding series: {0}")]
    Storage(StoreError),
}

impl QueryError {
    /// The `errorType` of Prometheus' HTTP API.
    pub fn error_type(&self) -> &'static str {
        match self {
            QueryError::Parse { .. } | QueryError::Invalid(_) => "bad_data",
            QueryError::Execution(_) | QueryError::TooManySamples | QueryError::TooMuchMemory { .. } => {
                "execution"
            }
            QueryError::Storage(StoreError::Limit { .. }) => "execution",
            QueryError::Timeout => "timeout",
            QueryError::Canceled => "canceled",
            QueryError::Storage(_) => "internal",
        }
    }

    pub(crate) fn execution(message: impl Into<String>) -> QueryError {
        QueryError::Execution(message.into())
    }
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cancelled => QueryError::Canceled,
            other => QueryError::Storage(other),
        }
    }
}
