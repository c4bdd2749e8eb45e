//! `io.prometheus.client.MetricFamily` messages, each behind its length.

use model::Histogram;
use model::histogram::{Counts, Span};

use super::{Exposed, Family, Value, histogram};
use crate::prometheus::read::wire;

pub(super) const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// The page: each family a message.
pub(super) fn page(families: &[Family]) -> Vec<u8> {
    let (mut out, mut message) = (Vec::new(), Vec::new());
    for family in families {
        message.clear();
        wire::bytes(&mut message, 1, family.name.as_bytes());
        wire::number(&mut message, 3, kind(family.kind));
        for series in &family.series {
            wire::message(&mut message, 4, &mut Vec::new(), |out| {
                metric(out, family.kind, series)
            });
        }
        wire::varint(&mut out, message.len() as u64);
        out.extend_from_slice(&message);
    }
    out
}

/// `MetricType`; a counter is 0, which an absent field means as well.
fn kind(name: &str) -> u64 {
    match name {
        "counter" => 0,
        "gauge" => 1,
        "histogram" => 4,
        "gaugehistogram" => 5,
        _ => 3,
    }
}

fn metric(out: &mut Vec<u8>, kind: &str, series: &Exposed) {
    let mut scratch = Vec::new();
    for (name, value) in &series.labels {
        wire::message(out, 1, &mut scratch, |label| {
            wire::bytes(label, 1, name.as_bytes());
            wire::bytes(label, 2, value.as_bytes());
        });
    }
    match &series.value {
        Value::Float(value) => {
            let field = match kind {
                "gauge" => 2,
                "counter" => 3,
                _ => 5,
            };
            wire::message(out, field, &mut scratch, |out| wire::double(out, 1, *value));
        }
        Value::Histogram(of) => wire::message(out, 7, &mut scratch, |out| {
            if of.has_custom_buckets() {
                classic(out, of);
            } else {
                native(out, of);
            }
        }),
    }
    wire::int64(out, 6, series.timestamp_ms);
}

fn classic(out: &mut Vec<u8>, of: &Histogram) {
    wire::double(out, 4, of.counts.count());
    wire::double(out, 2, of.sum);
    let mut scratch = Vec::new();
    for (bound, count) in histogram::cumulative(of) {
        wire::message(out, 3, &mut scratch, |bucket| {
            wire::double(bucket, 4, count);
            wire::double(bucket, 2, bound);
        });
    }
}

/// Counts are floats here whatever they were, as in Prometheus.
fn native(out: &mut Vec<u8>, of: &Histogram) {
    let float = |counts: &[u64]| counts.iter().map(|n| *n as f64).collect::<Vec<_>>();
    let (zero_count, positive, negative) = match &of.counts {
        Counts::Integer(c) => (c.zero_count as f64, float(&c.positive), float(&c.negative)),
        Counts::Float(c) => (c.zero_count, c.positive.clone(), c.negative.clone()),
    };
    wire::double(out, 4, of.counts.count());
    wire::double(out, 2, of.sum);
    wire::signed(out, 5, i64::from(of.schema));
    wire::double(out, 6, of.zero_threshold);
    wire::double(out, 8, zero_count);
    spans(out, 9, &of.negative_spans);
    negative.iter().for_each(|count| wire::double(out, 11, *count));
    if of.positive_spans.is_empty() && of.negative_spans.is_empty() && zero_count == 0.0 {
        // A span of nothing tells a native histogram without observations from a classic one.
        spans(out, 12, &[Span { offset: 0, length: 0 }]);
    }
    spans(out, 12, &of.positive_spans);
    positive.iter().for_each(|count| wire::double(out, 14, *count));
}

fn spans(out: &mut Vec<u8>, field: u32, spans: &[Span]) {
    let mut scratch = Vec::new();
    for span in spans {
        wire::message(out, field, &mut scratch, |out| {
            wire::signed(out, 1, i64::from(span.offset));
            wire::number(out, 2, u64::from(span.length));
        });
    }
}
