//! Parameters in Loki's spellings: times as nanoseconds, seconds or RFC 3339, `since`, `limit`, `direction`.

use model::logs::Direction;
use model::promtime::parse_duration_ms;

use super::error::LokiError;
use crate::prometheus::params::Params;

/// How many lines without a `limit`.
const DEFAULT_LIMIT: usize = 100;

/// Loki's default `max_entries_limit_per_query`.
pub(super) const MAX_LIMIT: usize = 5000;

const HOUR_MS: i64 = 3_600_000;

/// How far back a query of lines looks by default, in milliseconds.
pub(super) const QUERY_SINCE_MS: i64 = HOUR_MS;

/// How far back a question for labels and series looks by default, in milliseconds.
pub(super) const LABELS_SINCE_MS: i64 = 6 * HOUR_MS;

/// A span of time in nanoseconds, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
}

/// `start`, `end` and `since`. Without a start it lies `since` before the end, but before now if the end is later.
pub(super) fn range(params: &Params, now_ns: i64, default_since_ms: i64) -> Result<Range, LokiError> {
    let since_ms = params.get("since").map_or(Ok(default_since_ms), |text| {
        parse_duration_ms(text)
            .map_err(|why| LokiError::bad_request(format!("could not parse 'since' parameter: {why}")))
    })?;
    let end_ns = time(params, "end")?.unwrap_or(now_ns);
    let default_start = end_ns
        .min(now_ns)
        .saturating_sub(since_ms.saturating_mul(1_000_000));
    let start_ns = time(params, "start")?.unwrap_or(default_start);
    if end_ns < start_ns {
        return Err(LokiError::bad_request(
            "end timestamp must not be before or equal to start time",
        ));
    }
    Ok(Range { start_ns, end_ns })
}

/// A point in time, if given, in nanoseconds.
pub(super) fn time(params: &Params, name: &str) -> Result<Option<i64>, LokiError> {
    let parse = |text: &str| {
        parse_time_ns(text).ok_or_else(|| {
            let message = format!("could not parse '{name}' parameter: {text:?} is not a valid timestamp");
            LokiError::bad_request(message)
        })
    };
    params.get(name).map(parse).transpose()
}

/// With a decimal point: seconds, to the millisecond. Whole: seconds up to ten characters, else nanoseconds.
fn parse_time_ns(text: &str) -> Option<i64> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        let ms = (seconds * 1000.0).round();
        return (ms.abs() < 9e12).then(|| (ms as i64) * 1_000_000);
    }
    match text.parse::<i64>() {
        Ok(seconds) if text.len() <= 10 => seconds.checked_mul(1_000_000_000),
        Ok(nanoseconds) => Some(nanoseconds),
        Err(_) => {
            let timestamp = text.parse::<jiff::Timestamp>().ok()?;
            i64::try_from(timestamp.as_nanosecond()).ok()
        }
    }
}

/// `limit`, from 1 to [`MAX_LIMIT`].
pub(super) fn limit(params: &Params) -> Result<usize, LokiError> {
    let Some(text) = params.get("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    let limit: i64 = text
        .parse()
        .map_err(|_| LokiError::bad_request(format!("could not parse 'limit' parameter: {text:?}")))?;
    match usize::try_from(limit) {
        Err(_) | Ok(0) => Err(LokiError::bad_request("limit must be a positive value")),
        Ok(limit) if limit > MAX_LIMIT => Err(LokiError::bad_request(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {MAX_LIMIT})"
        ))),
        Ok(limit) => Ok(limit),
    }
}

/// `direction`, in any letter case.
pub(super) fn direction(params: &Params) -> Result<Direction, LokiError> {
    match params.get("direction") {
        None => Ok(Direction::Backward),
        Some(text) if text.eq_ignore_ascii_case("backward") => Ok(Direction::Backward),
        Some(text) if text.eq_ignore_ascii_case("forward") => Ok(Direction::Forward),
        Some(text) => Err(LokiError::bad_request(format!("invalid direction '{text}'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_all_spellings() {
        let ns = 1_700_000_000_123_000_000;
        assert_eq!(parse_time_ns("1700000000123000000"), Some(ns));
        assert_eq!(parse_time_ns("1700000000.123"), Some(ns));
        assert_eq!(parse_time_ns("1700000000"), Some(1_700_000_000_000_000_000));
        assert_eq!(parse_time_ns("2023-11-14T22:13:20.123Z"), Some(ns));
        assert_eq!(parse_time_ns("2023-11-14T23:13:20.123+01:00"), Some(ns));
        for bad in ["now", "1e300.", "9999-99-99", "99999999999999999999", "NaN."] {
            assert_eq!(parse_time_ns(bad), None, "{bad}");
        }
    }
}
