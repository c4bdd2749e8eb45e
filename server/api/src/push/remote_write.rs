//! `POST /api/v1/write`: Prometheus' remote write 1.0.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector::push::PushError;
use collector::push::remote_write::ReceiveError;
use model::StoreError;

use super::{PushState, Refusal};

/// 204 once stored. Samples that can never be stored (out of order, invalid labels) answer 400 with the reason,
/// after the others are stored, so that senders do not try again.
pub(super) async fn write(
    State(state): State<PushState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let proto = super::header(&headers, header::CONTENT_TYPE).unwrap_or_default();
    if proto.contains("io.prometheus.write.v2") {
        let what = format!("content type {proto:?}; supported: remote write 1.0");
        return Err(PushError::Unsupported { what }.into());
    }
    let body = state.read(&headers, body).await?;
    let store = move |state: &PushState| {
        let sink = state.metrics.as_ref();
        Ok(state.remote_write.receive(sink, &body, state.max_body_bytes)?)
    };
    match state.run(store).await?.refusal() {
        None => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(why) => Err(StoreError::Invalid(why).into()),
    }
}

impl From<ReceiveError> for Refusal {
    fn from(error: ReceiveError) -> Refusal {
        match error {
            ReceiveError::Push(error) => error.into(),
            ReceiveError::Store(error) => error.into(),
        }
    }
}
