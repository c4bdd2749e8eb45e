//! OpenTelemetry's attribute values as tags and as text.

use model::spans::{Tag, TagValue};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// The attribute of that name, the first one of it.
pub(super) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    static NOTHING: AnyValue = AnyValue { value: None };
    attributes
        .iter()
        .find(|pair| pair.key == key)
        .map(|pair| pair.value.as_ref().unwrap_or(&NOTHING))
}

/// Attributes as tags: arrays and maps as JSON text, bytes as they are, no value as empty text.
pub(super) fn tags(attributes: Vec<KeyValue>) -> impl Iterator<Item = Tag> {
    attributes.into_iter().map(|KeyValue { key, value, .. }| Tag {
        key,
        value: tag_value(value),
    })
}

fn tag_value(value: Option<AnyValue>) -> TagValue {
    match value.and_then(|any| any.value) {
        Some(Value::StringValue(text)) => TagValue::String(text),
        Some(Value::BoolValue(yes)) => TagValue::Bool(yes),
        Some(Value::IntValue(number)) => TagValue::Int64(number),
        Some(Value::DoubleValue(number)) => TagValue::Float64(number),
        Some(Value::BytesValue(bytes)) => TagValue::Binary(bytes),
        other => TagValue::String(text(&AnyValue { value: other })),
    }
}

/// A value as text, as the OpenTelemetry collector's `AsString`: text as it is, bytes in base64, arrays and
/// maps as JSON with sorted keys.
pub(super) fn text(any: &AnyValue) -> String {
    match &any.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BytesValue(bytes)) => base64(bytes),
        None | Some(Value::StringValueStrindex(_)) => String::new(),
        Some(value) => {
            let mut out = String::new();
            write_json(&mut out, Some(value));
            out
        }
    }
}

/// The depth is bounded by the decoders of both encodings (about a hundred levels).
fn write_json(out: &mut String, value: Option<&Value>) {
    match value {
        None | Some(Value::StringValueStrindex(_)) => out.push_str("null"),
        Some(Value::StringValue(text)) => quote(out, text),
        Some(Value::BytesValue(bytes)) => quote(out, &base64(bytes)),
        Some(Value::BoolValue(yes)) => out.push_str(if *yes { "true" } else { "false" }),
        Some(Value::IntValue(number)) => out.push_str(&number.to_string()),
        Some(Value::DoubleValue(number)) => out.push_str(&float(*number)),
        Some(Value::ArrayValue(array)) => {
            out.push('[');
            for (i, item) in array.values.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_json(out, item.value.as_ref());
            }
            out.push(']');
        }
        Some(Value::KvlistValue(list)) => {
            let mut pairs: Vec<&KeyValue> = list.values.iter().collect();
            pairs.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for (i, pair) in pairs.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                quote(out, &pair.key);
                out.push(':');
                write_json(out, pair.value.as_ref().and_then(|any| any.value.as_ref()));
            }
            out.push('}');
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// ECMAScript's number format, which Go's JSON follows: an exponent below 1e-6 and from 1e21 on.
fn float(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && number.is_finite() && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if text.contains("e-") {
            text
        } else {
            text.replace('e', "e+")
        };
    }
    match number {
        x if x.is_nan() => "NaN".to_owned(),
        x if x.is_infinite() => if x > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        x => x.to_string(),
    }
}

/// RFC 4648 with padding.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    fn any(value: Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    #[test]
    fn arrays_and_maps_are_json_with_sorted_keys() {
        let pair = |key: &str, value| KeyValue {
            key: key.to_owned(),
            value: Some(value),
            key_strindex: 0,
        };
        let array = ArrayValue {
            values: vec![any(Value::IntValue(1)), AnyValue { value: None }],
        };
        let map = KeyValueList {
            values: vec![
                pair("z", any(Value::ArrayValue(array))),
                pair("a", any(Value::StringValue("q\"\n".to_owned()))),
                pair("b", any(Value::BytesValue(vec![0, 0, 0x30, 0x39]))),
            ],
        };
        assert_eq!(
            text(&any(Value::KvlistValue(map))),
            r#"{"a":"q\"\n","b":"AAAwOQ==","z":[1,null]}"#
        );
    }

    #[test]
    fn floats_as_go_writes_them() {
        let cases = [
            (1.0, "1"),
            (72.5, "72.5"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (0.0, "0"),
            (1e20, "100000000000000000000"),
        ];
        for (number, shown) in cases {
            assert_eq!(float(number), shown);
        }
    }
}
