//! Logarithms: the argument as a power of two and a fraction around 1, and a polynomial of `f / (2 + f)`.

use std::f64::consts::{LOG2_E, LOG10_E};

use super::split;

/// `ln 2` in two parts, of which the first times a power of two is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_90e-01;
const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;

/// The coefficients of the polynomial.
const L: [f64; 7] = [
    6.666_666_666_666_735_130e-01,
    3.999_999_999_940_941_908e-01,
    2.857_142_874_366_239_149e-01,
    2.222_219_843_214_978_396e-01,
    1.818_357_216_161_805_012e-01,
    1.531_383_769_920_937_332e-01,
    1.479_819_860_511_658_591e-01,
];

/// The natural logarithm.
pub(crate) fn ln(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x <= 0.0 {
        return if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    // Numbers that are not normal are taken for normal ones, as Go's assembly does.
    let bits = x.to_bits();
    let mut fraction = f64::from_bits((bits & ((1 << 52) - 1)) | 0.5f64.to_bits());
    let mut power = ((bits >> 52) & 0x7ff) as f64 - 1022.0;
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        power -= 1.0;
        fraction *= 2.0;
    }
    let f = fraction - 1.0;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (L[0] + s4 * (L[2] + s4 * (L[4] + s4 * L[6])));
    let even = s4 * (L[1] + s4 * (L[3] + s4 * L[5]));
    let rest = odd + even;
    let half_square = 0.5 * f * f;
    power * LN_2_HIGH - ((half_square - (s * (half_square + rest) + power * LN_2_LOW)) - f)
}

/// The logarithm to base 2; exact for powers of two.
pub(crate) fn log2(x: f64) -> f64 {
    let (fraction, power) = split(x);
    if fraction == 0.5 {
        return f64::from(power - 1);
    }
    ln(fraction) * LOG2_E + f64::from(power)
}

/// The logarithm to base 10.
pub(crate) fn log10(x: f64) -> f64 {
    ln(x) * LOG10_E
}

/// `ln(1 + x)`, exact to the last digits for small `x` too.
pub(super) fn ln_1p(x: f64) -> f64 {
    if x < -1.0 || x.is_nan() {
        return f64::NAN;
    }
    if x == -1.0 {
        return f64::NEG_INFINITY;
    }
    if x == f64::INFINITY {
        return x;
    }
    let size = x.abs();
    if size < 2f64.powi(-54) {
        return x;
    }
    if size < 2f64.powi(-29) {
        return x - x * x * 0.5;
    }
    let near = Near::of(x);
    let Near {
        power, f, correction, ..
    } = near;
    let half_square = 0.5 * f * f;
    if near.tiny {
        return near_one(power, f, half_square, correction);
    }
    let s = f / (2.0 + f);
    let z = s * s;
    let rest = z * (L[0] + z * (L[1] + z * (L[2] + z * (L[3] + z * (L[4] + z * (L[5] + z * L[6]))))));
    if power == 0.0 {
        return f - (half_square - s * (half_square + rest));
    }
    power * LN_2_HIGH - ((half_square - (s * (half_square + rest) + (power * LN_2_LOW + correction))) - f)
}

/// `1 + x` as `2^power * (1 + f)`.
struct Near {
    power: f64,
    f: f64,
    /// What `1 + x` lost by rounding, relative to it.
    correction: f64,
    /// `f` is so small that two terms do.
    tiny: bool,
}

impl Near {
    fn of(x: f64) -> Near {
        let size = x.abs();
        if size < std::f64::consts::SQRT_2 - 1.0 && x > std::f64::consts::FRAC_1_SQRT_2 - 1.0 {
            return Near {
                power: 0.0,
                f: x,
                correction: 0.0,
                tiny: false,
            };
        }
        let (sum, correction, mut power) = if size < 2f64.powi(53) {
            let sum = 1.0 + x;
            let power = exponent(sum);
            let lost = if power > 0 {
                1.0 - (sum - x)
            } else {
                x - (sum - 1.0)
            };
            (sum, lost / sum, power)
        } else {
            (x, 0.0, exponent(x))
        };
        let mantissa = sum.to_bits() & ((1 << 52) - 1);
        let (normal, rest) = if mantissa < 0x6_a09e_667f_3bcd {
            (f64::from_bits(mantissa | 0x3ff << 52), mantissa)
        } else {
            power += 1;
            (
                f64::from_bits(mantissa | 0x3fe << 52),
                ((1 << 52) - mantissa) >> 2,
            )
        };
        Near {
            power: power as f64,
            f: normal - 1.0,
            correction,
            tiny: rest == 0,
        }
    }
}

fn exponent(x: f64) -> i64 {
    (x.to_bits() >> 52) as i64 - 1023
}

fn near_one(power: f64, f: f64, half_square: f64, correction: f64) -> f64 {
    if f == 0.0 {
        return if power == 0.0 {
            0.0
        } else {
            power * LN_2_HIGH + (correction + power * LN_2_LOW)
        };
    }
    let rest = half_square * (1.0 - 0.666_666_666_666_666_66 * f);
    if power == 0.0 {
        return f - rest;
    }
    power * LN_2_HIGH - ((rest - (power * LN_2_LOW + correction)) - f)
}
