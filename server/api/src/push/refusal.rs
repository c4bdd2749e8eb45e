//! Why a push was not taken, and what that is in HTTP and gRPC.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector::push::PushError;
use model::StoreError;

use crate::PoolError;

/// A push that was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// Its bytes are wrong.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server is busy.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl Refusal {
    /// 4xx where sending it again is of no use, 429 and 503 where it is.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Push(PushError::Malformed { .. }) => StatusCode::BAD_REQUEST,
            Refusal::Push(PushError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Push(PushError::Unsupported { .. }) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Store(StoreError::Invalid(_)) => StatusCode::BAD_REQUEST,
            Refusal::Store(StoreError::Limit { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Store(_) | Refusal::Pool(PoolError::Overloaded(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Pool(PoolError::Failed(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The same as a gRPC code.
    pub fn code(&self) -> tonic::Code {
        match self.status() {
            StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => tonic::Code::InvalidArgument,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => tonic::Code::ResourceExhausted,
            StatusCode::SERVICE_UNAVAILABLE => tonic::Code::Unavailable,
            _ => tonic::Code::Internal,
        }
    }

    /// Adds `Retry-After` where coming back is of use.
    pub(super) fn respond(&self, response: impl IntoResponse) -> Response {
        let status = self.status();
        let mut response = (status, response).into_response();
        if matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
        }
        response
    }
}

/// Plain text, as Prometheus, Loki and Jaeger answer pushes.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.respond(format!("{self}\n"))
    }
}
