//! Which days go. Pure.

use crate::day::{DAY_MS, Day};

/// A day and what it takes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayBytes {
    pub(crate) day: i64,
    pub(crate) bytes: u64,
}

impl From<&Day> for DayBytes {
    fn from(day: &Day) -> Self {
        DayBytes {
            day: day.day,
            bytes: day.disk_bytes,
        }
    }
}

/// Whether a day is over since longer than the retention; a retention of 0 keeps all.
pub(crate) fn is_expired(day: i64, now_ms: i64, retention_ms: i64) -> bool {
    let end_ms = day.saturating_add(1).saturating_mul(DAY_MS);
    retention_ms > 0 && end_ms <= now_ms.saturating_sub(retention_ms)
}

/// The days to delete, given in order: those expired, then the oldest until the rest fits into `max_bytes` (0: no
/// such bound). The newest day is never deleted for its size.
pub(crate) fn plan(days: &[DayBytes], now_ms: i64, retention_ms: i64, max_bytes: u64) -> Vec<i64> {
    let mut total: u64 = days.iter().map(|d| d.bytes).sum();
    let newest = days.last().map(|d| d.day);
    let mut gone = Vec::new();
    for day in days {
        let too_much = max_bytes > 0 && total > max_bytes && Some(day.day) != newest;
        if is_expired(day.day, now_ms, retention_ms) || too_much {
            total -= day.bytes;
            gone.push(day.day);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_goes_when_its_last_line_is_too_old() {
        let days = [DayBytes { day: 0, bytes: 1 }, DayBytes { day: 1, bytes: 1 }];
        assert_eq!(plan(&days, 2 * DAY_MS - 1, DAY_MS, 0), [0i64; 0]);
        assert_eq!(plan(&days, 2 * DAY_MS, DAY_MS, 0), [0]);
        assert_eq!(plan(&days, 100 * DAY_MS, 0, 0), [0i64; 0]);
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        let days: Vec<DayBytes> = (0..4).map(|day| DayBytes { day, bytes: 10 }).collect();
        assert_eq!(plan(&days, 0, 0, 25), [0, 1]);
        assert_eq!(plan(&days, 0, 0, 1), [0, 1, 2]);
    }
}
