//! The text of a histogram, and numbers as Go's `%g` writes them.

use std::fmt;

use super::{Bucket, FloatHistogram};

/// `{count:…, sum:…, [lower,upper]:count, …}` with the populated buckets from the lowest to the highest, as Prometheus
/// writes it where a histogram must be a text, as in the label of `count_values`.
impl fmt::Display for FloatHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", Short(self.count), Short(self.sum))?;
        let negative = self.negative.iter_rev().map(|(i, n)| self.negative_bucket(i, n));
        let positive = self.positive.iter().map(|(i, n)| self.positive_bucket(i, n));
        let zero = std::iter::once(self.zero_bucket());
        let mut populated = negative.chain(zero).chain(positive).filter(|b| b.count != 0.0);
        populated.try_for_each(|bucket| write!(f, ", {bucket}"))?;
        f.write_str("}")
    }
}

/// `[` and `]` where a bound belongs to the bucket, `(` and `)` where it does not.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        let (lower, upper) = (Short(self.lower), Short(self.upper));
        write!(f, "{open}{lower},{upper}{close}:{}", Short(self.count))
    }
}

/// A number in the fewest digits that read back the same, with an exponent below 1e-4 and from 1e6 on: Go's `%g`.
pub(crate) struct Short(pub(crate) f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let x = self.0;
        if !x.is_finite() {
            return f.write_str(&crate::numeric::format_float(x));
        }
        let scientific = format!("{x:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if (-4..6).contains(&exponent) {
            return write!(f, "{x}");
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(f, "{digits}e{sign}{:02}", exponent.abs())
    }
}
