//! Where the buckets of a run of histograms are.

use model::histogram::{Counts, Histogram, MAX_BUCKETS, MAX_SPANS, Span};

use super::{Effort, Malformed, decode_values, encode_values, take};
use crate::bytes::{Cursor, put_signed, put_varint};

/// The layout is that of the run before; nothing follows.
const SAME: u8 = 1;
/// The counts are floats.
const FLOAT: u8 = 2;
/// The zero threshold is the one that client libraries set unless told otherwise, 2^-128.
const DEFAULT_THRESHOLD: u8 = 4;
/// The zero threshold follows in 8 bytes. With neither of the two it is 0.
const OWN_THRESHOLD: u8 = 8;

const TWO_TO_MINUS_128: f64 = 1.0 / (u128::MAX as f64);

/// A column of counts: which side, and the index of the bucket there. The first two are the total and the zero bucket.
pub(super) type Place = (u8, i32);

/// What the histograms of a run have in common.
pub(super) struct Layout {
    pub(super) float: bool,
    schema: i8,
    zero_threshold: f64,
    positive_spans: Vec<Span>,
    negative_spans: Vec<Span>,
    custom_values: Vec<f64>,
    /// How many positive buckets there are.
    pub(super) positive: usize,
    negative: usize,
}

impl Layout {
    pub(super) fn of(histogram: &Histogram) -> Layout {
        let (float, positive, negative) = match &histogram.counts {
            Counts::Integer(b) => (false, b.positive.len(), b.negative.len()),
            Counts::Float(b) => (true, b.positive.len(), b.negative.len()),
        };
        Layout {
            float,
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            positive_spans: histogram.positive_spans.clone(),
            negative_spans: histogram.negative_spans.clone(),
            custom_values: histogram.custom_values.clone(),
            positive,
            negative,
        }
    }

    /// Columns of counts: the total, the zero bucket and the others.
    pub(super) fn columns(&self) -> usize {
        2 + self.positive + self.negative
    }

    /// Numbers that each histogram of the run allocates.
    pub(super) fn cells(&self) -> usize {
        self.columns() + self.positive_spans.len() + self.negative_spans.len() + self.custom_values.len()
    }

    /// What each column counts, ascending.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let positive = indexes(&self.positive_spans).take(self.positive).map(|i| (1, i));
        let negative = indexes(&self.negative_spans).take(self.negative).map(|i| (2, i));
        [(0, 0), (0, 1)].into_iter().chain(positive).chain(negative)
    }

    /// A histogram of this layout, without its sum and hint.
    pub(super) fn histogram(&self, counts: Counts) -> Histogram {
        Histogram {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            positive_spans: self.positive_spans.clone(),
            negative_spans: self.negative_spans.clone(),
            custom_values: self.custom_values.clone(),
            counts,
            ..Histogram::stale()
        }
    }

    fn is(&self, other: &Layout) -> bool {
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        self.float == other.float
            && self.schema == other.schema
            && self.zero_threshold.to_bits() == other.zero_threshold.to_bits()
            && self.positive_spans == other.positive_spans
            && self.negative_spans == other.negative_spans
            && bits(&self.custom_values) == bits(&other.custom_values)
    }

    pub(super) fn encode(&self, before: Option<&Layout>, effort: Effort, out: &mut Vec<u8>) {
        if before.is_some_and(|before| self.is(before)) {
            out.push(SAME);
            return;
        }
        let threshold = match self.zero_threshold.to_bits() {
            0 => 0,
            bits if bits == TWO_TO_MINUS_128.to_bits() => DEFAULT_THRESHOLD,
            _ => OWN_THRESHOLD,
        };
        out.push(threshold | if self.float { FLOAT } else { 0 });
        out.push(self.schema as u8);
        if threshold == OWN_THRESHOLD {
            out.extend_from_slice(&self.zero_threshold.to_bits().to_le_bytes());
        }
        for spans in [&self.positive_spans, &self.negative_spans] {
            put_varint(out, spans.len() as u64);
            for span in spans {
                put_signed(out, i64::from(span.offset));
                put_varint(out, u64::from(span.length));
            }
        }
        put_varint(out, self.custom_values.len() as u64);
        if !self.custom_values.is_empty() {
            encode_values(&self.custom_values, effort, out);
        }
    }

    /// The layout of the next run; one with more than `max_cells` numbers is refused before it is read.
    pub(super) fn decode(
        before: Option<Layout>,
        cursor: &mut Cursor<'_>,
        max_cells: usize,
    ) -> Result<Layout, Malformed> {
        let flags = cursor.u8()?;
        if flags == SAME {
            return before.ok_or(Malformed);
        }
        let schema = cursor.u8()? as i8;
        let zero_threshold = match flags & !FLOAT {
            0 => 0.0,
            DEFAULT_THRESHOLD => TWO_TO_MINUS_128,
            OWN_THRESHOLD => f64::from_bits(cursor.u64_le()?),
            _ => return Err(Malformed),
        };
        let (positive_spans, positive) = decode_spans(cursor)?;
        let (negative_spans, negative) = decode_spans(cursor)?;
        let bounds = usize::try_from(cursor.varint()?).map_err(|_| Malformed)?;
        if bounds > MAX_SPANS.min(max_cells) {
            return Err(Malformed);
        }
        let mut custom_values = Vec::new();
        if bounds > 0 {
            take(cursor, |rest| decode_values(rest, bounds, &mut custom_values))?;
        }
        Ok(Layout {
            float: flags & FLOAT != 0,
            schema,
            zero_threshold,
            positive_spans,
            negative_spans,
            custom_values,
            positive,
            negative,
        })
    }
}

/// The spans of one side and how many buckets they have.
fn decode_spans(cursor: &mut Cursor<'_>) -> Result<(Vec<Span>, usize), Malformed> {
    let count = cursor.count()?;
    if count > MAX_SPANS {
        return Err(Malformed);
    }
    let mut spans = Vec::with_capacity(count);
    let mut buckets = 0usize;
    for _ in 0..count {
        let offset = i32::try_from(cursor.signed()?).map_err(|_| Malformed)?;
        let length = cursor.u32_varint()?;
        buckets = buckets.saturating_add(length as usize);
        spans.push(Span { offset, length });
    }
    if buckets > MAX_BUCKETS {
        return Err(Malformed);
    }
    Ok((spans, buckets))
}

/// The index of each bucket. Spans of a valid histogram do not reach beyond what fits; those of others wrap around.
fn indexes(spans: &[Span]) -> impl Iterator<Item = i32> + '_ {
    let starts = spans.iter().scan(0i32, |end, span| {
        let start = end.wrapping_add(span.offset);
        *end = start.wrapping_add_unsigned(span.length);
        Some((start, span.length))
    });
    starts.flat_map(|(start, length)| (0..length).map(move |i| start.wrapping_add_unsigned(i)))
}
