//! Spans of OpenTelemetry as Jaeger shows them.
//!
//! Resource attributes become process tags, the scope and the status become tags of their own, events become
//! logs, links become references. One process is shared by all spans of its resource. What cannot be a span
//! (an id that is missing or all zero) is refused alone; the others are taken.

use std::sync::Arc;

use model::spans::{Process, RefKind, Span, SpanId, SpanLog, SpanRef, Tag, TagValue, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::value::tags;
use crate::push::Decoded;

/// The service of spans whose resource has no `service.name`, as Jaeger names it.
pub const MISSING_SERVICE: &str = "missing-service-name";
const EMPTY_SERVICE: &str = "empty-service-name";
const WRONG_TYPE_SERVICE: &str = "service-name-wrong-type";

/// The attribute of a link that says which kind of OpenTracing reference it was.
const REF_TYPE: &str = "opentracing.ref_type";

/// More text of scopes than this from one request is not repeated on its spans, in bytes; further spans are refused.
const MAX_SCOPE_TEXT: usize = 128 << 20;

/// Turns an export request into spans.
pub fn traces(request: ExportTraceServiceRequest) -> Decoded<Vec<Span>> {
    let mut decoded = Decoded::all(Vec::new());
    let mut repeated = 0;
    for resource_spans in request.resource_spans {
        let process = Arc::new(process(resource_spans.resource));
        for scope_spans in resource_spans.scope_spans {
            let scope = scope_tags(scope_spans.scope);
            let scope_text: usize = scope.iter().map(text_bytes).sum();
            for span in scope_spans.spans {
                match ids(&span) {
                    Some(_) if repeated + scope_text > MAX_SCOPE_TEXT => decoded.reject(1, || {
                        format!("scopes repeat more than {MAX_SCOPE_TEXT} bytes of attributes on their spans")
                    }),
                    Some(ids) => {
                        repeated += scope_text;
                        decoded.items.push(one_span(span, ids, &scope, &process));
                    }
                    None => decoded.reject(1, || {
                        format!(
                            "span {:?}: the trace id or span id is missing or all zero",
                            span.name
                        )
                    }),
                }
            }
        }
    }
    decoded
}

fn process(resource: Option<Resource>) -> Process {
    let mut service = MISSING_SERVICE.to_owned();
    let mut others = Vec::new();
    for attribute in resource.unwrap_or_default().attributes {
        if attribute.key == "service.name" {
            service = service_name(attribute);
        } else {
            others.push(attribute);
        }
    }
    Process {
        service,
        tags: tags(others).collect(),
    }
}

fn service_name(attribute: KeyValue) -> String {
    match attribute.value.and_then(|any| any.value) {
        Some(Value::StringValue(name)) if !name.is_empty() => name,
        Some(Value::StringValue(_)) | None => EMPTY_SERVICE.to_owned(),
        Some(_) => WRONG_TYPE_SERVICE.to_owned(),
    }
}

/// Jaeger forgets a scope's attributes; here they can be found like those of the span.
fn scope_tags(scope: Option<InstrumentationScope>) -> Vec<Tag> {
    let scope = scope.unwrap_or_default();
    let named = [
        ("otel.scope.name", scope.name),
        ("otel.scope.version", scope.version),
    ];
    let named = named.into_iter().filter(|(_, value)| !value.is_empty());
    named
        .map(|(key, value)| Tag::string(key, value))
        .chain(tags(scope.attributes))
        .collect()
}

fn text_bytes(tag: &Tag) -> usize {
    let value = match &tag.value {
        TagValue::String(text) => text.len(),
        TagValue::Binary(bytes) => bytes.len(),
        _ => 0,
    };
    tag.key.len() + value
}

fn ids(span: &otlp::Span) -> Option<(TraceId, SpanId)> {
    Some((trace_id(&span.trace_id)?, span_id(&span.span_id)?))
}

/// Sixteen bytes, not all of them zero.
pub(super) fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    let id = u128::from_be_bytes(bytes.try_into().ok()?);
    (id != 0).then_some(TraceId(id))
}

