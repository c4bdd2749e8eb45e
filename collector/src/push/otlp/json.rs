//! OTLP/JSON: protobuf's JSON mapping with hex ids, see
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
//!
//! Most requests go straight into the generated types. What protobuf's mapping allows and those types do not
//! (lists left out where they are empty, `null` for absent, names of enum values, numbers as text) is mended in a
//! second try over a JSON tree; only senders that write so pay for it, and metrics, whose generated types would
//! pass over what they cannot read. A tree cannot hold `NaN`: a value so
//! spelt is left out, and its data point is refused alone.

use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use opentelemetry_proto::tonic::metrics::v1::AggregationTemporality;
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::push::PushError;

/// More bytes of JSON than this are refused: text unfolds to several times its size.
pub(super) const MAX_JSON: usize = 16 << 20;

/// More objects and lists of JSON than this are refused: three bytes can stand for a span with nothing in it.
pub(super) const MAX_NODES: usize = 500_000;

pub(super) fn decode<R: DeserializeOwned>(bytes: &[u8], mend_first: bool) -> Result<R, PushError> {
    if bytes.len() > MAX_JSON {
        return Err(PushError::too_many_bytes(MAX_JSON));
    }
    if nodes(bytes) > MAX_NODES {
        return Err(PushError::TooLarge {
            limit: MAX_NODES as u64,
            unit: "JSON objects and lists",
        });
    }
    let malformed = |e: serde_json::Error| PushError::malformed("OTLP/JSON request", &e);
    if mend_first {
        let tree = serde_json::from_slice(bytes).map_err(malformed)?;
        return serde_json::from_value(mend(tree)).map_err(malformed);
    }
    let first = match serde_json::from_slice(bytes) {
        Ok(request) => return Ok(request),
        Err(error) => error,
    };
    // Where mending does not help, the first error is the one with a line and a column.
    let tree = serde_json::from_slice(bytes).ok().map(mend);
    tree.and_then(|tree| serde_json::from_value(tree).ok())
        .ok_or_else(|| malformed(first))
}

/// Counts the objects and lists of a JSON text by their opening brackets outside of strings.
fn nodes(bytes: &[u8]) -> usize {
    let mut nodes = 0;
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => nodes += 1,
            _ => {}
        }
    }
    nodes
}

fn mend(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(mend).collect()),
        Value::Object(map) => Value::Object(mend_object(map)),
        other => other,
    }
}

fn mend_object(map: Map<String, Value>) -> Map<String, Value> {
    let present = map.into_iter().filter(|(_, value)| !value.is_null());
    present
        .filter_map(|(key, value)| mend_field(&key, mend(value)).map(|value| (key, value)))
        .collect()
}

fn mend_field(key: &str, value: Value) -> Option<Value> {
    Some(match (key, value) {
        ("arrayValue" | "kvlistValue", Value::Object(mut list)) => {
            list.entry("values").or_insert_with(|| Value::Array(Vec::new()));
            Value::Object(list)
        }
        ("asDouble" | "doubleValue" | "sum" | "min" | "max" | "zeroThreshold", Value::String(text)) => {
            let number = text.parse().ok().and_then(serde_json::Number::from_f64);
            return number.map(Value::Number);
        }
        (key, Value::String(text)) => match enum_number(key, &text) {
            Some(number) => Value::from(number),
            None => Value::String(text),
        },
        (_, value) => value,
    })
}

/// The number of an enum's value by its name, for the four enums of OTLP.
fn enum_number(key: &str, name: &str) -> Option<i32> {
    match key {
        "kind" => SpanKind::from_str_name(name).map(|v| v as i32),
        "code" => StatusCode::from_str_name(name).map(|v| v as i32),
        "severityNumber" => SeverityNumber::from_str_name(name).map(|v| v as i32),
        "aggregationTemporality" => AggregationTemporality::from_str_name(name).map(|v| v as i32),
        _ => None,
    }
}
