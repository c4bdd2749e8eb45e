//! Zero buckets of different widths.
//!
//! The zero bucket of a sum must reach as far as the wider of the two, and its edge must not be within a populated bucket
//! of either: it moves outwards until that is so.

use std::cmp::Ordering;

use super::merge::Errors;
use super::{FloatHistogram, Side};
use crate::numeric::kahan_inc;

/// A zero bucket as it would be.
pub(super) struct WiderZero {
    pub(super) threshold: f64,
    pub(super) count: f64,
    /// What rounding took from the count.
    pub(super) error: f64,
}

impl FloatHistogram {
    /// Widens our zero bucket as far as needed for both; gives the zero bucket that `other` would then have.
    pub(super) fn reconcile_zero_buckets(
        &mut self,
        other: &FloatHistogram,
        errors: &mut Errors,
    ) -> WiderZero {
        let mut theirs = WiderZero {
            threshold: other.zero_threshold,
            count: other.zero_count,
            error: 0.0,
        };
        while theirs.threshold != self.zero_threshold {
            if self.zero_threshold > theirs.threshold {
                theirs = other.wider_zero(self.zero_threshold, None);
            }
            if theirs.threshold > self.zero_threshold {
                let wider = self.wider_zero(theirs.threshold, Some(errors));
                self.widen_zero(&wider, errors);
            } else if theirs.threshold.is_nan() || self.zero_threshold.is_nan() {
                // They can be compared with nothing, and so never meet.
                break;
            }
        }
        if !errors.kept {
            theirs.error = 0.0;
        }
        theirs
    }

    /// The zero bucket if it reached to `threshold`, or to the end of the populated bucket that this is in.
    pub(super) fn wider_zero(&self, mut threshold: f64, errors: Option<&Errors>) -> WiderZero {
        let mut zero = WiderZero {
            threshold,
            count: self.zero_count,
            error: errors.map_or(0.0, |e| e.zero_count),
        };
        if threshold == self.zero_threshold {
            return zero;
        }
        loop {
            zero.threshold = threshold;
            zero.count = self.zero_count;
            let positive = self.swallow(&self.positive, errors.map(|e| e.positive.as_slice()), &mut zero);
            zero.threshold = positive;
            let negative = self.swallow(&self.negative, errors.map(|e| e.negative.as_slice()), &mut zero);
            // A threshold that is NaN never gets wider.
            if negative.partial_cmp(&positive) != Some(Ordering::Greater) {
                return zero;
            }
            // The positive side has to be looked at again with the wider bucket. What rounding took stays as it is: so it
            // does in Prometheus, and the last digit of a sum depends on it.
            threshold = negative;
        }
    }

    /// Adds to `zero` the buckets of a side that begin within it; gives where it must end.
    fn swallow(&self, side: &Side, errors: Option<&[f64]>, zero: &mut WiderZero) -> f64 {
        for (i, (index, count)) in side.iter().enumerate() {
            // Both sides have the same bounds, but for the sign.
            let bucket = self.positive_bucket(index, count);
            if bucket.lower >= zero.threshold {
                break;
            }
            (zero.count, zero.error) = kahan_inc(count, zero.count, zero.error);
            if let Some(error) = errors.and_then(|e| e.get(i)) {
                (zero.count, zero.error) = kahan_inc(*error, zero.count, zero.error);
            }
            if bucket.upper > zero.threshold {
                if count != 0.0 {
                    return bucket.upper;
                }
                break;
            }
        }
        zero.threshold
    }

    /// Makes `zero` the zero bucket and drops the buckets within it.
    fn widen_zero(&mut self, zero: &WiderZero, errors: &mut Errors) {
        self.zero_threshold = zero.threshold;
        self.zero_count = zero.count;
        errors.zero_count = zero.error;
        let schema = self.schema;
        let outside =
            |index: i32| super::bounds::exponential(index.wrapping_sub(1), schema) >= zero.threshold;
        self.positive.retain(&mut errors.positive, outside);
        self.negative.retain(&mut errors.negative, outside);
    }
}

impl Side {
    /// Keeps the populated buckets whose index satisfies `keep`.
    fn retain(&mut self, errors: &mut Vec<f64>, keep: impl Fn(i32) -> bool) {
        let mut kept: Vec<_> = super::cells::with_errors(self, errors).collect();
        kept.retain(|c| keep(c.index) && (c.count != 0.0 || c.error != 0.0));
        (*self, *errors) = super::cells::split(&kept);
    }
}
