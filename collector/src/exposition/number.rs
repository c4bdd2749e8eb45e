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
