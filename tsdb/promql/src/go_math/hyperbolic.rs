//! Hyperbolic functions, of exponentials or rational approximations near zero, and their inverses, of logarithms.

use std::f64::consts::LN_2;

use super::logarithm::ln_1p;
use super::{exp, ln, polynomial};

/// Beyond it, `e^-x` is nothing beside `e^x`.
const ONLY_GROWTH: f64 = 21.0;

/// Half of `ln(2^127)`: from there on the tangent is 1.
const TANH_IS_ONE: f64 = 0.5 * 8.802_969_193_111_305_429_598_8e1;

/// `2^28`: its square and a neighbour of that are the same.
const LARGE: f64 = 268_435_456.0;

pub(crate) fn sinh(x: f64) -> f64 {
    let size = if x < 0.0 { -x } else { x };
    let result = if size > ONLY_GROWTH {
        exp(size) * 0.5
    } else if size > 0.5 {
        let grown = exp(size);
        (grown - 1.0 / grown) * 0.5
    } else {
        // Hart and Cheney, "Computer Approximations", 2029.
        let square = size * size;
        let above = [
            -0.263_056_321_339_749_706_281_948_9e+2,
            -0.289_421_135_598_956_380_728_466_036_6e+4,
            -0.899_127_202_203_950_935_539_801_351_1e+5,
            -0.630_767_364_049_771_699_118_478_725_1e+6,
        ];
        let below = [
            1.0,
            -0.173_678_953_558_233_699_533_450_911e+3,
            0.152_151_737_879_001_907_069_648_517_6e+5,
            -0.630_767_364_049_771_699_121_207_727_7e+6,
        ];
        polynomial(square, above) * size / polynomial(square, below)
    };
    if x < 0.0 { -result } else { result }
}

pub(crate) fn cosh(x: f64) -> f64 {
    let size = x.abs();
    if size > ONLY_GROWTH {
        return exp(size) * 0.5;
    }
    let grown = exp(size);
    (grown + 1.0 / grown) * 0.5
}

pub(crate) fn tanh(x: f64) -> f64 {
    let size = x.abs();
    if size > TANH_IS_ONE {
        return if x < 0.0 { -1.0 } else { 1.0 };
    }
    if size >= 0.625 {
        let result = 1.0 - 2.0 / (exp(2.0 * size) + 1.0);
        return if x < 0.0 { -result } else { result };
    }
    if x == 0.0 {
        return x;
    }
    let square = x * x;
    let above = [
        -9.643_991_794_250_522_386_28e-1,
        -9.928_772_310_019_185_865_64e1,
        -1.614_687_684_417_084_479_52e3,
    ];
    let below = [
        1.0,
        1.128_116_784_916_329_314_02e2,
        2.235_488_390_601_004_485_83e3,
        4.844_063_053_251_254_860_48e3,
    ];
    x + x * square * polynomial(square, above) / polynomial(square, below)
}

pub(crate) fn asinh(x: f64) -> f64 {
    if x.is_nan() || x.is_infinite() {
        return x;
    }
    let size = if x < 0.0 { -x } else { x };
    let result = if size > LARGE {
        ln(size) + LN_2
    } else if size > 2.0 {
        ln(2.0 * size + 1.0 / ((size * size + 1.0).sqrt() + size))
    } else if size < 1.0 / LARGE {
        size
    } else {
        ln_1p(size + size * size / (1.0 + (1.0 + size * size).sqrt()))
    };
    if x < 0.0 { -result } else { result }
}

pub(crate) fn acosh(x: f64) -> f64 {
    if x < 1.0 || x.is_nan() {
        return f64::NAN;
    }
    if x == 1.0 {
        return 0.0;
    }
    if x >= LARGE {
        return ln(x) + LN_2;
    }
    if x > 2.0 {
        return ln(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt()));
    }
    let above = x - 1.0;
    ln_1p(above + (2.0 * above + above * above).sqrt())
}

pub(crate) fn atanh(x: f64) -> f64 {
    if !(-1.0..=1.0).contains(&x) {
        return f64::NAN;
    }
    if x.abs() == 1.0 {
        return f64::INFINITY.copysign(x);
    }
    let size = if x < 0.0 { -x } else { x };
    let result = if size < 1.0 / LARGE {
        size
    } else if size < 0.5 {
        let twice = size + size;
        0.5 * ln_1p(twice + twice * size / (1.0 - size))
    } else {
        0.5 * ln_1p((size + size) / (1.0 - size))
    };
    if x < 0.0 { -result } else { result }
}
