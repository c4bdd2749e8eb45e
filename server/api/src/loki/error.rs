//! Errors as Loki gives them: a status and a line of plain text.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use log_indexer::logql::LogqlError;
use model::StoreError;

use crate::PoolError;
use crate::prometheus::envelope::{ApiError, ErrorType};

/// An error on its way to a Loki client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LokiError {
    status: StatusCode,
    message: String,
}

impl LokiError {
    /// The request is wrong: 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        LokiError {
            status: StatusCode::BAD_REQUEST,
            message: message.into(),
        }
    }
}

impl From<LogqlError> for LokiError {
    fn from(error: LogqlError) -> Self {
        LokiError::bad_request(error.to_string())
    }
}

impl From<StoreError> for LokiError {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::Invalid(_) | StoreError::Limit { .. } => StatusCode::BAD_REQUEST,
            StoreError::Cancelled => StatusCode::GATEWAY_TIMEOUT,
            StoreError::ReadOnly(_) | StoreError::Io { .. } | StoreError::Corrupt { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        LokiError {
            status,
            message: error.to_string(),
        }
    }
}

impl From<PoolError> for LokiError {
    fn from(error: PoolError) -> Self {
        let status = match error {
            PoolError::Overloaded(_) => StatusCode::TOO_MANY_REQUESTS,
            PoolError::TimedOut(..) => StatusCode::GATEWAY_TIMEOUT,
            PoolError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        LokiError {
            status,
            message: error.to_string(),
        }
    }
}

/// What the shared reader of parameters says.
impl From<ApiError> for LokiError {
    fn from(error: ApiError) -> Self {
        LokiError::bad_request(error.message)
    }
}

/// The same message in Prometheus' envelope, for the search.
impl From<LokiError> for ApiError {
    fn from(error: LokiError) -> Self {
        let kind = if error.status.is_client_error() {
            ErrorType::BadData
        } else {
            ErrorType::Internal
        };
        ApiError::new(kind, error.message)
    }
}

impl IntoResponse for LokiError {
    fn into_response(self) -> Response {
        (self.status, self.message).into_response()
    }
}
