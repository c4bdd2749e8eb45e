//! Protocol buffers of Prometheus' `types.proto`, written field by field: answers are large and a value tree of them
//! would be larger.

use model::histogram::{Counts, Span};
use model::{Histogram, Labels};

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;

pub(in crate::prometheus) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn tag(out: &mut Vec<u8>, field: u32, kind: u32) {
    varint(out, u64::from(field << 3 | kind));
}

/// A whole number; 0 is left out, as it is what an absent field stands for.
pub(in crate::prometheus) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        tag(out, field, VARINT);
        varint(out, value);
    }
}

pub(in crate::prometheus) fn int64(out: &mut Vec<u8>, field: u32, value: i64) {
    number(out, field, value.cast_unsigned());
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// A signed number that is seldom large.
pub(in crate::prometheus) fn signed(out: &mut Vec<u8>, field: u32, value: i64) {
    number(out, field, zigzag(value));
}

/// A float, which is there even if it is 0: some readers tell that from an absent one.
pub(in crate::prometheus) fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    tag(out, field, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(in crate::prometheus) fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    tag(out, field, BYTES);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A message within: `scratch` is emptied and used.
pub(in crate::prometheus) fn message(
    out: &mut Vec<u8>,
    field: u32,
    scratch: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>),
) {
    scratch.clear();
    write(scratch);
    bytes(out, field, scratch);
}

/// `repeated Label labels = 1`
pub(in crate::prometheus) fn labels(out: &mut Vec<u8>, labels: &Labels) {
    let mut scratch = Vec::new();
    for (name, value) in labels.iter() {
        message(out, 1, &mut scratch, |label| {
            bytes(label, 1, name.as_bytes());
            bytes(label, 2, value.as_bytes());
        });
    }
}

/// `Sample`
pub(in crate::prometheus) fn sample(out: &mut Vec<u8>, ms: i64, value: f64) {
    double(out, 1, value);
    int64(out, 2, ms);
}

/// `Histogram`
pub(in crate::prometheus) fn histogram(out: &mut Vec<u8>, ms: i64, of: &Histogram) {
    match &of.counts {
        // A number that is one of two must be there even if it is 0.
        Counts::Integer(counts) => {
            tag(out, 1, VARINT);
            varint(out, counts.count);
        }
        Counts::Float(counts) => {
            double(out, 2, counts.count);
        }
    }
    double(out, 3, of.sum);
    signed(out, 4, i64::from(of.schema));
    double(out, 5, of.zero_threshold);
    match &of.counts {
        Counts::Integer(counts) => {
            tag(out, 6, VARINT);
            varint(out, counts.zero_count);
            spans(out, 8, &of.negative_spans);
            differences(out, 9, &counts.negative);
            spans(out, 11, &of.positive_spans);
            differences(out, 12, &counts.positive);
        }
        Counts::Float(counts) => {
            double(out, 7, counts.zero_count);
            spans(out, 8, &of.negative_spans);
            doubles(out, 10, &counts.negative);
            spans(out, 11, &of.positive_spans);
            doubles(out, 13, &counts.positive);
        }
    }
    number(out, 14, u64::from(of.reset_hint.as_u8()));
    int64(out, 15, ms);
    doubles(out, 16, &of.custom_values);
}

fn spans(out: &mut Vec<u8>, field: u32, spans: &[Span]) {
    let mut scratch = Vec::new();
    for span in spans {
        message(out, field, &mut scratch, |out| {
            signed(out, 1, i64::from(span.offset));
            number(out, 2, u64::from(span.length));
        });
    }
}

/// Each bucket as its difference to the one before.
fn differences(out: &mut Vec<u8>, field: u32, buckets: &[u64]) {
    if buckets.is_empty() {
        return;
    }
    let (mut packed, mut before) = (Vec::new(), 0u64);
    for bucket in buckets {
        varint(&mut packed, zigzag(bucket.wrapping_sub(before).cast_signed()));
        before = *bucket;
    }
    bytes(out, field, &packed);
}

fn doubles(out: &mut Vec<u8>, field: u32, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    tag(out, field, BYTES);
    varint(out, values.len() as u64 * 8);
    values
        .iter()
        .for_each(|v| out.extend_from_slice(&v.to_le_bytes()));
}
