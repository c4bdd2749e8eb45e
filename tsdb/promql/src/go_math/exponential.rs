//! The exponential function: the argument less a multiple of ln 2, a Taylor series of a sixteenth of that, and four
//! squarings, in the form `e^x - 1`.

use std::f64::consts::LOG2_E;

/// `ln 2` to 53 bits and what is missing.
const LN_2_HIGH: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
const LN_2_LOW: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;

/// Larger arguments have no finite result.
const LARGEST: f64 = 7.097_827_128_933_84e2;

/// `1/n!` from the ninth term on downwards.
const SERIES: [f64; 8] = [
    2.480_158_730_158_730_158_7e-5,
    1.984_126_984_126_984_127_0e-4,
    1.388_888_888_888_888_888_9e-3,
    8.333_333_333_333_333_333_3e-3,
    4.166_666_666_666_666_666_7e-2,
    1.666_666_666_666_666_666_7e-1,
    0.5,
    1.0,
];

/// `e^x`
pub(crate) fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > LARGEST {
        return f64::INFINITY;
    }
    if x == f64::NEG_INFINITY {
        return 0.0;
    }
    let power = (LOG2_E * x).round_ties_even();
    if power < -1100.0 {
        return 0.0;
    }
    let rest = (-LN_2_LOW).mul_add(power, (-LN_2_HIGH).mul_add(power, x)) * 0.0625;
    let [first, others @ ..] = SERIES;
    let series = others.into_iter().fold(first, |sum, c| sum.mul_add(rest, c));
    let mut less_one = rest * series;
    for _ in 0..3 {
        less_one *= less_one + 2.0;
    }
    let fraction = less_one.mul_add(less_one + 2.0, 1.0);
    scaled(fraction, power as i32)
}

/// `fraction` times a power of two, rounded once where the result is not normal.
fn scaled(fraction: f64, power: i32) -> f64 {
    let power_of_two = |biased: i32| f64::from_bits((biased as u64) << 52);
    let biased = power + 0x3ff;
    if biased >= 0x7ff {
        f64::INFINITY
    } else if biased > 0 {
        fraction * power_of_two(biased)
    } else if biased < -52 {
        0.0
    } else {
        fraction * power_of_two(biased + 0x3fe) * power_of_two(1)
    }
}
