//! Remote write 1.0, as little of it as is needed to send floats and native histograms.

use model::Labels;
use model::histogram::{Buckets, Counts, Histogram, Span};

use crate::data::{Point, Series};

/// Appends the points of a series between two times (the end exclusive) to a `WriteRequest`. A `TimeSeries` has a list of
/// floats and one of histograms, so it takes one for each run of the same kind.
pub(crate) fn put_series(series: &Series, start_ms: i64, end_ms: i64, out: &mut Vec<u8>) {
    let labels = labels(&series.labels);
    let between = series
        .points
        .iter()
        .filter(|(at, _)| (start_ms..end_ms).contains(at));
    let points: Vec<&(i64, Point)> = between.collect();
    for run in points.chunk_by(|(_, a), (_, b)| std::mem::discriminant(a) == std::mem::discriminant(b)) {
        let mut message = labels.clone();
        for (at, point) in run {
            match point {
                Point::Float(value) => put_bytes(2, &sample(*at, *value), &mut message),
                Point::Histogram(h) => put_bytes(4, &histogram(*at, h), &mut message),
            }
        }
        put_bytes(1, &message, out);
    }
}

fn labels(labels: &Labels) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels.iter() {
        let mut label = Vec::new();
        put_bytes(1, name.as_bytes(), &mut label);
        put_bytes(2, value.as_bytes(), &mut label);
        put_bytes(1, &label, &mut out);
    }
    out
}

fn sample(at_ms: i64, value: f64) -> Vec<u8> {
    let mut out = Vec::new();
    put_double(1, value, &mut out);
    put_number(2, at_ms as u64, &mut out);
    out
}

fn histogram(at_ms: i64, h: &Histogram) -> Vec<u8> {
    let mut out = Vec::new();
    match &h.counts {
        Counts::Integer(b) => put_number(1, b.count, &mut out),
        Counts::Float(b) => put_double(2, b.count, &mut out),
    }
    put_double(3, h.sum, &mut out);
    put_number(4, zigzag(i64::from(h.schema)), &mut out);
    put_double(5, h.zero_threshold, &mut out);
    match &h.counts {
        Counts::Integer(b) => put_number(6, b.zero_count, &mut out),
        Counts::Float(b) => put_double(7, b.zero_count, &mut out),
    }
    put_spans(8, &h.negative_spans, &mut out);
    put_spans(11, &h.positive_spans, &mut out);
    match &h.counts {
        Counts::Integer(Buckets {
            negative, positive, ..
        }) => {
            put_bytes(9, &deltas(negative), &mut out);
            put_bytes(12, &deltas(positive), &mut out);
        }
        Counts::Float(Buckets {
            negative, positive, ..
        }) => {
            put_bytes(10, &doubles(negative), &mut out);
            put_bytes(13, &doubles(positive), &mut out);
        }
    }
    put_number(14, u64::from(h.reset_hint.as_u8()), &mut out);
    put_number(15, at_ms as u64, &mut out);
    put_bytes(16, &doubles(&h.custom_values), &mut out);
    out
}

fn put_spans(field: u64, spans: &[Span], out: &mut Vec<u8>) {
    for span in spans {
        let mut message = Vec::new();
        put_number(1, zigzag(i64::from(span.offset)), &mut message);
        put_number(2, u64::from(span.length), &mut message);
        put_bytes(field, &message, out);
    }
}

/// Each count as its distance from the one before, packed.
fn deltas(counts: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut before = 0;
    for &count in counts {
        put_varint(zigzag(count as i64 - before), &mut out);
        before = count as i64;
    }
    out
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn put_number(field: u64, value: u64, out: &mut Vec<u8>) {
    put_varint(field << 3, out);
    put_varint(value, out);
}

fn put_double(field: u64, value: f64, out: &mut Vec<u8>) {
    put_varint(field << 3 | 1, out);
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_bytes(field: u64, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(field << 3 | 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
