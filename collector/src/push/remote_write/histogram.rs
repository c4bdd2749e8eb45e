//! `prometheus.Histogram`, field 4 of a `TimeSeries`, as a native histogram.
//!
//! Integer counts come as differences between neighbouring buckets and are added up here; floats come as they are. What
//! a histogram may be is said by [`Histogram::validate`], which has passed on everything that is given.

use model::Histogram;
use model::histogram::{Buckets, CounterResetHint, Counts, InvalidHistogram, MAX_BUCKETS, MAX_SPANS, Span};

use crate::push::wire::{Field, Message, Value, WireError};

/// Why a histogram was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum HistogramError {
    /// The bytes are no such message: the request is malformed.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The histogram is of no use: it is left out and named.
    #[error(transparent)]
    Invalid(#[from] InvalidHistogram),
}

/// The fields as they come.
#[derive(Default)]
struct Parts {
    float: bool,
    count_int: u64,
    count_float: f64,
    zero_count_int: u64,
    zero_count_float: f64,
    sum: f64,
    schema: i64,
    zero_threshold: f64,
    reset_hint: u64,
    timestamp_ms: i64,
    custom_values: Vec<f64>,
    positive: Side,
    negative: Side,
}

/// One side of zero.
#[derive(Default)]
struct Side {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// Reads a histogram and its timestamp in milliseconds.
pub(crate) fn histogram(message: Message<'_>) -> Result<(i64, Histogram), HistogramError> {
    let mut parts = Parts::default();
    for field in message {
        parts.take(&field?)?;
    }
    let timestamp_ms = parts.timestamp_ms;
    let histogram = parts.finish()?;
    histogram.validate()?;
    Ok((timestamp_ms, histogram))
}

impl Parts {
    /// `Histogram`: count 1 or 2, sum 3, schema 4, zero threshold 5, zero count 6 or 7, negative spans 8, deltas 9 and
    /// counts 10, the positive ones 11 to 13, reset hint 14, timestamp 15, custom values 16.
    fn take(&mut self, field: &Field<'_>) -> Result<(), WireError> {
        match field.number {
            1 => self.count_int = field.int64()?.cast_unsigned(),
            2 => (self.float, self.count_float) = (true, field.double()?),
            3 => self.sum = field.double()?,
            4 => self.schema = zigzag(field.int64()?.cast_unsigned()),
            5 => self.zero_threshold = field.double()?,
            6 => self.zero_count_int = field.int64()?.cast_unsigned(),
            7 => self.zero_count_float = field.double()?,
            8 => push_bounded(&mut self.negative.spans, span(field)?),
            9 => signed(field, &mut self.negative.deltas)?,
            10 => doubles(field, &mut self.negative.counts)?,
            11 => push_bounded(&mut self.positive.spans, span(field)?),
            12 => signed(field, &mut self.positive.deltas)?,
            13 => doubles(field, &mut self.positive.counts)?,
            14 => self.reset_hint = field.int64()?.cast_unsigned(),
            15 => self.timestamp_ms = field.int64()?,
            16 => doubles(field, &mut self.custom_values)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Histogram, InvalidHistogram> {
        let schema = i8::try_from(self.schema);
        let counts = if self.float {
            Counts::Float(Buckets {
                count: self.count_float,
                zero_count: self.zero_count_float,
                positive: self.positive.counts,
                negative: self.negative.counts,
            })
        } else {
            Counts::Integer(Buckets {
                count: self.count_int,
                zero_count: self.zero_count_int,
                positive: added_up(&self.positive.deltas)?,
                negative: added_up(&self.negative.deltas)?,
            })
        };
        Ok(Histogram {
            // A schema beyond eight bits is as unknown as one beyond those that exist.
            schema: schema.unwrap_or(if self.schema < 0 { i8::MIN } else { i8::MAX }),
            // So is a hint of a later version, which says nothing here.
            reset_hint: u8::try_from(self.reset_hint)
                .ok()
                .and_then(CounterResetHint::from_u8)
                .unwrap_or_default(),
            zero_threshold: self.zero_threshold,
            sum: self.sum,
            positive_spans: self.positive.spans,
            negative_spans: self.negative.spans,
            custom_values: self.custom_values,
            counts,
        })
    }
}

/// Counts from the differences between neighbours.
fn added_up(deltas: &[i64]) -> Result<Vec<u64>, InvalidHistogram> {
    let mut count = 0i128;
    let counts = deltas.iter().map(|delta| {
        count += i128::from(*delta);
        u64::try_from(count).map_err(|_| InvalidHistogram::NegativeCount {
            what: "a bucket",
            count: count as f64,
        })
    });
    counts.collect()
}

/// `BucketSpan`: offset 1, length 2.
fn span(field: &Field<'_>) -> Result<Span, WireError> {
    let mut span = Span { offset: 0, length: 0 };
    for field in field.message()? {
        let field = field?;
        match field.number {
            // Protobuf cuts what is too long for 32 bits.
            1 => span.offset = zigzag(field.int64()?.cast_unsigned()) as i32,
            2 => span.length = field.int64()? as u32,
            _ => {}
        }
    }
    Ok(span)
}

fn zigzag(bits: u64) -> i64 {
    (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
}

/// One more than the bound is kept: validation names what is beyond it.
const KEPT: usize = (if MAX_BUCKETS > MAX_SPANS {
    MAX_BUCKETS
} else {
    MAX_SPANS
}) + 1;

fn push_bounded<T>(list: &mut Vec<T>, item: T) {
    if list.len() < KEPT {
        list.push(item);
    }
}

/// `repeated sint64`, packed or one by one.
fn signed(field: &Field<'_>, into: &mut Vec<i64>) -> Result<(), WireError> {
    match field.value {
        Value::Varint(bits) => push_bounded(into, zigzag(bits)),
        Value::Bytes(mut rest) => {
            while !rest.is_empty() {
                let (bits, tail) = varint(rest)?;
                push_bounded(into, zigzag(bits));
                rest = tail;
            }
        }
        _ => return Err(WireError::Type(field.number)),
    }
    Ok(())
}

/// `repeated double`, packed or one by one.
fn doubles(field: &Field<'_>, into: &mut Vec<f64>) -> Result<(), WireError> {
    match field.value {
        Value::Fixed64(bits) => push_bounded(into, f64::from_bits(bits)),
        Value::Bytes(bytes) => {
            let (words, []) = bytes.as_chunks::<8>() else {
                return Err(WireError::Truncated);
            };
            words
                .iter()
                .for_each(|word| push_bounded(into, f64::from_le_bytes(*word)));
        }
        _ => return Err(WireError::Type(field.number)),
    }
    Ok(())
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), WireError> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if i == 9 && bits > 1 {
            return Err(WireError::Varint);
        }
        value |= bits << (7 * i);
        if *byte < 0x80 {
            return Ok((value, bytes.get(i + 1..).unwrap_or_default()));
        }
    }
    Err(if bytes.len() < 10 {
        WireError::Truncated
    } else {
        WireError::Varint
    })
}

#[cfg(test)]
mod tests;
