//! `POST /api/v2/spans`: Zipkin's spans as JSON.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use collector::push::body::{self, Encoding};
use collector::push::zipkin;

use super::{PushState, Refusal, header};

/// 202 once stored, as Zipkin answers.
pub(super) async fn spans(
    State(state): State<PushState>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let compression = Encoding::from_header(header(&headers, header::CONTENT_ENCODING).as_deref())?;
    let bytes = state.read(&headers, body).await?;
    let store = move |state: &PushState| {
        let bytes = body::decode(compression, &bytes, state.max_body_bytes)?;
        state.store_spans(zipkin::decode(&bytes)?)
    };
    state.run(store).await.map(|_| StatusCode::ACCEPTED)
}
