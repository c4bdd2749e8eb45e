//! Durations for people: `1d 2h 3m 4s`, `12.5ms`.

use crate::template::{FuncError, Value, format_general};

/// The seconds that a value stands for: a number, text of one, or a span of time.
pub(super) fn seconds(value: &Value) -> Result<f64, FuncError> {
    match value {
        #[allow(clippy::cast_precision_loss)] // as floats, nanoseconds are good for centuries
        Value::Duration(ns) => Ok(*ns as f64 / 1e9),
        #[allow(clippy::cast_precision_loss)]
        Value::Int(i) => Ok(*i as f64),
        Value::Float(x) => Ok(*x),
        other => {
            let text = other
                .as_str()
                .ok_or("humanizeDuration takes a number or a duration")?;
            text.parse()
                .map_err(|_| FuncError(format!("{text:?} is not a number")))
        }
    }
}

/// As Prometheus' `humanizeDuration` writes it.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return format_general(seconds, 4);
    }
    if seconds == 0.0 {
        return "0s".to_owned();
    }
    if seconds.abs() < 1.0 {
        return below_a_second(seconds);
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let rest = seconds.abs();
    if rest < 60.0 {
        return format!("{sign}{}s", format_general(rest, 4));
    }
    let whole = rest.floor();
    let part = |unit: f64, of: f64| ((whole / unit).floor() % of).floor();
    let (days, hours, minutes) = ((whole / 86_400.0).floor(), part(3600.0, 24.0), part(60.0, 60.0));
    let secs = whole % 60.0;
    if days > 0.0 {
        format!("{sign}{days}d {hours}h {minutes}m {secs}s")
    } else if hours > 0.0 {
        format!("{sign}{hours}h {minutes}m {secs}s")
    } else {
        format!("{sign}{minutes}m {secs}s")
    }
}

fn below_a_second(seconds: f64) -> String {
    let (mut value, mut prefix) = (seconds, "");
    for smaller in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        (value, prefix) = (value * 1000.0, smaller);
    }
    format!("{}{prefix}s", format_general(value, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_for_people() {
        for (seconds, expected) in [
            (0.0, "0s"),
            (1.0, "1s"),
            (59.9, "59.9s"),
            (1234.567, "20m 34s"),
            (3600.0, "1h 0m 0s"),
            (93784.0, "1d 2h 3m 4s"),
            (-90.0, "-1m 30s"),
            (0.0125, "12.5ms"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
        assert_eq!(seconds(&Value::Duration(1_500_000_000)), Ok(1.5));
        assert_eq!(seconds(&Value::string("60")), Ok(60.0));
        assert!(seconds(&Value::string("x")).is_err());
    }
}
