//! When a target is scraped: at a fixed place within its interval, counted from the epoch, so that neither a
//! restart nor a reload moves it and a thousand targets do not come at once.

/// By how much a scrape may be late and still get the timestamp it was meant for: regular timestamps compress
/// to almost nothing. As upstream, 2 ms or a hundredth of the interval, whichever is less.
const MAX_TOLERANCE_MS: i64 = 2;

/// The first time at or after `from_ms` that lies on the target's grid.
pub(super) fn next_tick(from_ms: i64, interval_ms: i64, hash: u64) -> i64 {
    let interval = interval_ms.max(1);
    let offset = i64::try_from(hash % interval.unsigned_abs()).unwrap_or(0);
    let behind = (from_ms - offset).rem_euclid(interval);
    if behind == 0 {
        from_ms
    } else {
        from_ms + interval - behind
    }
}

/// The timestamp for a scrape that was meant for `tick_ms` and begins at `now_ms`.
pub(super) fn timestamp(tick_ms: i64, now_ms: i64, interval_ms: i64) -> i64 {
    let tolerance = MAX_TOLERANCE_MS.min(interval_ms / 100);
    if (now_ms - tick_ms).abs() <= tolerance {
        tick_ms
    } else {
        now_ms
    }
}
