//! Numbers as Go's encoders of Prometheus write them.
//!
//! Digits come from the shortest-digits algorithm of `zmij`, whole numbers from `itoa`; both write where decimals stop
//! and exponents begin in a way of their own, which is brought into Go's `f` and `e` forms here. A number costs about
//! 10 ns, a whole one half of that.

use super::pen::Pen;

/// No number is longer: the longest are subnormal, with a sign, 17 digits, a point, and an exponent.
pub(super) const MAX_BYTES: usize = 32;

/// Numbers of at most 15 digits, three of them decimals, take the short way: of two texts that short no more than one
/// reads back as the same float, so the first that does is the shortest.
const SCALE: i64 = 1000;
const MAX_SCALED: u64 = 1_000_000_000_000_000;

/// Where it is certain that the digits come without an exponent.
const PLAIN: std::ops::Range<f64> = 1e-5..1e15;

/// The shortest text that reads back as the same float: exponents below 1e-6 and from 1e21 on.
pub(crate) fn float(pen: &mut Pen, value: f64) {
    pen.room(MAX_BYTES);
    float_within(pen, value);
}

/// The same digits without an exponent, however large or small: how Go's encoder of a scalar writes it.
pub(crate) fn without_exponent(pen: &mut Pen, value: f64) {
    if value.is_finite() && value != 0.0 && !(1e-6..1e21).contains(&value.abs()) {
        // Rust's `Display` has the shortest digits too, and never an exponent.
        pen.text(&value.to_string());
    } else {
        float(pen, value);
    }
}

/// As [`float`], where there is room for [`MAX_BYTES`].
#[inline]
pub(super) fn float_within(pen: &mut Pen, value: f64) {
    let scaled = (value * SCALE as f64) as i64;
    let magnitude = scaled.unsigned_abs();
    if magnitude < MAX_SCALED && (scaled as f64 / SCALE as f64).to_bits() == value.to_bits() {
        if scaled < 0 {
            pen.short(b"-");
        }
        fixed(pen, magnitude);
    } else if PLAIN.contains(&value.abs()) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value).as_bytes();
        pen.short(text.strip_suffix(b".0").unwrap_or(text));
    } else {
        unusual(pen, value);
    }
}

/// A number of thousandths.
#[inline]
fn fixed(pen: &mut Pen, thousandths: u64) {
    let (whole, rest) = (thousandths / 1000, thousandths % 1000);
    pen.short(itoa::Buffer::new().format(whole).as_bytes());
    if rest != 0 {
        let digit = |n: u64| b'0' + (n % 10) as u8;
        let text = [b'.', digit(rest / 100), digit(rest / 10), digit(rest)];
        let len = if rest % 10 != 0 {
            4
        } else if rest % 100 != 0 {
            3
        } else {
            2
        };
        pen.short(text.get(..len).unwrap_or(&text));
    }
}

/// What is very large, very small or no number.
#[cold]
fn unusual(pen: &mut Pen, value: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = match value {
        f64::INFINITY => "+Inf",
        f64::NEG_INFINITY => "-Inf",
        _ if value.is_nan() => "NaN",
        0.0 => "-0",
        _ => buffer.format_finite(value),
    };
    match text.split_once('e') {
        Some((mantissa, exponent)) => with_exponent(pen, value, mantissa, exponent.parse().unwrap_or(0)),
        None => pen.short(text.strip_suffix(".0").unwrap_or(text).as_bytes()),
    }
}

/// A number that came as `-d.ddde-XX`.
fn with_exponent(pen: &mut Pen, value: f64, mantissa: &str, exponent: i32) {
    let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
    let magnitude = value.abs();
    if !(1e-6..1e21).contains(&magnitude) {
        let sign = if exponent < 0 { '-' } else { '+' };
        pen.short(format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
        return;
    }
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |m| ("-", m));
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{first}{rest}");
    let text = match usize::try_from(exponent) {
        Ok(exponent) => format!("{sign}{digits:0<len$}", len = exponent + 1),
        Err(_) => {
            let zeros = usize::try_from(exponent.unsigned_abs()).unwrap_or(1) - 1;
            format!("{sign}0.{:0<zeros$}{digits}", "")
        }
    };
    pen.short(text.as_bytes());
}

/// Milliseconds as seconds with three decimals, or none where they are whole.
pub(crate) fn timestamp(pen: &mut Pen, ms: i64) {
    pen.room(MAX_BYTES);
    if ms < 0 {
        pen.short(b"-");
    }
    let (seconds, millis) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    pen.short(itoa::Buffer::new().format(seconds).as_bytes());
    if millis != 0 {
        let digit = |n: u64| b'0' + u8::try_from(n % 10).unwrap_or(0);
        pen.short(&[b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: f64) -> String {
        let mut pen = Pen::default();
        float(&mut pen, value);
        pen.into_string()
    }

    #[test]
    fn floats_as_go_writes_them() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (-1234.5, "-1234.5"),
            (1e-5, "0.00001"),
            (1e-6, "0.000001"),
            (-1.25e-6, "-0.00000125"),
            (9.5e-7, "9.5e-07"),
            (9.999_999_999_999_997e-7, "9.999999999999997e-07"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (1.234_567_890_123_456_7e19, "12345678901234567000"),
            (-9.007_199_254_740_993e15, "-9007199254740992"),
            (1e20, "100000000000000000000"),
            (9.999_999_999_999_999e20, "999999999999999900000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (-5e-324, "-5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-f64::MIN_POSITIVE, "-2.2250738585072014e-308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(written(value), expected);
        }
    }

    #[test]
    fn scalars_have_no_exponent() {
        let cases = [
            (1e21, "1000000000000000000000"),
            (-1.5e22, "-15000000000000000000000"),
            (1e-7, "0.0000001"),
            (-1.25e-9, "-0.00000000125"),
            (0.1, "0.1"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in cases {
            let mut pen = Pen::default();
            without_exponent(&mut pen, value);
            assert_eq!(pen.into_string(), expected);
        }
    }

    /// Over all magnitudes: what is written reads back, is as short as what Rust writes, and has an exponent exactly where
    /// Go gives it one.
    #[test]
    fn what_is_written_reads_back() {
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..200_000 {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            for value in [
                f64::from_bits(bits),
                (bits >> 40) as f64 * 1e-3,
                (bits >> (bits & 63)) as f64,
            ] {
                if !value.is_finite() {
                    continue;
                }
                let text = written(value);
                assert_eq!(text.parse(), Ok(value), "{text}");
                let digits = |text: &str| {
                    let mantissa = text.split('e').next().unwrap_or("").replace(['.', '-'], "");
                    mantissa.trim_start_matches('0').trim_end_matches('0').len()
                };
                assert_eq!(digits(&text), digits(&format!("{value:e}")), "{text}");
                let exponent = value != 0.0 && !(1e-6..1e21).contains(&value.abs());
                assert_eq!(text.contains('e'), exponent, "{text}");
                assert!(text.len() <= MAX_BYTES, "{text}");
            }
        }
    }

    #[test]
    fn timestamps_have_three_decimals_or_none() {
        let cases = [
            (1010, "1.010"),
            (2000, "2"),
            (-1500, "-1.500"),
            (-7, "-0.007"),
            (0, "0"),
            (i64::MIN, "-9223372036854775.808"),
        ];
        for (ms, expected) in cases {
            let mut pen = Pen::default();
            timestamp(&mut pen, ms);
            assert_eq!(pen.into_string(), expected);
        }
    }
}
