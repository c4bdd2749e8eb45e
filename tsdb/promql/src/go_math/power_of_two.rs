//! Powers of two: `2^x` is a whole power times `e^r`, of which a rational function is known within less than a float's
//! last digit (FreeBSD's `e_exp.c`).

use super::polynomial;

/// `ln 2` to some thirty bits, so that products with small numbers are exact, and what is missing.
const LN_2_HIGH: f64 = 6.931_471_803_691_238_164_90e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_700_02e-10;

/// Larger exponents have no finite result, smaller ones none that is not zero.
const LARGEST: f64 = 1.023_999_999_999_999_9e3;
const SMALLEST: f64 = -1.0740e3;

/// Of `r - r^2 (1/6 + …)`, from the highest power of `r^2` downwards.
const RATIO: [f64; 5] = [
    4.138_136_797_057_238_460_39e-8,
    -1.653_390_220_546_525_153_90e-6,
    6.613_756_321_437_934_361_17e-5,
    -2.777_777_777_701_559_338_42e-3,
    1.666_666_666_666_666_574_15e-1,
];

/// `2^x`
pub(crate) fn exp2(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > LARGEST {
        return f64::INFINITY;
    }
    if x < SMALLEST {
        return 0.0;
    }
    let whole = (x + 0.5_f64.copysign(x)).trunc();
    let rest = x - whole;
    let (high, low) = (rest * LN_2_HIGH, -rest * LN_2_LOW);
    let r = high - low;
    let square = r * r;
    let c = r - square * polynomial(square, RATIO);
    let fraction = 1.0 - ((low - (r * c) / (2.0 - c)) - high);
    scaled(fraction, whole as i32)
}

/// `fraction` times a power of two, rounded once where the result is not normal.
fn scaled(fraction: f64, power: i32) -> f64 {
    let power_of_two = |power: i32| f64::from_bits(((power + 1023) as u64) << 52);
    if power < -1000 {
        fraction * power_of_two(power + 100) * power_of_two(-100)
    } else if power > 1000 {
        fraction * power_of_two(power - 100) * power_of_two(100)
    } else {
        fraction * power_of_two(power)
    }
}
