//! Durations as Prometheus writes them: `1h30m`, `15s`, `250ms`.

use std::time::Duration;

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a duration in Prometheus' syntax (units `y w d h m s ms`, each at most once and in this order, or a
/// lone `0`), in milliseconds.
///
/// # Errors
/// The text is no such duration, or it does not fit 64 bits.
pub fn parse_duration_ms(text: &str) -> Result<i64, String> {
    let bad = || format!("not a valid duration string: \"{text}\"");
    match text {
        "" => return Err("empty duration string".to_owned()),
        "0" => return Ok(0),
        _ => {}
    }
    let mut rest = text;
    let mut total: i64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let position = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(bad)?;
        if digits == 0 || position < next_unit {
            return Err(bad());
        }
        next_unit = position + 1;
        let number: i64 = number.parse().map_err(|_| "duration out of range".to_owned())?;
        total = number
            .checked_mul(UNITS[position].1)
            .and_then(|ms| total.checked_add(ms))
            .ok_or_else(|| "duration out of range".to_owned())?;
        rest = tail;
    }
    Ok(total)
}

/// As [`parse_duration_ms`], as a [`Duration`].
///
/// # Errors
/// As there.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    parse_duration_ms(text).map(|ms| Duration::from_millis(ms.unsigned_abs()))
}

/// Writes milliseconds as Prometheus does: `1h30m`, `0s`. Years and weeks are used only where nothing
/// remains, as upstream's `model.Duration.String`.
pub fn format_duration_ms(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::from(if ms < 0 { "-" } else { "" });
    let mut rest = ms.unsigned_abs();
    for (name, unit) in UNITS {
        let unit = unit.unsigned_abs();
        let whole_only = matches!(name, "y" | "w");
        if rest >= unit && (!whole_only || rest.is_multiple_of(unit)) {
            out.push_str(&(rest / unit).to_string());
            out.push_str(name);
            rest %= unit;
        }
    }
    out
}

/// Writes a [`Duration`] as [`format_duration_ms`] does.
pub fn format_duration(duration: Duration) -> String {
    format_duration_ms(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for text in [
            "0s",
            "1ms",
            "15s",
            "1m30s",
            "1h",
            "1d",
            "2w",
            "1y",
            "1d12h",
            "2d1h59m59s999ms",
            "8d",
        ] {
            assert_eq!(format_duration_ms(parse_duration_ms(text).unwrap()), text);
        }
    }

    #[test]
    fn refuses_what_prometheus_refuses() {
        for text in [
            "",
            "1",
            "1x",
            "s",
            "1m1h",
            "1s1s",
            "-1s",
            "1.5h",
            "1 h",
            "99999999999999999999y",
        ] {
            assert!(parse_duration_ms(text).is_err(), "{text}");
        }
    }
}
