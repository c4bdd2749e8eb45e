//! The envelope of every answer, and how errors look in it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::StoreError;
use model::spans::TraceId;
use serde::Serialize;

use crate::PoolError;

#[derive(Serialize)]
struct Envelope<'a, T: ?Sized> {
    data: Option<&'a T>,
    total: usize,
    limit: usize,
    offset: usize,
    errors: Option<Vec<Problem>>,
}

/// An error beside or instead of data.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    msg: String,
    #[serde(rename = "traceID", skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl Problem {
    /// One of several traces asked for is not there.
    pub(super) fn missing(id: TraceId) -> Problem {
        Problem {
            code: None,
            msg: TRACE_NOT_FOUND.to_owned(),
            trace_id: Some(id.to_string()),
        }
    }
}

const TRACE_NOT_FOUND: &str = "trace not found";

/// Data. Jaeger leaves `total` 0 for traces and dependencies.
pub(super) fn answer<T: Serialize>(data: &T) -> Response {
    Json(Envelope {
        data: Some(data),
        total: 0,
        limit: 0,
        offset: 0,
        errors: None,
    })
    .into_response()
}

/// A list with its length.
pub(super) fn answer_counted<T: Serialize>(data: &[T]) -> Response {
    Json(Envelope {
        data: Some(data),
        total: data.len(),
        limit: 0,
        offset: 0,
        errors: None,
    })
    .into_response()
}

/// Data, and what is wrong beside it.
pub(super) fn answer_with_errors<T: Serialize>(data: &T, errors: Vec<Problem>) -> Response {
    let errors = Some(errors).filter(|errors| !errors.is_empty());
    Json(Envelope {
        data: Some(data),
        total: 0,
        limit: 0,
        offset: 0,
        errors,
    })
    .into_response()
}

/// A request that gets no data.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    msg: String,
}

impl Refusal {
    /// The request itself is wrong.
    pub(super) fn bad_request(msg: impl Into<String>) -> Refusal {
        Refusal {
            status: StatusCode::BAD_REQUEST,
            msg: msg.into(),
        }
    }

    /// The same, with what was being done before its text.
    pub(super) fn within(self, what: &str) -> Refusal {
        Refusal {
            msg: format!("{what}: {}", self.msg),
            ..self
        }
    }

    /// The trace asked for is not there.
    pub(super) fn trace_not_found() -> Refusal {
        Refusal {
            status: StatusCode::NOT_FOUND,
            msg: TRACE_NOT_FOUND.to_owned(),
        }
    }
}

impl From<PoolError> for Refusal {
    fn from(error: PoolError) -> Self {
        let status = match error {
            PoolError::Overloaded(_) => StatusCode::SERVICE_UNAVAILABLE,
            PoolError::TimedOut(..) => StatusCode::GATEWAY_TIMEOUT,
            PoolError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal {
            status,
            msg: error.to_string(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Invalid(_) => StatusCode::BAD_REQUEST,
            StoreError::Limit { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            StoreError::ReadOnly(_) | StoreError::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            StoreError::Io { .. } | StoreError::Corrupt { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(%error, "a query for traces failed");
        }
        Refusal {
            status,
            msg: error.to_string(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = Problem {
            code: Some(self.status.as_u16()),
            msg: self.msg,
            trace_id: None,
        };
        let body: Envelope<'_, ()> = Envelope {
            data: None,
            total: 0,
            limit: 0,
            offset: 0,
            errors: Some(vec![problem]),
        };
        (self.status, Json(body)).into_response()
    }
}
