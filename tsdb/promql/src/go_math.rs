//! Functions of numbers with the very bits that Go's standard library gives on the machines that Prometheus mostly runs
//! on (amd64 with fused multiplication): a value that differs in the last digit is another value to whoever compares.
//!
//! Go computes them by the methods of the Cephes library (S. L. Moshier) and of FreeBSD's msun, other than the C library
//! that Rust's floats use; the constants are theirs. The order of the operations matters and is kept.

#![allow(
    clippy::excessive_precision,
    reason = "constants have the digits that their sources have"
)]

mod exponential;
mod hyperbolic;
mod inverse;
mod logarithm;
mod power;
mod power_of_two;
mod trigonometric;

pub(crate) use exponential::exp;
pub(crate) use hyperbolic::{acosh, asinh, atanh, cosh, sinh, tanh};
pub(crate) use inverse::{acos, asin, atan, atan2};
pub(crate) use logarithm::{ln, log2, log10};
pub(crate) use power::pow;
pub(crate) use power_of_two::exp2;
pub(crate) use trigonometric::{cos, sin, tan};

/// A polynomial by Horner's rule, the coefficient of the highest power first.
fn polynomial<const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut coefficients = coefficients.into_iter();
    let first = coefficients.next().unwrap_or(0.0);
    coefficients.fold(first, |sum, c| sum * x + c)
}

/// A float as a fraction from 0.5 to 1 and a power of two; zeros, infinities and NaN as they are.
fn split(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let (x, shift) = if x.abs() < f64::MIN_POSITIVE {
        (x * 2f64.powi(52), -52)
    } else {
        (x, 0)
    };
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1022;
    let fraction = f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52));
    (fraction, exponent + shift)
}

#[cfg(test)]
mod tests;
