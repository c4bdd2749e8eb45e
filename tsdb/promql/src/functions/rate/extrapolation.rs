//! By how much the change between the first and the last sample of a window is multiplied to cover all of it.

use crate::eval::Bounds;

/// A sample further from the window's end than this many average intervals says that the series begins or ends within
/// the window.
const THRESHOLD: f64 = 1.1;

/// The first and the last sample of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sampled {
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    /// How many intervals are between them.
    pub(super) intervals: usize,
}

/// What a counter had at its first sample, and by how much it went up since: it cannot have come from below zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) first: f64,
    pub(super) change: f64,
}

/// What the times of a window's samples alone say of its extrapolation: the same for all series of a scrape.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Timing {
    /// Seconds between the first and the last sample.
    sampled: f64,
    /// Seconds by which the window's start lies before the first sample, as far as the series is taken to reach.
    to_start: f64,
    /// The factor of a change.
    pub(super) factor: f64,
    /// The factor that makes a rate of it.
    pub(super) per_second: f64,
}

impl Timing {
    /// Of the windows of a series with samples at these times.
    pub(crate) fn all(timestamps: &[i64], bounds: &[Bounds], range_ms: i64) -> Vec<Timing> {
        let range_s = range_ms as f64 / 1000.0;
        let timing = |b: &Bounds| {
            let last = (b.floats.1 as usize).checked_sub(1)?;
            let first = b.floats.0 as usize;
            let sampled = Sampled {
                first_ms: *timestamps.get(first)?,
                last_ms: *timestamps.get(last)?,
                intervals: last.checked_sub(first).filter(|n| *n > 0)?,
            };
            let (seconds, to_start, _) = sampled.towards_start(b.start_ms);
            let factor = sampled.factor(b.start_ms, b.end_ms, None);
            Some(Timing {
                sampled: seconds,
                to_start,
                factor,
                per_second: factor / range_s,
            })
        };
        bounds.iter().map(|b| timing(b).unwrap_or_default()).collect()
    }

    /// Whether a counter came from so far above zero that the start of its window cannot lie before its own.
    #[inline]
    pub(super) fn is_far(&self, counted: Counted) -> bool {
        is_far(counted, self.sampled, self.to_start)
    }
}

/// A division is only due where its result might matter: mostly a counter is far from zero.
#[inline]
fn is_far(counted: Counted, sampled: f64, to_start: f64) -> bool {
    let far = counted.first * sampled;
    far.is_finite() && far > 2.0 * to_start * counted.change
}

impl Sampled {
    /// Seconds between the samples, seconds to the window's start as far as the series is taken to reach, and the average
    /// interval.
    #[inline]
    fn towards_start(&self, start_ms: i64) -> (f64, f64, f64) {
        let to_start = (self.first_ms - start_ms) as f64 / 1000.0;
        let sampled = (self.last_ms - self.first_ms) as f64 / 1000.0;
        let average = sampled / self.intervals as f64;
        if to_start >= average * THRESHOLD {
            (sampled, average / 2.0, average)
        } else {
            (sampled, to_start, average)
        }
    }

    /// The factor for a window; `counted` where the counter has a slope.
    #[inline]
    pub(super) fn factor(&self, start_ms: i64, end_ms: i64, counted: Option<Counted>) -> f64 {
        let (sampled, mut to_start, average) = self.towards_start(start_ms);
        let threshold = average * THRESHOLD;
        let matters = |c: &Counted| !is_far(*c, sampled, to_start);
        if let Some(Counted { first, change }) = counted.filter(matters) {
            let to_zero = sampled * (first / change);
            if to_zero < to_start {
                to_start = to_zero;
            }
        }
        extended(sampled, to_start, self.up_to_end(end_ms, threshold, average))
    }

    /// The factor where the counter is known to begin at `start_ms`, within the window.
    pub(super) fn factor_from(&self, end_ms: i64, start_ms: i64) -> f64 {
        let between = (self.last_ms - self.first_ms) as f64 / 1000.0;
        let average = if self.intervals > 0 {
            between / self.intervals as f64
        } else {
            0.0
        };
        let sampled = (self.last_ms - start_ms) as f64 / 1000.0;
        extended(sampled, 0.0, self.up_to_end(end_ms, average * THRESHOLD, average))
    }

    #[inline]
    fn up_to_end(&self, end_ms: i64, threshold: f64, average: f64) -> f64 {
        let to_end = (end_ms - self.last_ms) as f64 / 1000.0;
        if to_end >= threshold {
            average / 2.0
        } else {
            to_end
        }
    }
}

#[inline]
fn extended(sampled: f64, to_start: f64, to_end: f64) -> f64 {
    if sampled == 0.0 {
        return 1.0;
    }
    (sampled + to_start + to_end) / sampled
}
