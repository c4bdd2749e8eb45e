//! The envelope of every answer, and error → status as Prometheus maps them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::StoreError;
use promql::QueryError;
use serde::Serialize;

use crate::PoolError;

/// What kind of error an answer speaks of: Prometheus' `errorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// The request is wrong.
    BadData,
    /// The query could not be computed.
    Execution,
    /// The caller went away.
    Canceled,
    /// The query took too long.
    Timeout,
    /// The server failed.
    Internal,
    /// What is asked for is switched off or the server is overloaded.
    Unavailable,
    /// There is no such thing.
    NotFound,
}

impl ErrorType {
    fn as_str(self) -> &'static str {
        match self {
            ErrorType::BadData => "bad_data",
            ErrorType::Execution => "execution",
            ErrorType::Canceled => "canceled",
            ErrorType::Timeout => "timeout",
            ErrorType::Internal => "internal",
            ErrorType::Unavailable => "unavailable",
            ErrorType::NotFound => "not_found",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            ErrorType::BadData => StatusCode::BAD_REQUEST,
            ErrorType::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorType::Canceled | ErrorType::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            // Prometheus answers 500 to what it calls unavailable.
            ErrorType::Internal | ErrorType::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorType::NotFound => StatusCode::NOT_FOUND,
        }
    }
}

/// An error on its way to the client.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Its kind, which decides the status.
    pub kind: ErrorType,
    /// What the user reads.
    pub message: String,
}

impl ApiError {
    /// An error of `kind`.
    pub fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        ApiError {
            kind,
            message: message.into(),
        }
    }

    /// `invalid parameter "name": why`, status 400.
    pub fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        ApiError::new(ErrorType::BadData, format!("invalid parameter {name:?}: {why}"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Invalid(_) => ErrorType::BadData,
            StoreError::Limit { .. } => ErrorType::Execution,
            StoreError::Cancelled => ErrorType::Canceled,
            StoreError::ReadOnly(_) | StoreError::Io { .. } | StoreError::Corrupt { .. } => {
                ErrorType::Internal
            }
        };
        ApiError::new(kind, error.to_string())
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        let kind = match error {
            PoolError::Overloaded(_) | PoolError::TimedOut(..) => ErrorType::Timeout,
            PoolError::Failed(_) => ErrorType::Internal,
        };
        ApiError::new(kind, error.to_string())
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let message = error.to_string();
        let kind = match error {
            QueryError::Parse { .. } | QueryError::Invalid(_) => {
                return ApiError::parameter("query", message);
            }
            QueryError::Storage(store) => return store.into(),
            QueryError::Timeout => ErrorType::Timeout,
            QueryError::Canceled => ErrorType::Canceled,
            _ => ErrorType::Execution,
        };
        ApiError::new(kind, message)
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    status: &'static str,
    #[serde(rename = "errorType")]
    error_type: &'static str,
    error: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            status: "error",
            error_type: self.kind.as_str(),
            error: &self.message,
        };
        json(
            self.kind.status(),
            serde_json::to_string(&body).unwrap_or_default(),
        )
    }
}

#[derive(Serialize)]
struct SuccessBody<'a, T> {
    status: &'static str,
    data: &'a T,
}

/// A success with `data` in the envelope.
pub fn success<T: Serialize>(data: &T) -> Response {
    match serde_json::to_string(&SuccessBody {
        status: "success",
        data,
    }) {
        Ok(body) => json(StatusCode::OK, body),
        Err(e) => ApiError::new(ErrorType::Internal, e.to_string()).into_response(),
    }
}

/// A success whose `data` is JSON text already, with the annotations of a query.
pub fn success_raw(data: &str, warnings: &[String], infos: &[String]) -> Response {
    let mut body = String::with_capacity(data.len() + 64);
    body.push_str(r#"{"status":"success","data":"#);
    body.push_str(data);
    for (name, texts) in [("warnings", warnings), ("infos", infos)] {
        if !texts.is_empty() {
            let texts = serde_json::to_string(texts).unwrap_or_else(|_| "[]".to_owned());
            body.push_str(&format!(",\"{name}\":{texts}"));
        }
    }
    body.push('}');
    json(StatusCode::OK, body)
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
