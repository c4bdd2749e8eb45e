//! Chunks of native histograms, see [the reader](super::super::histogram).

use std::marker::PhantomData;

use model::Histogram;
use model::histogram::{Buckets, CounterResetHint, Counts, HistogramSample, Span};

use super::bits::BitWriter;
use super::xor::XorColumn;
use super::{EncodedChunk, Encoding};

/// The numbers of a histogram as they go on from row to row.
pub(super) trait Row: Sized {
    const ENCODING: Encoding;
    type Count;

    /// The counts of the kind that is encoded; of the other kind, none.
    fn counts(of: &Histogram) -> Option<&Buckets<Self::Count>>;
    /// Writes the first row but its time, with its sum.
    fn first(counts: &Buckets<Self::Count>, sum: f64, out: &mut BitWriter) -> Self;
    /// Writes a further row but its time.
    fn next(&mut self, counts: &Buckets<Self::Count>, sum: f64, out: &mut BitWriter);
}

/// Whole counts: delta of delta.
pub(super) struct WholeRow {
    count: WholeColumn,
    zero_count: WholeColumn,
    sum: XorColumn,
    buckets: Vec<WholeColumn>,
}

#[derive(Clone, Copy)]
struct WholeColumn {
    value: i64,
    delta: i64,
}

impl WholeColumn {
    fn first(value: i64) -> WholeColumn {
        WholeColumn { value, delta: 0 }
    }

    fn next(&mut self, value: i64, out: &mut BitWriter) {
        let delta = value.wrapping_sub(self.value);
        out.varbit_int(delta.wrapping_sub(self.delta));
        *self = WholeColumn { value, delta };
    }
}

/// Each bucket as its difference to the one before.
fn differences(buckets: &[u64]) -> impl Iterator<Item = i64> + '_ {
    let before = std::iter::once(0).chain(buckets.iter().copied());
    buckets
        .iter()
        .zip(before)
        .map(|(now, before)| now.wrapping_sub(before).cast_signed())
}

impl Row for WholeRow {
    const ENCODING: Encoding = Encoding::Histogram;
    type Count = u64;

    fn counts(of: &Histogram) -> Option<&Buckets<u64>> {
        match &of.counts {
            Counts::Integer(counts) => Some(counts),
            Counts::Float(_) => None,
        }
    }

    fn first(counts: &Buckets<u64>, sum: f64, out: &mut BitWriter) -> WholeRow {
        out.varbit_uint(counts.count);
        out.varbit_uint(counts.zero_count);
        let sum = XorColumn::first(sum, out);
        let all = differences(&counts.positive).chain(differences(&counts.negative));
        let buckets: Vec<WholeColumn> = all.map(WholeColumn::first).collect();
        buckets.iter().for_each(|bucket| out.varbit_int(bucket.value));
        WholeRow {
            count: WholeColumn::first(counts.count.cast_signed()),
            zero_count: WholeColumn::first(counts.zero_count.cast_signed()),
            sum,
            buckets,
        }
    }

    fn next(&mut self, counts: &Buckets<u64>, sum: f64, out: &mut BitWriter) {
        self.count.next(counts.count.cast_signed(), out);
        self.zero_count.next(counts.zero_count.cast_signed(), out);
        self.sum.next(sum, out);
        let all = differences(&counts.positive).chain(differences(&counts.negative));
        for (column, value) in self.buckets.iter_mut().zip(all) {
            column.next(value, out);
        }
    }
}

/// Float counts: XOR with the row before.
pub(super) struct FloatRow(Vec<XorColumn>);

fn numbers(counts: &Buckets<f64>, sum: f64) -> impl Iterator<Item = f64> + '_ {
    let head = [counts.count, counts.zero_count, sum];
    let buckets = counts.positive.iter().chain(&counts.negative);
    head.into_iter().chain(buckets.copied())
}

impl Row for FloatRow {
    const ENCODING: Encoding = Encoding::FloatHistogram;
    type Count = f64;

    fn counts(of: &Histogram) -> Option<&Buckets<f64>> {
        match &of.counts {
            Counts::Float(counts) => Some(counts),
            Counts::Integer(_) => None,
        }
    }

