//! Powers: squarings for the whole part of the exponent, and an exponential for the rest.

use super::{exp, ln, split};

/// `x^y`
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if let Some(special) = special(x, y) {
        return special;
    }
    let (whole, rest) = (y.abs().trunc(), y.abs().fract());
    if rest != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= 2f64.powi(63) {
        // Only whole numbers are that large, and only -1 and 1 stay near 1.
        return far(x, y);
    }
    let (mut result, mut power) = (1.0, 0i64);
    let mut whole = whole;
    if rest != 0.0 {
        let rest = if rest > 0.5 {
            whole += 1.0;
            rest - 1.0
        } else {
            rest
        };
        result = exp(rest * ln(x));
    }
    let (mut square, square_power) = split(x);
    let mut square_power = i64::from(square_power);
    let mut left = whole as i64;
    while left != 0 {
        if !(-(1 << 12)..=1 << 12).contains(&square_power) {
            // Far beyond what floats can say already.
            power += square_power;
            break;
        }
        if left & 1 == 1 {
            result *= square;
            power += square_power;
        }
        square *= square;
        square_power *= 2;
        if square < 0.5 {
            square += square;
            square_power -= 1;
        }
        left >>= 1;
    }
    if y < 0.0 {
        (result, power) = (1.0 / result, -power);
    }
    scaled(result, power)
}

/// The cases in which no digit has to be computed.
fn special(x: f64, y: f64) -> Option<f64> {
    let odd = y.fract() == 0.0 && y.abs() < 2f64.powi(53) && (y as i64) & 1 == 1;
    if y == 0.0 || x == 1.0 {
        return Some(1.0);
    }
    if y == 1.0 {
        return Some(x);
    }
    if x.is_nan() || y.is_nan() {
        return Some(f64::NAN);
    }
    if x == 0.0 {
        let size = if y < 0.0 { f64::INFINITY } else { 0.0 };
        return Some(if odd { size.copysign(x) } else { size });
    }
    if y.is_infinite() {
        return Some(far(x, y));
    }
    if x.is_infinite() {
        let size = if y < 0.0 { 0.0 } else { f64::INFINITY };
        return Some(if odd { size.copysign(x) } else { size });
    }
    if y == 0.5 {
        return Some(x.sqrt());
    }
    (y == -0.5).then(|| 1.0 / x.sqrt())
}

/// The power for an exponent beyond all bounds, which counts as even.
fn far(x: f64, y: f64) -> f64 {
    if x == -1.0 {
        1.0
    } else if (x.abs() < 1.0) == (y > 0.0) {
        0.0
    } else {
        f64::INFINITY
    }
}

/// `fraction` times a power of two, rounded once where the result is not normal.
fn scaled(fraction: f64, power: i64) -> f64 {
    let (fraction, more) = split(fraction);
    if fraction == 0.0 || !fraction.is_finite() {
        return fraction;
    }
    // The fraction is taken as from 1 to 2 from here on.
    let power = power + i64::from(more) - 1;
    if power < -1075 {
        return 0f64.copysign(fraction);
    }
    if power > 1023 {
        return f64::INFINITY.copysign(fraction);
    }
    let power_of_two = |power: i64| f64::from_bits(((power + 1023) as u64) << 52);
    if power >= -1022 {
        return fraction * 2.0 * power_of_two(power);
    }
    fraction * 2.0 * power_of_two(power + 53) * power_of_two(-53)
}