/// Eight bytes, not all of them zero.
pub(super) fn span_id(bytes: &[u8]) -> Option<SpanId> {
    let id = u64::from_be_bytes(bytes.try_into().ok()?);
    (id != 0).then_some(SpanId(id))
}

fn one_span(
    span: otlp::Span,
    (trace_id, own_id): (TraceId, SpanId),
    scope: &[Tag],
    process: &Arc<Process>,
) -> Span {
    let mut warnings = Vec::new();
    let duration = span.end_time_unix_nano.checked_sub(span.start_time_unix_nano);
    if duration.is_none() {
        warnings.push("the span ended before it started; its duration was set to zero".to_owned());
    }
    let parent = span_id(&span.parent_span_id).map(|parent| SpanRef {
        kind: RefKind::ChildOf,
        trace_id,
        span_id: parent,
        tags: Vec::new(),
    });
    let mut all_tags = scope.to_vec();
    all_tags.extend(tags(span.attributes));
    all_tags.extend(kind_tag(span.kind));
    all_tags.extend(status_tags(span.status));
    if !span.trace_state.is_empty() {
        all_tags.push(Tag::string("w3c.tracestate", span.trace_state));
    }
    Span {
        trace_id,
        span_id: own_id,
        operation: span.name,
        references: parent
            .into_iter()
            .chain(span.links.into_iter().filter_map(reference))
            .collect(),
        // The low byte holds the flags of W3C's trace context, whose 1 means the same as Jaeger's.
        flags: span.flags & 0xff,
        start_ns: nanoseconds(span.start_time_unix_nano),
        duration_ns: nanoseconds(duration.unwrap_or(0)),
        tags: all_tags,
        logs: span.events.into_iter().map(log).collect(),
        process: Arc::clone(process),
        warnings,
    }
}

/// Times beyond the year 2262 become the last that can be said.
pub(super) fn nanoseconds(unsigned: u64) -> i64 {
    i64::try_from(unsigned).unwrap_or(i64::MAX)
}

fn kind_tag(kind: i32) -> Option<Tag> {
    let kind = match SpanKind::try_from(kind).ok()? {
        SpanKind::Unspecified => return None,
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    };
    Some(Tag::string("span.kind", kind))
}

fn status_tags(status: Option<otlp::Status>) -> Vec<Tag> {
    let Some(status) = status else { return Vec::new() };
    let mut tags = Vec::new();
    match StatusCode::try_from(status.code) {
        Ok(StatusCode::Ok) => tags.push(Tag::string("otel.status_code", "OK")),
        Ok(StatusCode::Error) => {
            tags.push(Tag::string("otel.status_code", "ERROR"));
            tags.push(Tag {
                key: "error".to_owned(),
                value: TagValue::Bool(true),
            });
        }
        Ok(StatusCode::Unset) | Err(_) => {}
    }
    if !status.message.is_empty() {
        tags.push(Tag::string("otel.status_description", status.message));
    }
    tags
}

fn log(event: otlp::span::Event) -> SpanLog {
    let name = (!event.name.is_empty()).then(|| Tag::string("event", event.name));
    SpanLog {
        timestamp_ns: nanoseconds(event.time_unix_nano),
        fields: name.into_iter().chain(tags(event.attributes)).collect(),
    }
}

/// A link to nowhere is dropped; one that was a parent in OpenTracing's terms is one again.
fn reference(link: otlp::span::Link) -> Option<SpanRef> {
    let (trace_id, span_id) = (trace_id(&link.trace_id)?, span_id(&link.span_id)?);
    let tags: Vec<Tag> = tags(link.attributes).collect();
    let child_of = |t: &Tag| t.key == REF_TYPE && t.value == TagValue::String("child_of".to_owned());
    let kind = if tags.iter().any(child_of) {
        RefKind::ChildOf
    } else {
        RefKind::FollowsFrom
    };
    Some(SpanRef {
        kind,
        trace_id,
        span_id,
        tags,
    })
}