    fn first(counts: &Buckets<f64>, sum: f64, out: &mut BitWriter) -> FloatRow {
        FloatRow(
            numbers(counts, sum)
                .map(|number| XorColumn::first(number, out))
                .collect(),
        )
    }

    fn next(&mut self, counts: &Buckets<f64>, sum: f64, out: &mut BitWriter) {
        for (column, number) in self.0.iter_mut().zip(numbers(counts, sum)) {
            column.next(number, out);
        }
    }
}

/// A chunk of one kind.
pub(super) struct HistogramChunk<R>(PhantomData<R>);

impl<R: Row> HistogramChunk<R> {
    /// All of `rows`, which have one layout.
    pub(super) fn encode(rows: &[HistogramSample]) -> EncodedChunk {
        let (first_ms, last_ms) = (rows.first().map_or(0, |r| r.0), rows.last().map_or(0, |r| r.0));
        let mut out = BitWriter::default();
        let (mut row, mut count): (Option<R>, u16) = (None, 0);
        let (mut before_ms, mut delta) = (first_ms, 0i64);
        for (ms, histogram) in rows {
            let Some(counts) = R::counts(histogram) else {
                continue;
            };
            match &mut row {
                None => {
                    out = BitWriter::behind(&[0, 0, flags(histogram.reset_hint)]);
                    layout(histogram, &mut out);
                    out.varbit_int(*ms);
                    row = Some(R::first(counts, histogram.sum, &mut out));
                }
                Some(row) => {
                    let now = ms.wrapping_sub(before_ms);
                    out.varbit_int(now.wrapping_sub(delta));
                    delta = now;
                    row.next(counts, histogram.sum, &mut out);
                }
            }
            before_ms = *ms;
            count += 1;
        }
        if let Some(head) = out.bytes_mut().first_chunk_mut::<2>() {
            *head = count.to_be_bytes();
        }
        EncodedChunk {
            encoding: R::ENCODING,
            min_ms: first_ms,
            max_ms: last_ms,
            data: out.finish(),
        }
    }
}

/// What is known of a reset before the first histogram, in the upper two bits.
fn flags(hint: CounterResetHint) -> u8 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::NoReset => 0b01 << 6,
        CounterResetHint::Reset => 0b10 << 6,
        CounterResetHint::Gauge => 0b11 << 6,
    }
}

fn layout(of: &Histogram, out: &mut BitWriter) {
    zero_threshold(of.zero_threshold, out);
    out.varbit_int(i64::from(of.schema));
    spans(&of.positive_spans, out);
    spans(&of.negative_spans, out);
    if of.has_custom_buckets() {
        out.varbit_uint(of.custom_values.len() as u64);
        of.custom_values
            .iter()
            .for_each(|bound| custom_bound(*bound, out));
    }
}

fn spans(spans: &[Span], out: &mut BitWriter) {
    out.varbit_uint(spans.len() as u64);
    for span in spans {
        out.varbit_uint(u64::from(span.length));
        out.varbit_int(i64::from(span.offset));
    }
}

/// A power of two from 2^-243 to 2^10 takes one byte.
fn zero_threshold(threshold: f64, out: &mut BitWriter) {
    let mantissa = threshold.to_bits() & ((1 << 52) - 1);
    let exponent = (threshold.to_bits() >> 52) as i64 - 1023;
    if threshold.to_bits() == 0 {
        out.bits(0, 8);
    } else if mantissa == 0 && (-243..=10).contains(&exponent) {
        out.bits((exponent + 244).cast_unsigned(), 8);
    } else {
        out.bits(255, 8);
        out.bits(threshold.to_bits(), 64);
    }
}

/// A whole number of thousandths that fits in 25 bits is written as that number plus one.
fn custom_bound(bound: f64, out: &mut BitWriter) {
    const MAX: f64 = ((1 << 25) - 2) as f64;
    let thousandths = (bound * 1000.0).round();
    if (0.0..=MAX).contains(&thousandths) && (thousandths / 1000.0).to_bits() == bound.to_bits() {
        out.varbit_uint(thousandths as u64 + 1);
    } else {
        out.bit(false);
        out.bits(bound.to_bits(), 64);
    }
}
