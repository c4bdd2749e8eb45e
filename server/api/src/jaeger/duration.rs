//! Durations as Go writes them: `1.5h`, `1m30s`, `250us`.

/// Reads a duration in Go's syntax (units `ns us µs ms s m h`, fractions, a sign), in nanoseconds.
///
/// # Errors
/// Go's text of what is wrong.
pub(super) fn parse_go_duration_ns(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_len = rest
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b'.')
            .count();
        let (number, tail) = rest.split_at(number_len);
        let unit_len = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        if unit.is_empty() && !number.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let unit_ns = unit_ns(unit).ok_or_else(|| {
            if number.is_empty() {
                invalid()
            } else {
                format!("time: unknown unit {unit:?} in duration {text:?}")
            }
        })?;
        total += amount_ns(number, unit_ns).ok_or_else(invalid)?;
        rest = tail;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

fn unit_ns(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A decimal number of units, cut below the nanosecond.
fn amount_ns(number: &str, unit_ns: i128) -> Option<i128> {
    /// More digits do not change a nanosecond, or do not fit.
    const MAX_DIGITS: usize = 20;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > MAX_DIGITS || fraction.contains('.') {
        return None;
    }
    let fraction = fraction.get(..fraction.len().min(MAX_DIGITS))?;
    let digits = |text: &str| {
        if text.is_empty() {
            Some(0)
        } else {
            text.parse::<i128>().ok()
        }
    };
    let part = digits(fraction)? * unit_ns / 10i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(digits(whole)? * unit_ns + part)
}

#[cfg(test)]
mod tests {
    use super::parse_go_duration_ns;

    #[test]
    fn go_durations() {
        for (text, ns) in [
            ("0", 0),
            ("5ms", 5_000_000),
            ("1.5h", 5_400_000_000_000),
            ("1m30s", 90_000_000_000),
            ("100µs", 100_000),
            ("100\u{3bc}s", 100_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("-2us", -2000),
            ("+3ns", 3),
            ("2562047h", 2_562_047 * 3_600_000_000_000),
        ] {
            assert_eq!(parse_go_duration_ns(text), Ok(ns), "{text}");
        }
    }

    #[test]
    fn what_is_none_says_so_as_go_does() {
        for (text, error) in [
            ("", "time: invalid duration \"\""),
            ("-", "time: invalid duration \"-\""),
            ("5", "time: missing unit in duration \"5\""),
            ("ms", "time: invalid duration \"ms\""),
            ("1.2.3s", "time: invalid duration \"1.2.3s\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("9999999h", "time: invalid duration \"9999999h\""),
            ("1é", "time: unknown unit \"é\" in duration \"1é\""),
        ] {
            assert_eq!(parse_go_duration_ns(text), Err(error.to_owned()), "{text}");
        }
    }
}
