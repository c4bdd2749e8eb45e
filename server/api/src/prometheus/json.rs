//! Query results as JSON text. Results are large and their shape is fixed, so they are written by hand, straight into the
//! pieces that go to the socket (see [`Pen`]).
//!
//! What a point of a range query costs is its digits and some: its timestamp is rendered once for all series
//! ([`stamps`]), and large matrices are written by several threads, series by series ([`matrix`]).

mod histogram;
mod matrix;
mod number;
mod pen;
mod stamps;

use model::Labels;
use model::metrics::Sample;
use promql::{InstantSample, SampleValue, Value};

pub(crate) use number::{float, timestamp};
pub use pen::Pen;

/// `"resultType":…,"result":…`: the members of a query's `data`.
pub fn value(pen: &mut Pen, value: &Value) {
    match value {
        Value::Scalar(sample) => {
            pen.text(r#""resultType":"scalar","result":["#);
            timestamp(pen, sample.timestamp_ms);
            pen.text(",\"");
            number::without_exponent(pen, sample.value);
            pen.text("\"]");
        }
        Value::String { timestamp_ms, value } => {
            pen.text(r#""resultType":"string","result":["#);
            timestamp(pen, *timestamp_ms);
            pen.text(",");
            string(pen, value);
            pen.text("]");
        }
        Value::Vector(samples) => {
            pen.text(r#""resultType":"vector","result":["#);
            separated(pen, samples, instant);
            pen.text("]");
        }
        Value::Matrix(series) => {
            pen.text(r#""resultType":"matrix","result":["#);
            matrix::write(pen, series);
            pen.text("]");
        }
    }
}

fn instant(pen: &mut Pen, item: &InstantSample) {
    pen.text(r#"{"metric":"#);
    labels(pen, &item.labels);
    match &item.value {
        SampleValue::Float(value) => {
            pen.text(r#","value":"#);
            let (timestamp_ms, value) = (item.timestamp_ms, *value);
            point(pen, Sample { timestamp_ms, value });
        }
        SampleValue::Histogram(value) => {
            pen.text(r#","histogram":"#);
            histogram::point(pen, item.timestamp_ms, value);
        }
    }
    pen.text("}");
}

/// What `write` makes of each item, with commas between.
pub(crate) fn separated<T>(pen: &mut Pen, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Pen, T)) {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            pen.text(",");
        }
        write(pen, item);
    }
}

/// A label set as an object.
pub(crate) fn labels(pen: &mut Pen, labels: &Labels) {
    pen.text("{");
    separated(pen, labels.iter(), |pen, (name, value)| {
        string(pen, name);
        pen.text(":");
        string(pen, value);
    });
    pen.text("}");
}

fn point(pen: &mut Pen, sample: Sample) {
    pen.text("[");
    timestamp(pen, sample.timestamp_ms);
    pen.text(",");
    quoted_float(pen, sample.value);
    pen.text("]");
}

/// A float as a string, for JSON knows neither NaN nor infinity.
pub(crate) fn quoted_float(pen: &mut Pen, value: f64) {
    pen.text("\"");
    float(pen, value);
    pen.text("\"");
}

/// A text as a string.
pub(crate) fn string(pen: &mut Pen, text: &str) {
    let plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    if text.bytes().all(plain) {
        pen.text("\"");
        pen.text(text);
        pen.text("\"");
    } else {
        pen.text(&serde_json::to_string(text).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests;
