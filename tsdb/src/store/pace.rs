//! How fast samples come in, and whether that has nearly stopped.
//!
//! A database that is quiet is brought into its most compact form on disk. Quiet means: for [`QUIET_MS`], and for twice
//! as long as any recent pause, less than a tenth of the usual rate. A single target scraped once a minute is not quiet
//! in between.

/// Nothing is quiet sooner.
const QUIET_MS: i64 = 15_000;

/// Looking more often than this changes nothing.
const TICK_MS: i64 = 500;

/// The usual rate follows the rate with this time constant.
const USUAL_MS: f64 = 60_000.0;

/// A pause is remembered so long.
const PAUSE_MS: i64 = 10 * 60_000;

/// A rate below the usual one divided by this is as good as nothing.
const HARDLY: f64 = 10.0;

/// What was observed so far. Times are milliseconds of the clock.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<(i64, u64)>,
    /// Samples a millisecond.
    usual: f64,
    /// When samples last came in earnest.
    busy_ms: Option<i64>,
    /// The longest recent pause, and when it ended.
    pause: Option<(i64, i64)>,
}

impl Pace {
    /// Takes note of how many samples there have been in all.
    pub(super) fn observe(&mut self, now_ms: i64, samples: u64) {
        let Some((then_ms, before)) = self.last else {
            self.last = Some((now_ms, samples));
            return;
        };
        let elapsed_ms = now_ms.saturating_sub(then_ms);
        if elapsed_ms < 0 {
            // The clock was set back: begin anew.
            *self = Pace::default();
            self.last = Some((now_ms, samples));
            return;
        }
        if elapsed_ms < TICK_MS {
            return;
        }
        self.last = Some((now_ms, samples));
        let rate = samples.saturating_sub(before) as f64 / elapsed_ms as f64;
        if rate > 0.0 && rate * HARDLY >= self.usual {
            self.busy(now_ms);
        }
        let weight = 1.0 - (-(elapsed_ms as f64) / USUAL_MS).exp();
        self.usual += (rate - self.usual) * weight;
    }

    fn busy(&mut self, now_ms: i64) {
        if let Some(before) = self.busy_ms {
            let pause_ms = now_ms - before;
            let longest = self.recent_pause(now_ms);
            if pause_ms >= longest {
                self.pause = Some((pause_ms, now_ms));
            }
        }
        self.busy_ms = Some(now_ms);
    }

    fn recent_pause(&self, now_ms: i64) -> i64 {
        let recent = self.pause.filter(|(_, ended)| now_ms - ended < PAUSE_MS);
        recent.map_or(0, |(pause, _)| pause)
    }

    /// Whether hardly anything has come in for a while.
    pub(super) fn is_quiet(&self, now_ms: i64) -> bool {
        let Some(busy_ms) = self.busy_ms else { return false };
        let since_ms = now_ms.saturating_sub(busy_ms);
        since_ms >= QUIET_MS && since_ms >= self.recent_pause(now_ms).saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the clock second by second; gives the first second in which it is quiet.
    fn first_quiet(seconds: i64, samples_in: impl Fn(i64) -> u64) -> Option<i64> {
        let (mut pace, mut total) = (Pace::default(), 0);
        for second in 0..seconds {
            total += samples_in(second);
            pace.observe(second * 1000, total);
            if pace.is_quiet(second * 1000) {
                return Some(second);
            }
        }
        None
    }

    #[test]
    fn a_load_that_ends_is_quiet_after_a_quarter_of_a_minute() {
        let load = |s| if s < 100 { 1_000_000 } else { 0 };
        assert_eq!(first_quiet(200, load), Some(114));
        let and_a_little = |s| {
            if s < 100 {
                1_000_000
            } else if s % 15 == 0 {
                500
            } else {
                0
            }
        };
        assert_eq!(first_quiet(200, and_a_little), Some(114));
    }

    #[test]
    fn steady_scraping_is_not_quiet_however_seldom() {
        for every in [1, 15, 60] {
            let scrape = |s: i64| if s % every == 0 { 5000 } else { 0 };
            let found = first_quiet(3600, scrape);
            // The first pause is not known to be one.
            assert!(found.is_none_or(|s| s < 2 * every), "every {every} s: {found:?}");
            let mut pace = Pace::default();
            let mut quiet = 0;
            for s in 0..3600 {
                pace.observe(s * 1000, (s / every) as u64 * 5000);
                quiet += usize::from(s > 3 * every && pace.is_quiet(s * 1000));
            }
            assert_eq!(quiet, 0, "every {every} s");
        }
    }

    #[test]
    fn an_empty_database_is_not_quiet_and_a_clock_set_back_begins_anew() {
        assert_eq!(first_quiet(100, |_| 0), None);
        let mut pace = Pace::default();
        pace.observe(1_000_000, 0);
        pace.observe(1_001_000, 50);
        pace.observe(0, 60);
        assert!(!pace.is_quiet(2_000_000));
    }
}
