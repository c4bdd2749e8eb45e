//! The envelope of every answer, and error → status as Prometheus maps them.

mod pieces;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::StoreError;
use promql::QueryError;
use serde::Serialize;

use crate::PoolError;
use crate::prometheus::json::{self, Pen};
use pieces::Pieces;

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
            ErrorType::Canceled => client_closed(),
            ErrorType::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            // Prometheus answers 500 to what it calls unavailable.
            ErrorType::Internal | ErrorType::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorType::NotFound => StatusCode::NOT_FOUND,
        }
    }
}

/// 499, which nginx invented for the log entries of clients that went away.
fn client_closed() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
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
            QueryError::Storage(store) => ApiError::from(store).kind,
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

/// A success whose `data` is written by hand, because it is large, with what the reader should know of it.
pub(crate) fn success_with(data: impl FnOnce(&mut Pen), warnings: &[String], infos: &[String]) -> Response {
    let mut pen = Pen::default();
    pen.text(r#"{"status":"success","data":"#);
    data(&mut pen);
    for (name, texts) in [(r#","warnings":["#, warnings), (r#","infos":["#, infos)] {
        if !texts.is_empty() {
            pen.text(name);
            json::separated(&mut pen, texts, |pen, text| json::string(pen, text));
            pen.text("]");
        }
    }
    pen.text("}");
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, axum::body::Body::new(Pieces::new(pen.finish()))).into_response()
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
