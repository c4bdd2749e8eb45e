//! `POST /loki/api/v1/push`: Loki's push, as JSON or snappy protobuf.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use collector::push::body::{self, Encoding};
use collector::push::loki::{self, Format};

use super::{PushState, Refusal, header, read};

/// 204 once stored.
pub(super) async fn push(
    State(state): State<PushState>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let format = Format::from_content_type(header(&headers, header::CONTENT_TYPE).as_deref());
    let encoding = match format {
        Format::Protobuf => Encoding::Snappy,
        Format::Json => Encoding::from_header(header(&headers, header::CONTENT_ENCODING).as_deref())?,
    };
    let bytes = read(body, state.max_body_bytes).await?;
    let store = move |state: &PushState| {
        let bytes = body::decode(encoding, &bytes, state.max_body_bytes)?;
        let records = loki::decode(format, &bytes)?;
        if !records.is_empty() {
            state.logs.append(&records)?;
        }
        Ok(StatusCode::NO_CONTENT)
    };
    state.run(store).await
}
