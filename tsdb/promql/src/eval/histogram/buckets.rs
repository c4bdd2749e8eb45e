//! Quantiles and fractions of cumulative buckets, by linear interpolation within a bucket.

use crate::numeric::almost_equal;

/// A bucket: how many observations are at most its upper bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) upper_bound: f64,
    pub(super) count: f64,
}

/// A quantile, and where the counts had to be made monotonic for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantile {
    pub(super) value: f64,
    pub(super) forced: Option<Raised>,
}

/// Buckets whose counts were raised, since they were below that of a bucket within them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Raised {
    /// The lowest upper bound of such a bucket.
    pub(super) lowest: f64,
    /// The highest one.
    pub(super) highest: f64,
    /// By how much at most.
    pub(super) difference: f64,
}

/// Counts that differ by less than this share of their sum are taken for equal: sums of rates in different
/// orders differ so.
const SMALL_DELTA: f64 = 1e-12;

/// The `q`-quantile. `buckets` are sorted by bound and not empty; they get cleaned.
pub(super) fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> Quantile {
    let plain = |value: f64| Quantile { value, forced: None };
    if q.is_nan() {
        return plain(f64::NAN);
    }
    if q < 0.0 {
        return plain(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return plain(f64::INFINITY);
    }
    if buckets.last().is_none_or(|b| b.upper_bound != f64::INFINITY) {
        return plain(f64::NAN);
    }
    coalesce(buckets);
    let forced = make_monotonic(buckets);
    Quantile {
        value: interpolate(q, buckets),
        forced,
    }
}

fn interpolate(q: f64, buckets: &[Bucket]) -> f64 {
    let (Some(first), [below_infinite @ .., last]) = (buckets.first(), buckets) else {
        return f64::NAN;
    };
    let Some(highest) = below_infinite.last().filter(|_| last.count != 0.0) else {
        return f64::NAN;
    };
    let rank = q * last.count;
    let at = below_infinite.partition_point(|b| b.count.partial_cmp(&rank).is_none_or(|o| o.is_lt()));
    let Some(here) = below_infinite.get(at) else {
        return highest.upper_bound;
    };
    if at == 0 && first.upper_bound <= 0.0 {
        return first.upper_bound;
    }
    let below = at.checked_sub(1).and_then(|i| buckets.get(i)).copied();
    let below = below.unwrap_or(Bucket {
        upper_bound: 0.0,
        count: 0.0,
    });
    let share = (rank - below.count) / (here.count - below.count);
    below.upper_bound + (here.upper_bound - below.upper_bound) * share
}

/// Joins buckets of equal bounds.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|b, into| {
        let same = b.upper_bound == into.upper_bound;
        if same {
            into.count += b.count;
        }
        same
    });
}

/// Makes counts ascend; tells of those that really descended.
fn make_monotonic(buckets: &mut [Bucket]) -> Option<Raised> {
    let mut raised: Option<Raised> = None;
    let mut previous = buckets.first().map_or(0.0, |b| b.count);
    for bucket in buckets.iter_mut().skip(1) {
        if almost_equal(previous, bucket.count, SMALL_DELTA) {
            bucket.count = previous;
        } else if bucket.count < previous {
            let (bound, difference) = (bucket.upper_bound, previous - bucket.count);
            bucket.count = previous;
            let before = raised.unwrap_or(Raised {
                lowest: bound,
                highest: bound,
                difference,
            });
            raised = Some(Raised {
                lowest: before.lowest.min(bound),
                highest: before.highest.max(bound),
                difference: before.difference.max(difference),
            });
        } else {
            previous = bucket.count;
        }
    }
    raised
}

/// The share of observations between `lower` and `upper`. `buckets` are sorted by bound and not empty.
pub(super) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if buckets.last().is_none_or(|b| b.upper_bound != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets.last().map_or(0.0, |b| b.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets).min(count) - rank_of(lower, buckets).min(count)) / count
}

/// How many observations are below `x`.
fn rank_of(x: f64, buckets: &[Bucket]) -> f64 {
    let mut rank = 0.0;
    let mut from = match buckets.first() {
        Some(first) if first.upper_bound > 0.0 => 0.0,
        _ => f64::NEG_INFINITY,
    };
    for bucket in buckets {
        if from >= x {
            return rank;
        }
        if bucket.upper_bound > x && from == f64::NEG_INFINITY {
            // No interpolation in a bucket of infinite width: nothing of it lies between finite bounds.
            return bucket.count;
        }
        if bucket.upper_bound > x {
            return rank + (bucket.count - rank) * (x - from) / (bucket.upper_bound - from);
        }
        rank = bucket.count;
        from = bucket.upper_bound;
    }
    rank
}
