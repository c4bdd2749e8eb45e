//! Quantiles and fractions of the observations, interpolated within buckets.
//!
//! Within an exponential bucket the observations are taken to be spread evenly on a logarithmic scale, within the zero
//! bucket and custom buckets on a straight one. The zero bucket ends at zero on the side where there are no buckets.

use super::{Bucket, FloatHistogram};
use crate::go_math::{exp2, log2};

/// What observations that are NaN did to a quantile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NanNote {
    /// They count as the highest, so the quantile may be too high.
    Skewed,
    /// The quantile falls among them, and is NaN.
    IsNan,
}

impl FloatHistogram {
    /// The value below which the share `q` of the observations is. NaN without observations or where `q` is, infinite
    /// where it is outside of 0 to 1.
    pub fn quantile(&self, q: f64) -> (f64, Option<NanNote>) {
        if q < 0.0 {
            return (f64::NEG_INFINITY, None);
        }
        if q > 1.0 {
            return (f64::INFINITY, None);
        }
        if self.count == 0.0 || q.is_nan() {
            return (f64::NAN, None);
        }
        // From the nearer end, but from below where NaN may be among the highest.
        if self.sum.is_nan() || q < 0.5 {
            self.quantile_among(self.buckets(), q * self.count, true)
        } else {
            self.quantile_among(self.buckets_rev(), (1.0 - q) * self.count, false)
        }
    }

    /// The value at a rank, by buckets that come from the end that ranks are counted from.
    fn quantile_among(
        &self,
        mut buckets: impl Iterator<Item = Bucket>,
        mut rank: f64,
        rising: bool,
    ) -> (f64, Option<NanNote>) {
        let mut count = 0.0;
        let mut bucket = Bucket::EMPTY;
        for next in buckets.by_ref() {
            bucket = next;
            count += bucket.count;
            if bucket.count != 0.0 && count >= rank {
                break;
            }
        }
        if self.has_custom_buckets() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return (bucket.upper, None);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return (bucket.lower, None);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            self.cut_zero_bucket(&mut bucket);
        }
        count = count.min(self.count);
        if count < rank {
            if self.sum.is_nan() {
                return (f64::NAN, Some(NanNote::IsNan));
            }
            return (bucket.upper, None);
        }
        rank = if rising {
            rank - (count - bucket.count)
        } else {
            count - rank
        };
        let mut note = None;
        if self.sum.is_nan() {
            for next in buckets {
                bucket = next;
                count += bucket.count;
            }
            note = (count < self.count).then_some(NanNote::Skewed);
        }
        (self.within(&bucket, rank / bucket.count), note)
    }

    /// The value at a share of a bucket's observations.
    fn within(&self, bucket: &Bucket, share: f64) -> f64 {
        if self.has_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
            return bucket.lower + (bucket.upper - bucket.lower) * share;
        }
        let [lower, upper] = [bucket.lower, bucket.upper].map(|x| log2(x.abs()));
        if bucket.lower > 0.0 {
            exp2(lower + (upper - lower) * share)
        } else {
            -exp2(upper + (lower - upper) * (1.0 - share))
        }
    }

    /// Ends the zero bucket at zero on the side where there are no buckets, if there are some on the other.
    fn cut_zero_bucket(&self, bucket: &mut Bucket) {
        match (self.negative.is_empty(), self.positive.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }

    /// The share of the observations between two values, and whether some are NaN and so in no bucket. NaN without
    /// observations or where a value is, 0 where `lower` is not less than `upper`.
    pub fn fraction(&self, lower: f64, upper: f64) -> (f64, bool) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, false);
        }
        if lower >= upper {
            return (0.0, false);
        }
        let mut buckets = self.buckets();
        let (mut in_buckets, mut rank) = (0.0, 0.0);
        let (mut lower_rank, mut upper_rank) = (None, None);
        for mut bucket in buckets.by_ref() {
            in_buckets += bucket.count;
            let is_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
            if is_zero {
                self.cut_zero_bucket(&mut bucket);
            }
            let linear = self.has_custom_buckets() || is_zero;
            lower_rank = lower_rank.or_else(|| rank_of(lower, &bucket, rank, linear));
            upper_rank = upper_rank.or_else(|| rank_of(upper, &bucket, rank, linear));
            if lower_rank.is_some() && upper_rank.is_some() {
                break;
            }
            rank += bucket.count;
        }
        let mut has_nan = false;
        let mut highest = self.count;
        if self.sum.is_nan() {
            highest = buckets.fold(in_buckets, |sum, bucket| sum + bucket.count);
            has_nan = highest < self.count;
        }
        let at_most = |rank: Option<f64>| match rank {
            Some(rank) if rank > highest => highest,
            Some(rank) => rank,
            None => highest,
        };
        ((at_most(upper_rank) - at_most(lower_rank)) / self.count, has_nan)
    }
}

/// How many observations are below `at`, if that is at the beginning of the bucket or within it. There are `before` below
/// the bucket.
fn rank_of(at: f64, bucket: &Bucket, before: f64, linear: bool) -> Option<f64> {
    if bucket.lower >= at {
        return Some(before);
    }
    if bucket.upper <= at || bucket.upper.is_nan() {
        return None;
    }
    if linear && bucket.lower == f64::NEG_INFINITY {
        // There is no way to cut a bucket without a beginning: all of it is below.
        return Some(bucket.count);
    }
    Some(before + bucket.count * bucket.share_below(at, linear))
}
