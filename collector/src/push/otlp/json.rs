//! OTLP/JSON: protobuf's JSON mapping with hex ids, see
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>.
//!
//! Most requests go straight into the generated types. What protobuf's mapping allows and those types do not
//! (lists left out where they are empty, `null` for absent, names of enum values) is mended in a second try
//! over a JSON tree; only senders that write so pay for it.

use opentelemetry_proto::tonic::logs::v1::SeverityNumber;
use opentelemetry_proto::tonic::metrics::v1::AggregationTemporality;
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::push::PushError;

/// More bytes of JSON than this are refused: text unfolds to several times its size.
pub(super) const MAX_JSON: usize = 16 << 20;

pub(super) fn decode<R: DeserializeOwned>(bytes: &[u8]) -> Result<R, PushError> {
    if bytes.len() > MAX_JSON {
        return Err(PushError::too_many_bytes(MAX_JSON));
    }
    let first = match serde_json::from_slice(bytes) {
        Ok(request) => return Ok(request),
        Err(error) => error,
    };
    // Where mending does not help, the first error is the one with a line and a column.
    let mended = serde_json::from_slice(bytes).ok().map(mend);
    mended
        .and_then(|value| serde_json::from_value(value).ok())
        .ok_or_else(|| PushError::malformed("OTLP/JSON request", &first))
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
        .map(|(key, value)| {
            let value = match (key.as_str(), mend(value)) {
                ("arrayValue" | "kvlistValue", Value::Object(mut list)) => {
                    list.entry("values").or_insert_with(|| Value::Array(Vec::new()));
                    Value::Object(list)
                }
                (key, Value::String(name)) => match enum_number(key, &name) {
                    Some(number) => Value::from(number),
                    None => Value::String(name),
                },
                (_, value) => value,
            };
            (key, value)
        })
        .collect()
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
