//! Numbers and durations.

use model::metrics::NORMAL_NAN;

use super::{Parsed, Parser};
use crate::ast::Number;
use crate::lexer::Kind;
use crate::quote::Quoted;

impl Parser<'_> {
    /// A number, or a duration as seconds.
    pub(super) fn number(&mut self) -> Parsed<Number> {
        let token = self.token();
        let text = self.text_of(token.span);
        let duration = token.kind == Kind::Duration;
        let value = match token.kind {
            Kind::Number => parse_number(text),
            Kind::Duration => parse_seconds(text),
            _ => return Err(super::Stop::Unexpected),
        };
        self.at += 1;
        match value {
            Ok(value) => Ok(Number {
                value,
                duration,
                span: token.span,
            }),
            Err(message) => Err(self.error(token.span, message)),
        }
    }
}

/// A number in Go's syntax: whole ones in decimal, hexadecimal or octal (a leading 0), others in decimal.
fn parse_number(text: &str) -> Result<f64, String> {
    let problem = |what: &str| {
        let text = Quoted(text);
        Err(format!(
            "error parsing number: strconv.ParseFloat: parsing {text}: {what}"
        ))
    };
    if !underscores_fit(text) {
        return problem("invalid syntax");
    }
    let digits = text.replace('_', "");
    if let Some(whole) = parse_whole(&digits) {
        return Ok(whole as f64);
    }
    match digits.parse::<f64>() {
        Ok(value) if value.is_nan() => Ok(NORMAL_NAN),
        Ok(value) if value.is_infinite() && digits.starts_with(|c: char| !c.is_ascii_alphabetic()) => {
            problem("value out of range")
        }
        Ok(value) => Ok(value),
        Err(_) => problem("invalid syntax"),
    }
}

fn parse_whole(digits: &str) -> Option<i64> {
    let hex = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    match (hex, digits.strip_prefix('0')) {
        (Some(hex), _) => i64::from_str_radix(hex, 16).ok(),
        (None, Some(octal)) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok(),
        _ => digits.parse().ok(),
    }
}

/// Whether every underscore stands between digits, or between a base and a digit.
fn underscores_fit(text: &str) -> bool {
    if !text.contains('_') {
        return true;
    }
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let digits = text.get(if hex { 2.. } else { 0.. }).unwrap_or_default();
    let is_digit = |b: u8| b.is_ascii_digit() || (hex && b.is_ascii_hexdigit());
    let mut after_digit = hex;
    let mut after_underscore = false;
    for b in digits.bytes() {
        if (b == b'_' && !after_digit) || (after_underscore && !is_digit(b)) {
            return false;
        }
        after_underscore = b == b'_';
        after_digit = is_digit(b);
    }
    !after_underscore
}

/// The units with their nanoseconds; a duration names each at most once, in this order.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
];

/// Just above the longest duration, in nanoseconds.
const TOO_LONG: u64 = 1 << 63;

/// The seconds of a duration like `1h30m`.
fn parse_seconds(text: &str) -> Result<f64, String> {
    let invalid = || format!("not a valid duration string: {}", Quoted(text));
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let (number, tail) = split_at(rest, |c| !c.is_ascii_digit());
        let (unit, tail) = split_at(tail, |c| c.is_ascii_digit());
        let number: u64 = number.parse().map_err(|_| invalid())?;
        if unit.is_empty() {
            return Err(invalid());
        }
        let Some((position, nanos)) = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .and_then(|i| Some((i, UNITS.get(i)?.1)))
        else {
            return Err(format!(
                "unknown unit {} in duration {}",
                Quoted(unit),
                Quoted(text)
            ));
        };
        if position < next_unit {
            return Err(invalid());
        }
        next_unit = position + 1;
        total = number
            .checked_mul(nanos)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total < TOO_LONG)
            .ok_or("duration out of range")?;
        rest = tail;
    }
    Ok((total / 1_000_000_000) as f64 + (total % 1_000_000_000) as f64 / 1e9)
}

fn split_at(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, value) in [
            ("0", 0.0),
            ("010", 8.0),
            ("08", 8.0),
            ("0x1F", 31.0),
            ("0X_ff", 255.0),
            ("1_000.5", 1000.5),
            ("9223372036854775808", 9_223_372_036_854_775_808.0),
            (".5e-3", 0.0005),
            ("1.", 1.0),
            ("Inf", f64::INFINITY),
        ] {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        assert!(parse_number("nAn").is_ok_and(|x| x.to_bits() == NORMAL_NAN.to_bits()));
        for text in ["0x", "1e", "1__0", "1_", "0x1_", "1e999", "0xffffffffffffffffff"] {
            assert!(parse_number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_seconds("1y2w3d4h5m6s7ms"), Ok(33_019_506.007));
        for (text, error) in [
            ("5m1h", "not a valid duration string: \"5m1h\""),
            ("5m1m", "not a valid duration string: \"5m1m\""),
            ("1.5h", "unknown unit \".\" in duration \"1.5h\""),
            ("5y1hs", "unknown unit \"hs\" in duration \"5y1hs\""),
            ("293y", "duration out of range"),
            (
                "99999999999999999999s",
                "not a valid duration string: \"99999999999999999999s\"",
            ),
        ] {
            assert_eq!(parse_seconds(text).unwrap_err(), error);
        }
    }
}
