//! The engine's native histogram: all counts are floats, and buckets are absolute.
//!
//! [`model::Histogram`] is what is stored and sent; this is what is computed with. The two convert into each other, at
//! the cost of one copy. Arithmetic first brings two histograms to a common layout (the coarser schema, the wider zero
//! bucket, the bounds that both have) and costs one pass over the buckets of both; where the layouts are the same
//! already, which is the rule within a series, it is a loop over two slices.
//!
//! The semantics are those of Prometheus' `model/histogram` and of the histogram functions of its engine.

mod bounds;
mod bucket;
mod cells;
mod compare;
mod convert;
mod display;
mod merge;
mod quantile;
mod reset;
mod resolution;
mod side;
mod stats;
mod sum;
mod trim;
mod zero;

use std::sync::Arc;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint};
use model::metrics::is_stale_nan;

pub use bucket::Bucket;
pub(crate) use display::Short;
pub use merge::{MergeNotes, MixedSchemas};
pub use quantile::NanNote;
pub use side::Side;
pub use sum::{HistogramMean, HistogramSum};
pub use trim::Trim;

/// One native histogram in evaluation. Two are equal if they have the same buckets, empty ones included, with bitwise
/// equal counts and sums; the reset hint is not compared.
#[derive(Debug, Clone)]
pub struct FloatHistogram {
    /// One of [`model::histogram::EXPONENTIAL_SCHEMAS`], or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i8,
    /// What is known of a reset before this sample.
    pub reset_hint: CounterResetHint,
    /// How far from zero the zero bucket reaches, inclusive. 0 for custom buckets.
    pub zero_threshold: f64,
    /// Observations in the zero bucket. 0 for custom buckets.
    pub zero_count: f64,
    /// All observations, those that are NaN included.
    pub count: f64,
    /// The sum of the observations.
    pub sum: f64,
    /// Buckets above zero; all buckets where they are custom.
    pub positive: Side,
    /// Buckets below zero, counted away from zero.
    pub negative: Side,
    /// The upper bounds of custom buckets but the last, which goes to infinity. Empty for exponential schemas.
    pub custom_values: Arc<[f64]>,
}

impl Default for FloatHistogram {
    fn default() -> FloatHistogram {
        FloatHistogram {
            schema: 0,
            reset_hint: CounterResetHint::Unknown,
            zero_threshold: 0.0,
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: Side::default(),
            negative: Side::default(),
            custom_values: Arc::default(),
        }
    }
}

impl FloatHistogram {
    /// One without observations that can be merged with `other` without changing its schema or bounds.
    pub fn empty_like(other: &FloatHistogram) -> FloatHistogram {
        FloatHistogram {
            schema: other.schema,
            custom_values: Arc::clone(&other.custom_values),
            ..FloatHistogram::default()
        }
    }

    /// Whether the buckets have bounds of their own.
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Whether this is a staleness marker.
    pub fn is_stale(&self) -> bool {
        is_stale_nan(self.sum)
    }

    /// Whether it is of a current state, for which counter functions mean nothing.
    pub fn is_gauge(&self) -> bool {
        self.reset_hint == CounterResetHint::Gauge
    }

    /// The mean of the observations.
    pub fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// Multiplies all counts and the sum. A negative factor makes it a gauge.
    pub fn multiply(&mut self, factor: f64) {
        self.each_number(|x| *x *= factor);
        if factor < 0.0 {
            self.reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. A negative divisor makes it a gauge; zero takes the buckets away.
    pub fn divide(&mut self, divisor: f64) {
        self.each_number(|x| *x /= divisor);
        if divisor == 0.0 {
            self.positive = Side::default();
            self.negative = Side::default();
        }
        if divisor < 0.0 {
            self.reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Whether a count or the sum is infinite: arithmetic has gone beyond what floats can say.
    pub fn has_overflow(&self) -> bool {
        let totals = [self.zero_count, self.count, self.sum];
        let sides = self.positive.buckets.iter().chain(&self.negative.buckets);
        totals.iter().chain(sides).any(|x| x.is_infinite())
    }

    /// Takes empty buckets away from both ends of all runs, and from within runs where more than `max_empty` lie side by
    /// side; joins runs that are at most `max_empty` apart.
    pub fn compact(&mut self, max_empty: u32) {
        self.positive.compact(max_empty);
        self.negative.compact(max_empty);
    }

    /// Bytes of memory it takes, roughly: for budgets.
    pub fn memory_bytes(&self) -> usize {
        let heap = self.positive.memory_bytes() + self.negative.memory_bytes();
        size_of::<FloatHistogram>() + heap + size_of_val(&*self.custom_values)
    }

    fn each_number(&mut self, mut change: impl FnMut(&mut f64)) {
        change(&mut self.zero_count);
        change(&mut self.count);
        change(&mut self.sum);
        self.positive.buckets.iter_mut().for_each(&mut change);
        self.negative.buckets.iter_mut().for_each(&mut change);
    }
}

#[cfg(test)]
mod tests;
