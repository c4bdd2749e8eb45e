//! `</` and `>/`: a histogram without the observations above or below a value.
//!
//! A bucket that contains the value is cut by interpolation. The sum of what is left is estimated from the middles of the
//! buckets, since nothing else is known of it.

use super::{Bucket, FloatHistogram};

/// Which observations to take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// Those above the value: the operator `</`.
    Upper,
    /// Those below the value: the operator `>/`.
    Lower,
}

/// What is left of a bucket: how many observations, and where they are in the middle.
#[derive(Debug, Clone, Copy)]
struct Kept {
    count: f64,
    middle: f64,
}

impl FloatHistogram {
    /// Takes away the observations on one side of `at`. If there are any, count and sum become those of what is left and
    /// the histogram is compacted.
    pub fn trim(&mut self, at: f64, side: Trim) {
        let linear = self.has_custom_buckets();
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let mut keep = |bucket: &Bucket, positive: bool| {
            if bucket.count == 0.0 {
                return bucket.count;
            }
            let kept = cut(bucket, at, side, Scale { positive, linear });
            count += kept.count;
            if kept.count != 0.0 {
                sum += kept.middle * kept.count;
            }
            changed |= kept.count != bucket.count;
            kept.count
        };
        let positive: Vec<f64> = self
            .positive
            .iter()
            .map(|(i, n)| keep(&self.positive_bucket(i, n), true))
            .collect();
        let negative: Vec<f64> = self
            .negative
            .iter()
            .map(|(i, n)| keep(&self.negative_bucket(i, n), false))
            .collect();
        if self.zero_count > 0.0 {
            let populated = |buckets: &[f64]| buckets.iter().any(|n| *n != 0.0);
            let has = (
                populated(&self.negative.buckets),
                populated(&self.positive.buckets),
            );
            let kept = cut_zero(&self.zero_bucket(), at, side, has);
            changed |= kept.count != self.zero_count;
            sum += kept.middle * kept.count;
            count += kept.count;
            self.zero_count = kept.count;
        }
        self.positive.buckets = positive;
        self.negative.buckets = negative;
        if changed {
            self.count = count;
            self.sum = sum;
            self.compact(0);
        }
    }
}

/// How observations are spread in a bucket.
#[derive(Debug, Clone, Copy)]
struct Scale {
    positive: bool,
    linear: bool,
}

/// What is left of a bucket.
fn cut(bucket: &Bucket, at: f64, side: Trim, scale: Scale) -> Kept {
    let (whole, part) = match side {
        Trim::Upper => (bucket.upper <= at, bucket.lower < at),
        Trim::Lower => (bucket.lower >= at, bucket.upper > at),
    };
    if whole {
        return Kept {
            count: bucket.count,
            middle: middle(bucket.lower, bucket.upper, scale),
        };
    }
    if !part {
        return Kept {
            count: 0.0,
            middle: 0.0,
        };
    }
    if bucket.lower == f64::NEG_INFINITY || bucket.upper == f64::INFINITY {
        return cut_infinite(bucket, at, side);
    }
    let below = bucket.count * bucket.share_below(at, scale.linear);
    match side {
        Trim::Upper => Kept {
            count: below,
            middle: middle(bucket.lower, at, scale),
        },
        Trim::Lower => Kept {
            count: bucket.count - below,
            middle: middle(at, bucket.upper, scale),
        },
    }
}

/// What is left of a bucket that goes to infinity and contains the value. How its observations are spread is not known,
/// except that a first custom bucket which reaches beyond zero is taken to begin there.
fn cut_infinite(bucket: &Bucket, at: f64, side: Trim) -> Kept {
    let nothing = Kept {
        count: 0.0,
        middle: 0.0,
    };
    if bucket.lower == f64::NEG_INFINITY {
        let finite = bucket.upper != f64::INFINITY;
        return match side {
            Trim::Upper if at > 0.0 && bucket.upper > 0.0 && finite => Kept {
                count: bucket.count * at / bucket.upper,
                middle: at / 2.0,
            },
            Trim::Upper if bucket.upper <= 0.0 => Kept {
                count: bucket.count,
                middle: at,
            },
            Trim::Lower if at >= 0.0 && finite => Kept {
                count: bucket.count * (1.0 - at / bucket.upper),
                middle: (at + bucket.upper) / 2.0,
            },
            Trim::Upper | Trim::Lower => nothing,
        };
    }
    match side {
        Trim::Upper => nothing,
        Trim::Lower => Kept {
            count: bucket.count,
            middle: at,
        },
    }
}

/// What is left of the zero bucket, which ends at zero on the side where there are no populated buckets, if there are some
/// on the other. `has` says that of the negative and the positive side.
fn cut_zero(bucket: &Bucket, at: f64, side: Trim, has: (bool, bool)) -> Kept {
    if at.is_nan() {
        return Kept {
            count: at,
            middle: at,
        };
    }
    let (lower, upper) = match has {
        (true, false) => (bucket.lower, 0.0),
        (false, true) => (0.0, bucket.upper),
        _ => (bucket.lower, bucket.upper),
    };
    let (from, to) = match side {
        Trim::Upper => (lower, at.min(upper)),
        Trim::Lower => (at.max(lower), upper),
    };
    if from == lower && to == upper && !(side == Trim::Upper && at <= lower) {
        return Kept {
            count: bucket.count,
            middle: f64::midpoint(lower, upper),
        };
    }
    if from >= to {
        return Kept {
            count: 0.0,
            middle: 0.0,
        };
    }
    Kept {
        count: bucket.count * ((to - from) / (upper - lower)),
        middle: f64::midpoint(from, to),
    }
}

/// Where the observations between two bounds are in the middle.
fn middle(lower: f64, upper: f64, Scale { positive, linear }: Scale) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => f64::midpoint(lower, upper),
        (false, false) => {
            let middle = (lower * upper).abs().sqrt();
            if positive { middle } else { -middle }
        }
    }
}
