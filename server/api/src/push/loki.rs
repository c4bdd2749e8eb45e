//! `POST /loki/api/v1/push`: Loki's push, as JSON or snappy protobuf.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use collector::push::Decoded;
use collector::push::body::{self, Encoding};
use collector::push::loki::{self, Format};
use model::StoreError;

use super::{PushState, Refusal, header};

/// 204 once stored. Where lines can never be stored the answer is 400 with the reason, after the others are stored, as
/// Loki's.
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
    let bytes = state.read(&headers, body).await?;
    let store = move |state: &PushState| {
        let bytes = body::decode(encoding, &bytes, state.max_body_bytes)?;
        let records = loki::decode(format, &bytes)?;
        let done = state.store_lines(Decoded::all(records))?;
        if done.rejected > 0 {
            let why = format!("{} lines refused, the first: {}", done.rejected, done.message);
            return Err(StoreError::Invalid(why).into());
        }
        Ok(StatusCode::NO_CONTENT)
    };
    state.run(store).await
}
