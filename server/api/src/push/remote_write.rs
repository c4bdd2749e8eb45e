//! `POST /api/v1/write`: Prometheus' remote write 1.0.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use collector::push::body::{self, Encoding};
use collector::push::{PushError, remote_write};
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
    let refused = state.run(move |state| store(state, &body)).await?;
    match refused {
        None => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(why) => Err(StoreError::Invalid(why).into()),
    }
}

fn store(state: &PushState, bytes: &[u8]) -> Result<Option<String>, Refusal> {
    let bytes = body::decode(Encoding::Snappy, bytes, state.max_body_bytes)?;
    let mut request = remote_write::decode(&bytes)?;
    let rejected = state.store_metrics(&mut request.rows, &request.metadata)?;
    let mut why: Vec<String> = request.invalid.into_iter().collect();
    why.extend(
        rejected
            .iter()
            .map(|(why, count)| format!("{why} ({count} samples)")),
    );
    if request.histograms_skipped > 0 {
        why.push(format!(
            "native histograms are not supported ({} left out)",
            request.histograms_skipped
        ));
    }
    Ok((!why.is_empty()).then(|| why.join("; ")))
}
