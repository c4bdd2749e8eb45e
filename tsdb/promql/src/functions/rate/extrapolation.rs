//! By how much the change between the first and the last sample of a window is multiplied to cover all of it.

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

impl Sampled {
    /// The factor for a window; `counted` where the counter has a slope.
    #[inline]
    pub(super) fn factor(&self, start_ms: i64, end_ms: i64, counted: Option<Counted>) -> f64 {
        let mut to_start = (self.first_ms - start_ms) as f64 / 1000.0;
        let sampled = (self.last_ms - self.first_ms) as f64 / 1000.0;
        let average = sampled / self.intervals as f64;
        let threshold = average * THRESHOLD;
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        // A division is only due where its result might matter: mostly a counter is far from zero.
        let matters = |c: &Counted| {
            let far = c.first * sampled;
            !(far.is_finite() && far > 2.0 * to_start * c.change)
        };
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
