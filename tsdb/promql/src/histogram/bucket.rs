//! Buckets with the bounds that they cover, in the order of the numbers.

use super::{FloatHistogram, bounds};
use crate::go_math::log2;

/// A bucket with what it covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to the bucket.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to the bucket.
    pub upper_inclusive: bool,
    /// How many observations are in it.
    pub count: f64,
}

impl Bucket {
    /// Of nothing, at zero.
    pub(super) const EMPTY: Bucket = Bucket {
        lower: 0.0,
        upper: 0.0,
        lower_inclusive: false,
        upper_inclusive: false,
        count: 0.0,
    };

    /// Which share of the bucket's width lies below `at`, which is between the bounds: on a straight scale or a
    /// logarithmic one.
    pub(super) fn share_below(&self, at: f64, linear: bool) -> f64 {
        if linear {
            return (at - self.lower) / (self.upper - self.lower);
        }
        let [lower, upper, at_log] = [self.lower, self.upper, at].map(|x| log2(x.abs()));
        if at > 0.0 {
            (at_log - lower) / (upper - lower)
        } else {
            1.0 - (at_log - upper) / (lower - upper)
        }
    }
}

impl FloatHistogram {
    /// All buckets from the lowest to the highest. The neighbours of the zero bucket end where it begins.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        let negative = self.negative.iter_rev().map(|(i, n)| self.negative_bucket(i, n));
        let positive = self.positive.iter().map(|(i, n)| self.positive_bucket(i, n));
        let outside = |bucket| self.outside_zero(bucket);
        negative
            .map(outside)
            .chain(self.zero_bucket_if_any())
            .chain(positive.map(outside))
    }

    /// All buckets from the highest to the lowest, otherwise as [`buckets`](Self::buckets).
    pub fn buckets_rev(&self) -> impl Iterator<Item = Bucket> + '_ {
        let positive = self.positive.iter_rev().map(|(i, n)| self.positive_bucket(i, n));
        let negative = self.negative.iter().map(|(i, n)| self.negative_bucket(i, n));
        let outside = |bucket| self.outside_zero(bucket);
        positive
            .map(outside)
            .chain(self.zero_bucket_if_any())
            .chain(negative.map(outside))
    }

    /// The zero bucket, empty or not.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    fn zero_bucket_if_any(&self) -> Option<Bucket> {
        (self.zero_count > 0.0).then(|| self.zero_bucket())
    }

    /// Bucket `index` of the positive side.
    pub(super) fn positive_bucket(&self, index: i32, count: f64) -> Bucket {
        let before = index.wrapping_sub(1);
        if self.has_custom_buckets() {
            return Bucket {
                lower: bounds::custom(before, &self.custom_values),
                upper: bounds::custom(index, &self.custom_values),
                lower_inclusive: index == 0,
                upper_inclusive: true,
                count,
            };
        }
        Bucket {
            lower: bounds::exponential(before, self.schema),
            upper: bounds::exponential(index, self.schema),
            lower_inclusive: false,
            upper_inclusive: true,
            count,
        }
    }

    /// Bucket `index` of the negative side.
    pub(super) fn negative_bucket(&self, index: i32, count: f64) -> Bucket {
        Bucket {
            lower: -bounds::exponential(index, self.schema),
            upper: -bounds::exponential(index.wrapping_sub(1), self.schema),
            lower_inclusive: true,
            upper_inclusive: false,
            count,
        }
    }

    /// The bucket without what the zero bucket covers.
    fn outside_zero(&self, mut bucket: Bucket) -> Bucket {
        let zero = self.zero_threshold;
        if bucket.upper < 0.0 && bucket.upper > -zero {
            bucket.upper = -zero;
        } else if bucket.lower > 0.0 && bucket.lower < zero {
            bucket.lower = zero;
        }
        bucket
    }
}
