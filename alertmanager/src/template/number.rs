//! Numbers as Go writes and reads them.

use super::ast::OperandKind;

/// Reads a number as a template may contain it: decimal, hexadecimal, octal or binary, with `_` between digits,
/// or a float. A whole float such as `1e3` is an integer, as Go's templates take it where an integer is wanted;
/// here it stays a float, which is what comparisons with floats need.
pub(super) fn parse_literal(text: &str) -> Option<OperandKind> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let digits = without_underscores(unsigned)?;
    let lower = digits.to_ascii_lowercase();
    let radix = match lower.get(..2) {
        Some("0x") => Some((16, lower.get(2..)?)),
        Some("0o") => Some((8, lower.get(2..)?)),
        Some("0b") => Some((2, lower.get(2..)?)),
        _ if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|b| b.is_ascii_digit()) => {
            Some((8, lower.get(1..)?))
        }
        _ => None,
    };
    if let Some((radix, digits)) = radix {
        let whole = digits.bytes().next()?.is_ascii_alphanumeric().then_some(digits)?;
        let value = i128::from_str_radix(whole, radix).ok()?;
        return i64::try_from(if negative { -value } else { value })
            .ok()
            .map(OperandKind::Int);
    }
    if !lower.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if lower.bytes().all(|b| b.is_ascii_digit()) {
        let value: i128 = lower.parse().ok()?;
        return i64::try_from(if negative { -value } else { value })
            .ok()
            .map(OperandKind::Int);
    }
    let number = lower
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
    let value: f64 = number.then(|| lower.parse().ok()).flatten()?;
    value
        .is_finite()
        .then_some(OperandKind::Float(if negative { -value } else { value }))
}

/// The digits without `_`, each of which must stand between two digits or behind a base prefix.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        let is_digit = |at: Option<usize>| {
            at.and_then(|i| bytes.get(i))
                .is_some_and(u8::is_ascii_alphanumeric)
        };
        if *b == b'_' && !(is_digit(i.checked_sub(1)) && is_digit(Some(i + 1))) {
            return None;
        }
    }
    Some(text.replace('_', ""))
}

/// The shortest text that reads back as the same float, in the form of Go's `%v` and `%g`: with an exponent below
/// 1e-4 and from 1e6 on (`1e+06`); `+Inf`, `-Inf`, `NaN`.
pub fn format_float(value: f64) -> String {
    general_shortest(value, 'e')
}

/// Go's `%g` without a precision decides on the exponent form as if the precision were this.
const SHORTEST_LIMIT: i32 = 6;
/// The smallest exponent of a number that `%g` shows without one.
const SMALLEST_PLAIN: i32 = -4;

pub(super) fn general_shortest(value: f64, letter: char) -> String {
    if let Some(text) = not_finite(value) {
        return text.to_owned();
    }
    let (digits, exponent) = split_exponent(&format!("{value:e}"));
    if !(SMALLEST_PLAIN..SHORTEST_LIMIT).contains(&exponent) {
        return with_exponent(&digits, exponent, letter);
    }
    format!("{value}")
}

/// Go's `%.{precision}g`: so many significant digits, no trailing zeros, an exponent below 1e-4 and from
/// 10^precision on.
pub fn format_general(value: f64, precision: usize) -> String {
    general(value, precision, 'e', false)
}

/// As [`format_general`] with the exponent's letter, and with trailing zeros kept on demand (`%#g`).
pub(super) fn general(value: f64, precision: usize, letter: char, keep_zeros: bool) -> String {
    if let Some(text) = not_finite(value) {
        return text.to_owned();
    }
    let precision = precision.max(1);
    let (digits, exponent) = split_exponent(&format!("{value:.*e}", precision - 1));
    let trim = |digits: &str| match digits.contains('.') && !keep_zeros {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    // Where the digits needed are fewer than the precision, they set the limit, unless the number is whole.
    let significant = trim(&digits).bytes().filter(u8::is_ascii_digit).count();
    let significant = i32::try_from(significant).unwrap_or(i32::MAX);
    let mut limit = i32::try_from(precision).unwrap_or(i32::MAX);
    if limit > significant && significant > exponent {
        limit = significant;
    }
    if !(SMALLEST_PLAIN..limit).contains(&exponent) {
        return with_exponent(&trim(&digits), exponent, letter);
    }
    let decimals = i32::try_from(precision).unwrap_or(i32::MAX) - 1 - exponent;
    trim(&format!("{value:.*}", usize::try_from(decimals).unwrap_or(0)))
}

/// Go's `%.{precision}e`.
pub(super) fn exponent(value: f64, precision: Option<usize>, letter: char) -> String {
    if let Some(text) = not_finite(value) {
        return text.to_owned();
    }
    let text = precision.map_or_else(|| format!("{value:e}"), |p| format!("{value:.p$e}"));
    let (digits, exponent) = split_exponent(&text);
    with_exponent(&digits, exponent, letter)
}

/// Go's `%.{precision}f`; without a precision, as many decimals as are needed.
pub(super) fn fixed(value: f64, precision: Option<usize>) -> String {
    match (not_finite(value), precision) {
        (Some(text), _) => text.to_owned(),
        (None, Some(precision)) => format!("{value:.precision$}"),
        (None, None) => format!("{value}"),
    }
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

/// `1.5e-7` as `1.5` and -7.
fn split_exponent(text: &str) -> (String, i32) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (digits.to_owned(), exponent.parse().unwrap_or(0))
}

/// Exponents have a sign and at least two digits.
fn with_exponent(digits: &str, exponent: i32, letter: char) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}{letter}{sign}{:02}", exponent.unsigned_abs())
}
