//! Native histograms: a distribution as one sample, with buckets that are only there where something fell into them.
//!
//! The form is Prometheus' (its native histogram specification): buckets have an index, and what a bucket covers
//! follows from the schema. With an exponential schema `s` bucket `i` covers `(2^((i-1)/2^s), 2^(i/2^s)]`, mirrored for
//! negative observations, and the zero bucket covers what lies within the zero threshold; with
//! [`CUSTOM_BUCKETS_SCHEMA`] bucket `i` ends at `custom_values[i]` and the one after the last goes to infinity. Counts
//! are whole numbers as they come from programs, or floats as they come from arithmetic, and stay what they were. A
//! histogram is shared behind an `Arc`; nothing here is done per sample on a hot path but [`Histogram::validate`],
//! which costs one pass over spans and buckets.

mod validate;

use std::sync::Arc;

pub use validate::InvalidHistogram;

use crate::metrics::{STALE_NAN, is_stale_nan};

/// The schema of buckets with bounds of their own instead of exponential ones.
pub const CUSTOM_BUCKETS_SCHEMA: i8 = -53;

/// The coarsest and the finest exponential schema.
pub const EXPONENTIAL_SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

/// Buckets a histogram may have on each side of zero; Prometheus' own programs stop at 160 and its scrapes at what a
/// body may weigh.
pub const MAX_BUCKETS: usize = 4096;

/// Spans a histogram may have on each side of zero, and bounds of custom buckets.
pub const MAX_SPANS: usize = 4096;

/// What is known of a counter reset between the sample before and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CounterResetHint {
    /// Whoever reads has to find out by comparing.
    #[default]
    Unknown,
    /// There was a reset before this sample.
    Reset,
    /// There was none.
    NoReset,
    /// The histogram is of a current state: resets mean nothing.
    Gauge,
}

impl CounterResetHint {
    /// The number that stands for the hint in remote write and in the text of a chunk: 0 to 3.
    pub fn as_u8(self) -> u8 {
        match self {
            CounterResetHint::Unknown => 0,
            CounterResetHint::Reset => 1,
            CounterResetHint::NoReset => 2,
            CounterResetHint::Gauge => 3,
        }
    }

    /// The hint that `number` stands for.
    pub fn from_u8(number: u8) -> Option<CounterResetHint> {
        Some(match number {
            0 => CounterResetHint::Unknown,
            1 => CounterResetHint::Reset,
            2 => CounterResetHint::NoReset,
            3 => CounterResetHint::Gauge,
            _ => return None,
        })
    }
}

/// A run of buckets that lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Buckets left out since the span before; for the first span, the index of its first bucket.
    pub offset: i32,
    /// Buckets in the run.
    pub length: u32,
}

/// Counts of observations, as whole numbers or as floats. Buckets are absolute counts in the order of the spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets<T> {
    /// All observations, those that are NaN included.
    pub count: T,
    /// Observations in the zero bucket.
    pub zero_count: T,
    /// One count for each bucket of the positive spans.
    pub positive: Vec<T>,
    /// One count for each bucket of the negative spans.
    pub negative: Vec<T>,
}

/// The counts of a histogram in the kind they were sent in.
#[derive(Debug, Clone)]
pub enum Counts {
    /// Of observations made.
    Integer(Buckets<u64>),
    /// Of rates, averages and whatever else arithmetic gives.
    Float(Buckets<f64>),
}

/// One native histogram. Equality is bit for bit: a NaN equals itself.
#[derive(Debug, Clone)]
pub struct Histogram {
    /// One of [`EXPONENTIAL_SCHEMAS`], or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i8,
    /// What is known of a reset before this sample.
    pub reset_hint: CounterResetHint,
    /// How far from zero the zero bucket reaches, inclusive.
    pub zero_threshold: f64,
    /// The sum of the observations; [`STALE_NAN`] makes the histogram a staleness marker.
    pub sum: f64,
    /// Where the positive buckets are.
    pub positive_spans: Vec<Span>,
    /// Where the negative buckets are.
    pub negative_spans: Vec<Span>,
    /// The upper bounds of custom buckets, strictly increasing; the last bucket, to infinity, has none. Empty for
    /// exponential schemas.
    pub custom_values: Vec<f64>,
    /// How many observations, and where.
    pub counts: Counts,
}

impl Histogram {
    /// The staleness marker: "this series of histograms ended here". It has no counts.
    pub fn stale() -> Histogram {
        Histogram {
            schema: 0,
            reset_hint: CounterResetHint::Unknown,
            zero_threshold: 0.0,
            sum: STALE_NAN,
            positive_spans: Vec::new(),
            negative_spans: Vec::new(),
            custom_values: Vec::new(),
            counts: Counts::Integer(Buckets::default()),
        }
    }

    /// Whether this is a staleness marker.
    pub fn is_stale(&self) -> bool {
        is_stale_nan(self.sum)
    }

    /// Whether the buckets have bounds of their own.
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Whether both have their buckets in the same places: schema, zero threshold, spans, bounds and kind of counts.
    pub fn same_layout(&self, other: &Histogram) -> bool {
        self.schema == other.schema
            && self.zero_threshold.to_bits() == other.zero_threshold.to_bits()
            && self.positive_spans == other.positive_spans
            && self.negative_spans == other.negative_spans
            && same_bits(&self.custom_values, &other.custom_values)
            && matches!(self.counts, Counts::Integer(_)) == matches!(other.counts, Counts::Integer(_))
    }

    /// Bytes of memory it takes, roughly: for budgets.
    pub fn memory_bytes(&self) -> usize {
        let counts = match &self.counts {
            Counts::Integer(b) => b.positive.capacity() + b.negative.capacity(),
            Counts::Float(b) => b.positive.capacity() + b.negative.capacity(),
        };
        let spans = self.positive_spans.capacity() + self.negative_spans.capacity();
        size_of::<Histogram>() + 8 * (counts + spans + self.custom_values.capacity())
    }
}

impl Counts {
    /// All observations, as a float.
    #[allow(clippy::cast_precision_loss)] // what Prometheus does too when it computes with a histogram
    pub fn count(&self) -> f64 {
        match self {
            Counts::Integer(b) => b.count as f64,
            Counts::Float(b) => b.count,
        }
    }
}

impl PartialEq for Counts {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Counts::Integer(a), Counts::Integer(b)) => a == b,
            (Counts::Float(a), Counts::Float(b)) => {
                a.count.to_bits() == b.count.to_bits()
                    && a.zero_count.to_bits() == b.zero_count.to_bits()
                    && same_bits(&a.positive, &b.positive)
                    && same_bits(&a.negative, &b.negative)
            }
            _ => false,
        }
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.reset_hint == other.reset_hint
            && self.sum.to_bits() == other.sum.to_bits()
            && self.same_layout(other)
            && self.counts == other.counts
    }
}

impl Eq for Histogram {}

/// A histogram at a time, as columns of them hold it.
pub type HistogramSample = (i64, Arc<Histogram>);

fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[cfg(test)]
mod tests;
