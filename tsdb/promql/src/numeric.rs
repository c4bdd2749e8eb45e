//! Arithmetic with Go's and Prometheus' corner cases.

use std::cmp::Ordering;

use model::metrics::is_stale_nan;

/// Kahan summation in Neumaier's variant: adds `inc` to `sum` with compensation `c`.
pub(crate) fn kahan_inc(inc: f64, sum: f64, c: f64) -> (f64, f64) {
    let t = sum + inc;
    let c = if t.is_infinite() {
        0.0
    } else if sum.abs() >= inc.abs() {
        c + ((sum - t) + inc)
    } else {
        c + ((inc - t) + sum)
    };
    (t, c)
}

/// A compensated sum.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KahanSum {
    pub(crate) sum: f64,
    pub(crate) c: f64,
}

impl KahanSum {
    pub(crate) fn add(&mut self, x: f64) {
        (self.sum, self.c) = kahan_inc(x, self.sum, self.c);
    }

    pub(crate) fn total(self) -> f64 {
        if self.sum.is_infinite() {
            self.sum
        } else {
            self.sum + self.c
        }
    }
}

/// A mean that sums as long as the sum fits a float, and turns to a running mean from there on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    count: f64,
    sum: f64,
    c: f64,
    incremental: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, x: f64) {
        self.count += 1.0;
        if !self.incremental {
            let (sum, c) = kahan_inc(x, self.sum, self.c);
            if self.count == 1.0 || !sum.is_infinite() {
                (self.sum, self.c) = (sum, c);
                return;
            }
            self.incremental = true;
            self.sum /= self.count - 1.0;
            self.c /= self.count - 1.0;
        }
        let q = (self.count - 1.0) / self.count;
        (self.sum, self.c) = kahan_inc(x / self.count, q * self.sum, q * self.c);
    }

    /// The mean of `count` values with this sum and the error of it.
    pub(crate) fn of_sum(sum: f64, error: f64, count: f64) -> Mean {
        Mean {
            count,
            sum,
            c: error,
            incremental: false,
        }
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> f64 {
        self.count
    }

    /// Takes the values that another mean is of.
    pub(crate) fn merge(&mut self, other: &Mean) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        let count = self.count + other.count;
        let share = |mean: &Mean| {
            let weight = if mean.incremental {
                mean.count / count
            } else {
                1.0 / count
            };
            (mean.sum * weight, mean.c * weight)
        };
        let ((a, a_error), (b, b_error)) = (share(self), share(other));
        let (sum, c) = kahan_inc(b, a, a_error + b_error);
        *self = Mean {
            count,
            sum,
            c,
            incremental: true,
        };
    }

    pub(crate) fn total(self) -> f64 {
        if self.incremental {
            self.sum + self.c
        } else {
            self.sum / self.count + self.c / self.count
        }
    }
}

/// The population variance by Welford's method, compensated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: KahanPair,
    aux: KahanPair,
}

#[derive(Debug, Clone, Copy, Default)]
struct KahanPair(f64, f64);

impl Variance {
    pub(crate) fn add(&mut self, x: f64) {
        self.count += 1.0;
        let delta = x - (self.mean.0 + self.mean.1);
        let (m, mc) = kahan_inc(delta / self.count, self.mean.0, self.mean.1);
        self.mean = KahanPair(m, mc);
        let (a, ac) = kahan_inc(delta * (x - (m + mc)), self.aux.0, self.aux.1);
        self.aux = KahanPair(a, ac);
    }

    pub(crate) fn total(self) -> f64 {
        (self.aux.0 + self.aux.1) / self.count
    }
}

/// The order of `sort` and of quantiles: NaN before all numbers.
pub(crate) fn nan_first(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// The `q`-quantile of `values`, which get sorted, by linear interpolation between the closest ranks.
/// NaN without values or with a NaN `q`; infinite where `q` is outside of 0 to 1.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| nan_first(*a, *b));
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Go's `math.Max`: infinite if either is, else NaN if either is; 0 is more than -0.
pub(crate) fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

/// Go's `math.Min`: negatively infinite if either is, else NaN if either is; -0 is less than 0.
pub(crate) fn go_min(a: f64, b: f64) -> f64 {
    -go_max(-a, -b)
}

/// Whether `a` and `b` differ by less than the share `epsilon` of their sum; NaN equals NaN, but not a staleness
/// marker.
pub(crate) fn almost_equal(a: f64, b: f64, epsilon: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan() && is_stale_nan(a) == is_stale_nan(b);
    }
    if a == b {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < epsilon * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < epsilon
}

/// Writes a float as Prometheus writes sample values in labels and expressions: the shortest decimal digits
/// that read back the same, never an exponent; `+Inf`, `-Inf`, `NaN`.
pub fn format_float(x: f64) -> String {
    if x.is_nan() {
        "NaN".to_owned()
    } else if x.is_infinite() {
        if x > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        }
    } else {
        x.to_string()
    }
}

/// Reads a float as Go's `strconv.ParseFloat` does, except for hexadecimal ones: `Inf`, `infinity` and `NaN`
/// in any letter case, with an optional sign for the former.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    text.trim_start_matches('+')
        .parse()
        .ok()
        .filter(|_| !text.starts_with("++") && !text.starts_with("+-"))
}

#[cfg(test)]
mod tests;
