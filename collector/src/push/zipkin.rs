//! Spans of Zipkin, version 2 as JSON: `POST /api/v2/spans`.
//!
//! Reference: <https://zipkin.io/zipkin-api/#/default/post_spans>. Times are microseconds. The local endpoint is
//! the process, the remote one becomes tags, annotations become logs. Costs one tree of borrowed spans a request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::spans::{Process, RefKind, Span, SpanId, SpanLog, SpanRef, Tag, TagValue, TraceId};
use serde::Deserialize;

use super::{Decoded, PushError};

/// More spans than this in one request are refused.
pub const MAX_SPANS: usize = 200_000;

/// The service of spans that name none, as Jaeger names it.
const UNKNOWN_SERVICE: &str = "unknown-service-name";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan<'a> {
    #[serde(borrow)]
    trace_id: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    parent_id: Option<Cow<'a, str>>,
    name: Option<String>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    timestamp: Option<i64>,
    duration: Option<i64>,
    debug: Option<bool>,
    shared: Option<bool>,
    local_endpoint: Option<Endpoint>,
    remote_endpoint: Option<Endpoint>,
    annotations: Option<Vec<Annotation>>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<i64>,
}

#[derive(Deserialize)]
struct Annotation {
    timestamp: i64,
    value: String,
}

/// Reads a list of spans.
///
/// # Errors
/// [`PushError::Malformed`] where it is no such list, [`PushError::TooLarge`] beyond [`MAX_SPANS`].
pub fn decode(bytes: &[u8]) -> Result<Decoded<Vec<Span>>, PushError> {
    let spans: Vec<ZipkinSpan<'_>> =
        serde_json::from_slice(bytes).map_err(|e| PushError::malformed("Zipkin spans", &e))?;
    if spans.len() > MAX_SPANS {
        return Err(PushError::TooLarge {
            limit: MAX_SPANS as u64,
            unit: "spans",
        });
    }
    let mut decoded = Decoded::all(Vec::with_capacity(spans.len()));
    // A reporter sends the spans of one service, so that the last process seen is nearly always the one.
    let mut last: Option<(Endpoint, Arc<Process>)> = None;
    for mut span in spans {
        let endpoint = span.local_endpoint.take().unwrap_or_default();
        let process = match &last {
            Some((known, process)) if *known == endpoint => Arc::clone(process),
            _ => {
                let process = Arc::new(process(&endpoint));
                last = Some((endpoint, Arc::clone(&process)));
                process
            }
        };
        let ids = TraceId::from_hex(&span.trace_id).zip(SpanId::from_hex(&span.id));
        match ids.filter(|(trace_id, id)| trace_id.0 != 0 && id.0 != 0) {
            Some(ids) => decoded.items.push(one_span(span, ids, process)),
            None => decoded.reject(1, || {
                let name = span.name.unwrap_or_default();
                format!("span {name:?}: the trace id or span id is not hex or all zero")
            }),
        }
    }
    Ok(decoded)
}

fn process(endpoint: &Endpoint) -> Process {
    let service = endpoint.service_name.clone().filter(|name| !name.is_empty());
    let ip = endpoint.ipv4.clone().or_else(|| endpoint.ipv6.clone());
    let port = endpoint.port.map(|port| Tag {
        key: "port".to_owned(),
        value: TagValue::Int64(port),
    });
    Process {
        service: service.unwrap_or_else(|| UNKNOWN_SERVICE.to_owned()),
        tags: ip
            .map(|ip| Tag::string("ip", ip))
            .into_iter()
            .chain(port)
            .collect(),
    }
}

fn one_span(span: ZipkinSpan<'_>, (trace_id, span_id): (TraceId, SpanId), process: Arc<Process>) -> Span {
    let parent = span
        .parent_id
        .as_deref()
        .and_then(SpanId::from_hex)
        .filter(|id| id.0 != 0);
    let references = parent
        .map(|span_id| SpanRef {
            kind: RefKind::ChildOf,
            trace_id,
            span_id,
            tags: Vec::new(),
        })
        .into_iter()
        .collect();
    let mut tags: Vec<Tag> = span
        .tags
        .unwrap_or_default()
        .into_iter()
        .map(|(key, value)| error_as_bool(key, value))
        .collect();
    if let Some(kind) = span.kind {
        tags.push(Tag::string("span.kind", kind.to_ascii_lowercase()));
    }
    if span.shared == Some(true) {
        // Both sides of a call report this id; whoever asks can tell them apart by the kind.
        tags.push(Tag {
            key: "zipkin.shared".to_owned(),
            value: TagValue::Bool(true),
        });
    }
    tags.extend(remote_tags(span.remote_endpoint.unwrap_or_default()));
    let log = |annotation: Annotation| SpanLog {
        timestamp_ns: nanoseconds(annotation.timestamp),
        fields: vec![Tag::string("event", annotation.value)],
    };
    Span {
        trace_id,
        span_id,
        operation: span.name.unwrap_or_default(),
        references,
        // What Zipkin reports has been sampled; debug is Jaeger's second flag.
        flags: if span.debug == Some(true) { 3 } else { 1 },
        start_ns: nanoseconds(span.timestamp.unwrap_or(0)),
        duration_ns: nanoseconds(span.duration.unwrap_or(0).max(0)),
        tags,
        logs: span
            .annotations
            .unwrap_or_default()
            .into_iter()
            .map(log)
            .collect(),
        process,
        warnings: Vec::new(),
    }
}

/// Zipkin's tag `error` holds a message, and says by being there that the span failed.
fn error_as_bool(key: String, value: String) -> Tag {
    if key != "error" || value == "false" {
        return Tag {
            key,
            value: TagValue::String(value),
        };
    }
    if value.is_empty() || value == "true" {
        return Tag {
            key,
            value: TagValue::Bool(true),
        };
    }
    Tag {
        key,
        value: TagValue::String(value),
    }
}

fn remote_tags(endpoint: Endpoint) -> impl Iterator<Item = Tag> {
    let text = [
        ("peer.service", endpoint.service_name),
        ("peer.ipv4", endpoint.ipv4),
        ("peer.ipv6", endpoint.ipv6),
    ];
    let port = endpoint.port.map(|port| Tag {
        key: "peer.port".to_owned(),
        value: TagValue::Int64(port),
    });
    text.into_iter()
        .filter_map(|(key, value)| {
            value
                .filter(|v| !v.is_empty())
                .map(|value| Tag::string(key, value))
        })
        .chain(port)
}

fn nanoseconds(microseconds: i64) -> i64 {
    microseconds.saturating_mul(1000)
}

#[cfg(test)]
mod tests;
