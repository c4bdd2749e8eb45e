//! Sums over many overlapping windows of one series, each in constant time, with the very bits that Kahan's summation
//! of the window alone gives.
//!
//! Prefix sums are kept as pairs of floats (106 bits), so that the sum of a window is a difference. It is taken only
//! where it is proved to round to what the loop over the window rounds to: everything that the two ways of computing can
//! differ by is bounded, and if a bound could reach over to the neighbouring float, the caller has to loop. Where all
//! values are small multiples of one power of two, as whole numbers are, no addition rounds at all and the difference is
//! exact. Costs: two passes over the series, 8 or 16 bytes a sample; a window costs a few additions.
//!
//! Source: T. J. Dekker, "A floating-point technique for extending the available precision", 1971; the error of
//! Neumaier's sum after N. J. Higham, "Accuracy and Stability of Numerical Algorithms", chapter 4.

/// Sums of absolute values beyond this are left to the loop, which knows what to do with infinities.
const LARGEST: f64 = 1e300;

/// Beyond so many samples the bounds below would need another derivation.
const MOST_SAMPLES: usize = 1 << 24;

/// Whole multiples of a unit below this many add up without rounding.
const MOST_UNITS: f64 = 9e15;

/// The error of one addition of pairs, relative to the largest sum; generous.
const PAIR_ERROR: f64 = f64::EPSILON * f64::EPSILON * 8.0;

/// The sum of two floats and what rounding took from it.
#[inline]
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// So many samples are added before what rounding took is carried over, which takes longer than adding.
const CARRY_EVERY: usize = 64;

/// Sums of the values from the first to each: one more than there are values, the first is zero.
#[derive(Debug)]
pub(super) enum PrefixSums {
    /// No addition of any of the values rounds.
    Exact(Vec<f64>),
    /// Sums and what rounding took from them.
    Pairs {
        sums: Vec<(f64, f64)>,
        /// By how much the addition of one pair can be wrong.
        error: f64,
    },
}

impl PrefixSums {
    /// Of the values of a series; `None` where they are not fit for it: not finite, too large, too many.
    pub(super) fn of(values: &[f64]) -> Option<PrefixSums> {
        let absolute: f64 = values.iter().map(|v| v.abs()).sum();
        if !(absolute < LARGEST) || values.len() > MOST_SAMPLES {
            return None;
        }
        if grid(values).is_some_and(|unit| absolute / unit < MOST_UNITS) {
            let mut sum = 0.0;
            let sums = values.iter().map(|value| {
                sum += value;
                sum
            });
            return Some(PrefixSums::Exact(std::iter::once(0.0).chain(sums).collect()));
        }
        let mut sums = Vec::with_capacity(values.len() + 1);
        let (mut high, mut low) = (0.0, 0.0);
        sums.push((high, low));
        for some in values.chunks(CARRY_EVERY) {
            for value in some {
                let error;
                (high, error) = two_sum(high, *value);
                low += error;
                sums.push((high, low));
            }
            (high, low) = two_sum(high, low);
        }
        let error = absolute * PAIR_ERROR;
        Some(PrefixSums::Pairs { sums, error })
    }

    /// Whether sums are exact, so that a plain loop would round nowhere either.
    pub(super) fn are_exact(&self) -> bool {
        matches!(self, PrefixSums::Exact(_))
    }

    /// The sum of the values from `from` to `to` (exclusive); `None` where it takes a loop to say its last bit.
    #[inline]
    pub(super) fn between(&self, from: usize, to: usize) -> Option<f64> {
        let (sums, error) = match self {
            PrefixSums::Exact(sums) => return Some(sums.get(to)? - sums.get(from)?),
            PrefixSums::Pairs { sums, error } => (sums, error),
        };
        let (low, high) = (sums.get(from)?, sums.get(to)?);
        let (sum, rest) = two_sum(high.0, -low.0);
        let (sum, rest) = two_sum(sum, rest + (high.1 - low.1));
        // The low parts of the prefixes are plain sums of up to so many errors of half an ulp of the prefixes, and so is
        // Neumaier's correction of a window of n: it misses at most n^2 times the square of that.
        let n = to.saturating_sub(from) as f64;
        let error = error * (n * n + (CARRY_EVERY * sums.len()) as f64);
        (sum + (rest + error) == sum && sum + (rest - error) == sum).then_some(sum)
    }
}

/// A power of two of which all values are multiples, if they are finite and one is not zero.
fn grid(values: &[f64]) -> Option<f64> {
    let lowest_bit = |v: &f64| {
        let bits = v.to_bits();
        let mantissa = bits & ((1 << 52) - 1);
        let exponent = ((bits >> 52) & 0x7ff) as i32;
        let (mantissa, exponent) = if exponent == 0 {
            (mantissa, 1)
        } else {
            (mantissa | (1 << 52), exponent)
        };
        if mantissa == 0 {
            i32::MAX
        } else {
            exponent + mantissa.trailing_zeros() as i32
        }
    };
    let lowest = values.iter().map(lowest_bit).min().unwrap_or(i32::MAX);
    // A float of biased exponent e has its last bit at 2^(e - 1075).
    Some(if lowest == i32::MAX {
        1.0
    } else {
        2f64.powi(lowest - 1075)
    })
    .filter(|unit| *unit > 0.0)
}
