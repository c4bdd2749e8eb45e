//! Numbers for people: the `humanize` family of Prometheus' template functions.

use crate::template::format_general;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
/// All of them show so many digits.
const DIGITS: usize = 4;

fn short(value: f64) -> String {
    format_general(value, DIGITS)
}

/// With metric prefixes: `1.234M`, `5m`.
pub fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return short(value);
    }
    if value.abs() >= 1.0 {
        scaled_down(value, 1000.0, &LARGE)
    } else {
        scaled_up(value)
    }
}

/// With binary prefixes: `1.5ki`.
pub fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return short(value);
    }
    scaled_down(value, 1024.0, &BINARY)
}

fn scaled_down(mut value: f64, base: f64, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < base {
            break;
        }
        prefix = next;
        value /= base;
    }
    short(value) + prefix
}

fn scaled_up(mut value: f64) -> String {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    short(value) + prefix
}

/// Seconds as days, hours, minutes and seconds: `1d 2h 3m 4s`, `1.5s`, `20ms`.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to go")]
pub fn humanize_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return short(seconds);
    }
    if seconds == 0.0 {
        return short(seconds) + "s";
    }
    if seconds.abs() < 1.0 {
        return scaled_up(seconds) + "s";
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as i64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", short(seconds.abs())),
        (0, 0, _) => format!("{sign}{minutes}m {rest}s"),
        (0, ..) => format!("{sign}{hours}h {minutes}m {rest}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {rest}s"),
    }
}

/// A ratio as a percentage: `12.34%`.
pub fn humanize_percentage(ratio: f64) -> String {
    short(ratio * 100.0) + "%"
}
