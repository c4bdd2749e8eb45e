//! `POST /api/traces`: Jaeger's thrift over HTTP.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use collector::push::body;
use collector::push::jaeger_thrift::{Encoding, decode_batch};
use collector::push::{PushError, body::Encoding as Compression};

use super::{PushState, Refusal, header};

/// 202 once stored, as Jaeger's collector answers.
pub(super) async fn thrift(
    State(state): State<PushState>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let content_type = header(&headers, header::CONTENT_TYPE).unwrap_or_default();
    let encoding = match content_type.split(';').next().unwrap_or("").trim() {
        "application/x-thrift" | "application/vnd.apache.thrift.binary" => Encoding::Binary,
        "application/vnd.apache.thrift.compact" => Encoding::Compact,
        other => {
            let what = format!("content type {other:?}; supported: application/x-thrift");
            return Err(PushError::Unsupported { what }.into());
        }
    };
    let compression = Compression::from_header(header(&headers, header::CONTENT_ENCODING).as_deref())?;
    let bytes = state.read(&headers, body).await?;
    let store = move |state: &PushState| {
        let bytes = body::decode(compression, &bytes, state.max_body_bytes)?;
        state.store_spans(decode_batch(encoding, &bytes)?)
    };
    state.run(store).await.map(|_| StatusCode::ACCEPTED)
}
