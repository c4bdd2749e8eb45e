//! Query results as JSON text, written straight into one string: results are large and their shape is fixed.

use std::fmt::Write;

use model::Labels;
use model::metrics::Sample;
use promql::{SampleValue, Value};

/// `{"resultType":…,"result":…}`
pub(super) fn value(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Scalar(sample) => {
            out.push_str(r#"{"resultType":"scalar","result":"#);
            point(&mut out, *sample);
        }
        Value::String { timestamp_ms, value } => {
            out.push_str(r#"{"resultType":"string","result":["#);
            timestamp(&mut out, *timestamp_ms);
            out.push(',');
            string(&mut out, value);
            out.push(']');
        }
        Value::Vector(samples) => {
            out.push_str(r#"{"resultType":"vector","result":["#);
            separated(&mut out, samples, |out, item| {
                out.push_str(r#"{"metric":"#);
                labels(out, &item.labels);
                if let SampleValue::Float(value) = item.value {
                    out.push_str(r#","value":"#);
                    let timestamp_ms = item.timestamp_ms;
                    point(out, Sample { timestamp_ms, value });
                }
                out.push('}');
            });
            out.push(']');
        }
        Value::Matrix(series) => {
            out.push_str(r#"{"resultType":"matrix","result":["#);
            separated(&mut out, series, |out, item| {
                out.push_str(r#"{"metric":"#);
                labels(out, &item.labels);
                out.push_str(r#","values":["#);
                separated(out, item.floats(), point);
                out.push_str("]}");
            });
            out.push(']');
        }
    }
    out.push('}');
    out
}

fn separated<T>(out: &mut String, items: impl IntoIterator<Item = T>, write: impl Fn(&mut String, T)) {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

/// A label set as an object.
pub(super) fn labels(out: &mut String, labels: &Labels) {
    out.push('{');
    separated(out, labels.iter(), |out, (name, value)| {
        string(out, name);
        out.push(':');
        string(out, value);
    });
    out.push('}');
}

fn point(out: &mut String, sample: Sample) {
    out.push('[');
    timestamp(out, sample.timestamp_ms);
    out.push_str(",\"");
    float(out, sample.value);
    out.push_str("\"]");
}

/// Seconds with three decimals, or none where they are whole.
pub(super) fn timestamp(out: &mut String, ms: i64) {
    let sign = if ms < 0 { "-" } else { "" };
    let (seconds, millis) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    let _ = match millis {
        0 => write!(out, "{sign}{seconds}"),
        _ => write!(out, "{sign}{seconds}.{millis:03}"),
    };
}

/// The shortest text that reads back as the same float, as Go writes it: exponents below 1e-6 and from 1e21 on.
pub(super) fn float(out: &mut String, value: f64) {
    let _ = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else if value != 0.0 && (value.abs() < 1e-6 || value.abs() >= 1e21) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent
            .strip_prefix('-')
            .map_or(('+', exponent), |digits| ('-', digits));
        write!(out, "{mantissa}e{sign}{digits:0>2}")
    } else {
        write!(out, "{value}")
    };
}

fn string(out: &mut String, text: &str) {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_go_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            float(&mut out, value);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn timestamps_have_three_decimals_or_none() {
        for (ms, expected) in [(1010, "1.010"), (2000, "2"), (-1500, "-1.500"), (0, "0")] {
            let mut out = String::new();
            timestamp(&mut out, ms);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn text_is_escaped() {
        let mut out = String::new();
        labels(&mut out, &Labels::from_pairs([("a", "x\"y\\z\n")]));
        assert_eq!(out, r#"{"a":"x\"y\\z\n"}"#);
    }
}
