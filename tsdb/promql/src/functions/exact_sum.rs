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
        let absolute = absolute_sum(values);
        if absolute.is_nan() || absolute >= LARGEST || values.len() > MOST_SAMPLES {
            return None;
        }
        if let Some(exact) = PrefixSums::exact_of(values) {
            return Some(exact);
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

    /// The same, only where no sum rounds, so that a loop over a window rounds nowhere either. It is soon found out where
    /// that is not so.
    pub(super) fn exact_of(values: &[f64]) -> Option<PrefixSums> {
        if !on_grid(values, absolute_sum(values)) {
            return None;
        }
        let mut sum = 0.0;
        let sums = values.iter().map(|value| {
            sum += value;
            sum
        });
        Some(PrefixSums::Exact(std::iter::once(0.0).chain(sums).collect()))
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

/// The sum of the absolute values, in an order that lets several be added at once.
fn absolute_sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    for some in values.chunks(lanes.len()) {
        lanes
            .iter_mut()
            .zip(some)
            .for_each(|(sum, value)| *sum += value.abs());
    }
    lanes.iter().sum()
}

/// Whether all values are whole multiples of one power of two, so few in sum that no addition of them rounds.
fn on_grid(values: &[f64], absolute: f64) -> bool {
    if absolute.is_nan() || absolute >= LARGEST {
        return false;
    }
    let mut lowest = i32::MAX;
    values.chunks(64).all(|some| {
        lowest = some.iter().map(|v| lowest_bit(*v)).fold(lowest, i32::min);
        // A float of biased exponent e has its last bit at 2^(e - 1075).
        lowest == i32::MAX || absolute / 2f64.powi(lowest - 1075) < MOST_UNITS
    })
}

/// The biased exponent of a float that has only the lowest bit of `value`; the largest number for zero.
fn lowest_bit(value: f64) -> i32 {
    let bits = value.to_bits();
    let (mantissa, exponent) = (bits & ((1 << 52) - 1), ((bits >> 52) & 0x7ff) as i32);
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
}
