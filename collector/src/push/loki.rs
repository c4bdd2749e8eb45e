//! Loki's push, as JSON or as a `logproto.PushRequest` in protobuf.
//!
//! Reference: <https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>. A stream without
//! `service_name` gets one, a line whose level can be told gets `detected_level`, and a trace id among the
//! metadata fills [`LogRecord::trace_id`]. Costs one record a line; the labels of a stream are shared.

mod json;
mod proto;
mod selector;

use model::Labels;
use model::logs::LogRecord;
use model::spans::{SpanId, TraceId};

use super::{PushError, level, service};

pub use json::decode_json;
pub use proto::decode_protobuf;
pub use selector::parse_labels;

/// More lines than this in one request are refused.
pub const MAX_LINES: usize = 500_000;
/// More labels than this on a stream, or metadata on a line, are refused.
pub const MAX_LABELS: usize = 128;

const WHAT: &str = "Loki push request";

/// The two encodings of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/x-protobuf`, always packed with snappy.
    Protobuf,
    /// `application/json`, possibly with a `Content-Encoding`.
    Json,
}

impl Format {
    /// Reads the value of a `Content-Type` header; as in Loki, everything but JSON is protobuf.
    pub fn from_content_type(value: Option<&str>) -> Format {
        let media_type = value.unwrap_or("").split(';').next().unwrap_or("").trim();
        if media_type.eq_ignore_ascii_case("application/json") {
            Format::Json
        } else {
            Format::Protobuf
        }
    }
}

/// Reads a push request, its compression already undone (for protobuf, snappy).
///
/// # Errors
/// [`PushError::Malformed`] where it is no such request or a stream's labels are not valid,
/// [`PushError::TooLarge`] beyond [`MAX_LINES`].
pub fn decode(format: Format, bytes: &[u8]) -> Result<Vec<LogRecord>, PushError> {
    match format {
        Format::Protobuf => decode_protobuf(bytes),
        Format::Json => decode_json(bytes),
    }
}

/// Checks the labels of a stream and names its service.
fn stream(labels: &Labels) -> Result<Labels, PushError> {
    if labels.is_empty() {
        return Err(PushError::malformed(
            WHAT,
            &"at least one label is required per stream",
        ));
    }
    if labels.len() > MAX_LABELS {
        return Err(PushError::malformed(
            WHAT,
            &format_args!("stream {labels} has more than {MAX_LABELS} labels"),
        ));
    }
    if let Some((name, _)) = labels
        .iter()
        .find(|(name, _)| !model::labels::is_legacy_label_name(name))
    {
        return Err(PushError::malformed(
            WHAT,
            &format_args!("stream {labels}: invalid label name {name:?}"),
        ));
    }
    Ok(service::named(labels))
}

/// A line with what can be told of it.
fn record(stream: &Labels, timestamp_ns: i64, line: String, metadata: &Labels) -> LogRecord {
    let trace_id = ["trace_id", "traceID", "traceId", "TraceID"]
        .iter()
        .find_map(|name| metadata.get(name));
    let span_id = ["span_id", "spanID", "spanId", "SpanID"]
        .iter()
        .find_map(|name| metadata.get(name));
    let metadata = match level::detect(stream, metadata, &line) {
        Some(level) => metadata.to_builder().set(level::DETECTED_LEVEL, level).build(),
        None => metadata.clone(),
    };
    LogRecord {
        timestamp_ns,
        stream: stream.clone(),
        line,
        metadata,
        trace_id: trace_id.and_then(TraceId::from_hex).filter(|id| id.0 != 0),
        span_id: span_id.and_then(SpanId::from_hex).filter(|id| id.0 != 0),
    }
}

fn too_many_lines() -> PushError {
    PushError::TooLarge {
        limit: MAX_LINES as u64,
        unit: "lines",
    }
}

#[cfg(test)]
mod tests;
