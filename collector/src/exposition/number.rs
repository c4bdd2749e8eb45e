//! Numbers as Go's `strconv` reads them, less the forms that came with Go 1.13.

use model::metrics::NORMAL_NAN;

/// Reads a sample's value.
pub(super) fn parse_float(text: &[u8]) -> Result<f64, String> {
    if let Some(whole) = small_integer(text) {
        return Ok(whole);
    }
    let shown = || String::from_utf8_lossy(text).into_owned();
    if text.iter().any(|b| matches!(b, b'p' | b'P' | b'_')) {
        return Err("unsupported character in float".to_owned());
    }
    let invalid = || format!("parsing \"{}\": invalid syntax", shown());
    let value: f64 = std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or_else(invalid)?;
    let digits = text.iter().any(u8::is_ascii_digit);
    if value.is_nan() {
        // A sign before NaN is no number to Go.
        return if text.len() == 3 {
            Ok(NORMAL_NAN)
        } else {
            Err(invalid())
        };
    }
    if value.is_infinite() && digits {
        return Err(format!("parsing \"{}\": value out of range", shown()));
    }
    Ok(value)
}

/// Most samples are whole numbers of a few digits, which are exact in a float up to 15 of them.
fn small_integer(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value as f64)
}

/// Reads a text format's timestamp: whole milliseconds.
pub(super) fn parse_millis(text: &[u8]) -> Result<i64, String> {
    let shown = || format!("parsing \"{}\": invalid syntax", String::from_utf8_lossy(text));
    std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or_else(shown)
}

/// Reads OpenMetrics' timestamp: seconds, with fractions; towards zero to milliseconds, as upstream.
pub(super) fn parse_seconds(text: &[u8], what: &str) -> Result<i64, String> {
    let seconds = parse_float(text)?;
    if seconds.is_finite() {
        Ok((seconds * 1000.0) as i64)
    } else {
        let shown = if seconds.is_nan() {
            "NaN"
        } else if seconds > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        Err(format!("invalid {what} {shown}"))
    }
}

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// Reads a number as most of them are written, and says how many bytes it is long: some digits, a fraction, a power of
/// ten. `None` where there is anything else about it; [`parse_float`] then knows.
///
/// Digits that make an integer below 2^53 and a power of ten up to 22 are both exact as floats, so their product or
/// quotient is rounded once and is what any correct reader gives. Source: W. D. Clinger, "How to read floating point
/// numbers accurately", 1990.
pub(super) fn short_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let from = usize::from(negative);
    let (mut digits, mut at) = read_digits(text, from, 0)?;
    let mut count = at - from;
    let mut power = 0;
    if text.get(at) == Some(&b'.') {
        let behind = at + 1;
        (digits, at) = read_digits(text, behind, digits)?;
        count += at - behind;
        power = -i32::try_from(at - behind).ok()?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let (minus, behind) = match text.get(at + 1) {
            Some(b'-') => (true, at + 2),
            Some(b'+') => (false, at + 2),
            _ => (false, at + 1),
        };
        let (exponent, end) = read_digits(text, behind, 0)?;
        if end - behind > 4 {
            return None;
        }
        let exponent = i32::try_from(exponent).ok()?;
        power += if minus { -exponent } else { exponent };
        at = end;
    }
    // Up to 18 digits have not overflowed.
    if count > 18 || digits >= 1 << 53 {
        return None;
    }
    let scale = *POWERS.get(power.unsigned_abs() as usize)?;
    let digits = digits as f64;
    let value = if power < 0 { digits / scale } else { digits * scale };
    Some((if negative { -value } else { value }, at))
}

/// Digits from a place on, at least one, appended to those read before; and the place behind them.
fn read_digits(text: &[u8], from: usize, before: u64) -> Option<(u64, usize)> {
    let (mut digits, mut at) = (before, from);
    while let Some(eight) = text
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .and_then(eight_digits)
    {
        digits = digits.wrapping_mul(100_000_000).wrapping_add(eight);
        at += 8;
    }
    for byte in text.get(at..)? {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (at > from).then_some((digits, at))
}

/// The number of eight digits, all at once: neighbours are added up to pairs, pairs to fours, fours to eight. Source:
/// D. Lemire, "Number parsing at a gigabyte per second", 2021.
fn eight_digits(text: &[u8; 8]) -> Option<u64> {
    const ZEROES: u64 = 0x3030_3030_3030_3030;
    const PAIRS: u64 = 0x0000_00ff_0000_00ff;
    let text = u64::from_le_bytes(*text);
    let digits = text.wrapping_sub(ZEROES);
    // A byte below `0` borrows and one above `9` carries into its highest bit.
    if (text.wrapping_add(0x4646_4646_4646_4646) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIRS).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & PAIRS).wrapping_mul(1 + (10_000 << 32));
    Some(high.wrapping_add(low) >> 32)
}
