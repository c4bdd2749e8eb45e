//! Traces as Jaeger's UI reads them. Borrowed from the store's answer; nothing is copied but ids.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::spans as store;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeStruct, Serializer};

use super::processes::Processes;

/// Beyond these a number is no longer exact in JavaScript, and is written as text.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

const NS_A_US: i64 = 1000;

/// A trace with its processes under short names.
#[derive(Serialize)]
pub(super) struct Trace<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<Span<'a>>,
    processes: Processes<'a>,
    warnings: Option<Vec<String>>,
}

impl<'a> From<&'a store::Trace> for Trace<'a> {
    fn from(trace: &'a store::Trace) -> Self {
        let mut processes = Processes::default();
        let spans = trace
            .spans
            .iter()
            .map(|span| Span::new(span, processes.number(&span.process)))
            .collect();
        Trace {
            trace_id: trace.trace_id.to_string(),
            spans,
            processes,
            warnings: None,
        }
    }
}

impl Serialize for Processes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.all().len()))?;
        for (i, process) in self.all().iter().enumerate() {
            let shown = Process {
                service_name: &process.service,
                tags: tags(&process.tags),
            };
            map.serialize_entry(&format!("p{}", i + 1), &shown)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Process<'a> {
    #[serde(rename = "serviceName")]
    service_name: &'a str,
    tags: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
    operation_name: &'a str,
    references: Vec<Reference>,
    start_time: i64,
    duration: i64,
    tags: Vec<KeyValue<'a>>,
    logs: Vec<Log<'a>>,
    #[serde(rename = "processID")]
    process_id: String,
    /// `null` without warnings, as Go writes an empty list that was never made.
    warnings: Option<&'a [String]>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_zero(flags: &u32) -> bool {
    *flags == 0
}

impl<'a> Span<'a> {
    fn new(span: &'a store::Span, process: usize) -> Self {
        Span {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            flags: span.flags,
            operation_name: &span.operation,
            references: span.references.iter().map(Reference::from).collect(),
            start_time: span.start_ns.div_euclid(NS_A_US),
            duration: span.duration_ns.max(0) / NS_A_US,
            tags: tags(&span.tags),
            logs: span.logs.iter().map(Log::from).collect(),
            process_id: format!("p{process}"),
            warnings: Some(span.warnings.as_slice()).filter(|warnings| !warnings.is_empty()),
        }
    }
}

#[derive(Serialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

impl From<&store::SpanRef> for Reference {
    fn from(reference: &store::SpanRef) -> Self {
        Reference {
            kind: reference.kind.as_str(),
            trace_id: reference.trace_id.to_string(),
            span_id: reference.span_id.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Log<'a> {
    timestamp: i64,
    fields: Vec<KeyValue<'a>>,
}

impl<'a> From<&'a store::SpanLog> for Log<'a> {
    fn from(log: &'a store::SpanLog) -> Self {
        Log {
            timestamp: log.timestamp_ns.div_euclid(NS_A_US),
            fields: tags(&log.fields),
        }
    }
}

fn tags(tags: &[store::Tag]) -> Vec<KeyValue<'_>> {
    tags.iter().map(KeyValue).collect()
}

/// A tag as `{"key", "type", "value"}`.
struct KeyValue<'a>(&'a store::Tag);

impl Serialize for KeyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("KeyValue", 3)?;
        out.serialize_field("key", &self.0.key)?;
        out.serialize_field("type", type_name(&self.0.value))?;
        match &self.0.value {
            store::TagValue::String(text) => out.serialize_field("value", text)?,
            store::TagValue::Bool(yes) => out.serialize_field("value", yes)?,
            store::TagValue::Int64(number) if number.unsigned_abs() > MAX_SAFE_INTEGER.unsigned_abs() => {
                out.serialize_field("value", &number.to_string())?;
            }
            store::TagValue::Int64(number) => out.serialize_field("value", number)?,
            // JSON knows no infinity and no NaN; their names say more than null.
            store::TagValue::Float64(number) if !number.is_finite() => {
                out.serialize_field("value", &number.to_string())?;
            }
            // Go writes 72 for 72.0.
            store::TagValue::Float64(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                out.serialize_field("value", &(*number as i64))?;
            }
            store::TagValue::Float64(number) => out.serialize_field("value", number)?,
            store::TagValue::Binary(bytes) => out.serialize_field("value", &STANDARD.encode(bytes))?,
        }
        out.end()
    }
}

fn type_name(value: &store::TagValue) -> &'static str {
    match value {
        store::TagValue::String(_) => "string",
        store::TagValue::Bool(_) => "bool",
        store::TagValue::Int64(_) => "int64",
        store::TagValue::Float64(_) => "float64",
        store::TagValue::Binary(_) => "binary",
    }
}

/// An operation of a service.
#[derive(Serialize)]
pub(super) struct Operation<'a> {
    name: &'a str,
    #[serde(rename = "spanKind")]
    kind: &'a str,
}

impl<'a> From<&'a store::Operation> for Operation<'a> {
    fn from(operation: &'a store::Operation) -> Self {
        Operation {
            name: &operation.name,
            kind: &operation.kind,
        }
    }
}

/// How often one service called another.
#[derive(Serialize)]
pub(super) struct Dependency<'a> {
    parent: &'a str,
    child: &'a str,
    #[serde(rename = "callCount")]
    calls: u64,
}

impl<'a> From<&'a store::Dependency> for Dependency<'a> {
    fn from(link: &'a store::Dependency) -> Self {
        Dependency {
            parent: &link.parent,
            child: &link.child,
            calls: link.calls,
        }
    }
}
