//! Inverse trigonometric functions: a rational approximation of the arc tangent near zero, and what leads there.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

use super::polynomial;

/// What a float of pi/2 lacks.
const MORE_BITS: f64 = 6.123_233_995_736_765_886_130e-17;

/// The tangent of 3/8 pi.
const TAN_3_PI_8: f64 = 2.414_213_562_373_095_048_80;

pub(crate) fn atan(x: f64) -> f64 {
    if x == 0.0 {
        x
    } else if x > 0.0 {
        of_positive(x)
    } else {
        -of_positive(-x)
    }
}

pub(crate) fn asin(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let size = if x < 0.0 { -x } else { x };
    if size > 1.0 {
        return f64::NAN;
    }
    let other = (1.0 - size * size).sqrt();
    let result = if size > 0.7 {
        FRAC_PI_2 - of_positive(other / size)
    } else {
        of_positive(size / other)
    };
    if x < 0.0 { -result } else { result }
}

pub(crate) fn acos(x: f64) -> f64 {
    FRAC_PI_2 - asin(x)
}

/// The angle of the point `(x, y)`.
pub(crate) fn atan2(y: f64, x: f64) -> f64 {
    if x == 0.0 || y == 0.0 || !x.is_finite() || !y.is_finite() {
        // The special cases, which are the same everywhere.
        return y.atan2(x);
    }
    let angle = atan(y / x);
    if x >= 0.0 {
        angle
    } else if angle <= 0.0 {
        angle + PI
    } else {
        angle - PI
    }
}

fn of_positive(x: f64) -> f64 {
    if x <= 0.66 {
        near_zero(x)
    } else if x > TAN_3_PI_8 {
        FRAC_PI_2 - near_zero(1.0 / x) + MORE_BITS
    } else {
        FRAC_PI_4 + near_zero((x - 1.0) / (x + 1.0)) + 0.5 * MORE_BITS
    }
}

fn near_zero(x: f64) -> f64 {
    let square = x * x;
    let above = [
        -8.750_608_600_031_904_122_785e-01,
        -1.615_753_718_733_365_076_637e+01,
        -7.500_855_792_314_704_667_340e+01,
        -1.228_866_684_490_136_173_410e+02,
        -6.485_021_904_942_025_371_773e+01,
    ];
    let below = [
        1.0,
        2.485_846_490_142_306_297_962e+01,
        1.650_270_098_316_988_542_046e+02,
        4.328_810_604_912_902_668_951e+02,
        4.853_903_996_359_136_964_868e+02,
        1.945_506_571_482_613_964_425e+02,
    ];
    x * (square * polynomial(square, above) / polynomial(square, below)) + x
}
