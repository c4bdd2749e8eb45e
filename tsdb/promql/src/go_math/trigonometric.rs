//! Sine, cosine and tangent: the argument less a multiple of pi/4, and a polynomial.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_4};

use super::polynomial;

/// pi/4 in three parts, of which the first two times an octant are exact.
const PI_4: [f64; 3] = [
    7.853_981_256_484_985_351_56e-1,
    3.774_894_707_930_798_176_68e-8,
    2.695_151_429_079_059_526_45e-15,
];

/// Larger arguments take more digits of pi.
const LARGE: f64 = 536_870_912.0;

/// 4/pi, 64 binary digits each, the whole part first.
const FOUR_OVER_PI: [u64; 20] = [
    0x0000_0000_0000_0001,
    0x45f3_06dc_9c88_2a53,
    0xf84e_afa3_ea69_bb81,
    0xb6c5_2b32_7887_2083,
    0xfca2_c757_bd77_8ac3,
    0x6e48_dc74_849b_a5c0,
    0x0c92_5dd4_13a3_2439,
    0xfc3b_d639_6253_4e7d,
    0xd104_6bea_5d76_8909,
    0xd338_e04d_68be_fc82,
    0x7323_ac73_06a6_73e9,
    0x3908_bf17_7bf2_5076,
    0x3ff1_2fff_bc0b_301f,
    0xde5e_2316_b414_da3e,
    0xda6c_fd9e_4f96_136e,
    0x9e8c_7ecd_3cbf_d45a,
    0xea4f_758f_d7cb_e2f6,
    0x7a0e_73ef_14a5_25d4,
    0xd7f6_bf62_3f1a_ba10,
    0xac06_608d_f8f6_d757,
];

pub(crate) fn sin(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return f64::NAN;
    }
    let (octant, rest) = reduce(x.abs());
    let result = if matches!(octant & 3, 1 | 2) {
        cos_near_zero(rest)
    } else {
        sin_near_zero(rest)
    };
    if (x < 0.0) != (octant > 3) {
        -result
    } else {
        result
    }
}

pub(crate) fn cos(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (octant, rest) = reduce(x.abs());
    let result = if matches!(octant & 3, 1 | 2) {
        sin_near_zero(rest)
    } else {
        cos_near_zero(rest)
    };
    if (octant > 3) != (octant & 3 > 1) {
        -result
    } else {
        result
    }
}

pub(crate) fn tan(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return f64::NAN;
    }
    let (octant, rest) = reduce(x.abs());
    let square = rest * rest;
    let mut result = rest;
    if square > 1e-14 {
        let above = [
            -1.309_369_391_813_837_776_46e4,
            1.153_516_648_385_874_161_40e6,
            -1.795_652_519_764_848_779_88e7,
        ];
        let below = [
            1.0,
            1.368_129_634_706_929_546_78e4,
            -1.320_892_344_402_109_674_47e6,
            2.500_838_018_233_579_158_39e7,
            -5.386_957_559_294_546_298_81e7,
        ];
        result = rest + rest * (square * polynomial(square, above) / polynomial(square, below));
    }
    if octant & 2 == 2 {
        result = -1.0 / result;
    }
    if x < 0.0 { -result } else { result }
}

fn sin_near_zero(x: f64) -> f64 {
    let square = x * x;
    let series = [
        1.589_623_015_765_465_680_60e-10,
        -2.505_074_776_285_780_728_66e-8,
        2.755_731_362_138_572_452_13e-6,
        -1.984_126_982_958_953_859_96e-4,
        8.333_333_333_322_118_588_78e-3,
        -1.666_666_666_666_663_072_95e-1,
    ];
    x + x * square * polynomial(square, series)
}

fn cos_near_zero(x: f64) -> f64 {
    let square = x * x;
    let series = [
        -1.135_853_652_138_768_173_00e-11,
        2.087_570_084_197_473_167_78e-9,
        -2.755_731_417_929_673_881_12e-7,
        2.480_158_728_885_170_453_48e-5,
        -1.388_888_888_887_305_641_16e-3,
        4.166_666_666_666_659_292_18e-2,
    ];
    1.0 - 0.5 * square + square * square * polynomial(square, series)
}

/// The octant, made even, and what is left of a positive argument.
fn reduce(x: f64) -> (u64, f64) {
    if x >= LARGE {
        return reduce_large(x);
    }
    let mut octant = (x * (2.0 * FRAC_2_PI)) as u64;
    octant += octant & 1;
    let y = octant as f64;
    let rest = ((x - y * PI_4[0]) - y * PI_4[1]) - y * PI_4[2];
    (octant & 7, rest)
}

/// By integers: of the mantissa times 4/pi only the digits around the point are computed.
///
/// Source: Payne and Hanek, "Radian Reduction for Trigonometric Functions", 1983.
fn reduce_large(x: f64) -> (u64, f64) {
    let bits = x.to_bits();
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let exponent = (bits >> 52) as usize & 0x7ff;
    // The exponent of the mantissa as a whole number, and 61 digits more, is at least 0 for what is large.
    let at = exponent + 61 - 1023 - 52;
    let (word, shift) = (at / 64, at % 64);
    let digits = |i: usize| {
        let pair = |j: usize| u128::from(FOUR_OVER_PI.get(word + j).copied().unwrap_or(0));
        ((pair(i) << 64 | pair(i + 1)) << shift >> 64) as u64
    };
    let wide = |digits: u64| u128::from(digits) * u128::from(mantissa);
    let low_carry = wide(digits(2)) >> 64;
    let product = (u128::from(digits(0).wrapping_mul(mantissa)) << 64)
        .wrapping_add(wide(digits(1)))
        .wrapping_add(low_carry);
    let octant = (product >> 125) as u64;
    let (fraction, low) = ((product >> 61) as u64, product as u64);
    let zeros = fraction.leading_zeros() + 1;
    // Go fills up with the digits after the point from the first on, some of which were there already.
    let filled = fraction.checked_shl(zeros).unwrap_or(0) | low.checked_shr(64 - zeros).unwrap_or(0);
    let mantissa = filled >> 12;
    let part = f64::from_bits(mantissa | u64::from(1023 - zeros) << 52);
    if octant & 1 == 1 {
        ((octant + 1) & 7, (part - 1.0) * FRAC_PI_4)
    } else {
        (octant, part * FRAC_PI_4)
    }
}
