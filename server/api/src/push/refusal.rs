//! Why a push was not taken, and what that is in HTTP and gRPC.

use std::time::Duration;

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
    /// Other bodies take all the room that there is for them.
    #[error("too many bytes of pushes are under way")]
    ManyBodies,
    /// The body did not arrive in time.
    #[error("the body did not arrive within {} seconds", .0.as_secs_f64())]
    SlowBody(Duration),
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
            // A slow body is none of the sender's mistakes, and of the codes for it this is the one that is retried.
            Refusal::Store(_)
            | Refusal::Pool(PoolError::Overloaded(_))
            | Refusal::ManyBodies
            | Refusal::SlowBody(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Pool(PoolError::TimedOut(..)) => StatusCode::GATEWAY_TIMEOUT,
            Refusal::Pool(PoolError::Failed(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The same as a gRPC code. `RESOURCE_EXHAUSTED` without details is final to OTLP's senders, `UNAVAILABLE` is not.
    pub fn code(&self) -> tonic::Code {
        match self.status() {
            StatusCode::BAD_REQUEST => tonic::Code::InvalidArgument,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => tonic::Code::Unimplemented,
            StatusCode::PAYLOAD_TOO_LARGE => tonic::Code::ResourceExhausted,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => tonic::Code::Unavailable,
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
