//! What Prometheus' store says of counter resets when it gives histograms out: of those that follow another in a chunk that
//! there was no reset, else a chunk would have begun, and of the first in a chunk nothing.
//!
//! The engine goes by these hints where it warns of sums of counters of which some were reset, so its store must have
//! them too. A chunk also ends when it is full; that is not reproduced here.

use std::sync::Arc;

use model::Histogram;
use model::histogram::CounterResetHint;
use promql::FloatHistogram;

/// The chunk of a series that is written to.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    last: Option<FloatHistogram>,
}

impl Chunk {
    /// Something came that no histogram can be compared with: a float, or a staleness marker.
    pub(crate) fn end(&mut self) {
        self.last = None;
    }

    /// The histogram as it is given out.
    pub(crate) fn hinted(&mut self, histogram: &Arc<Histogram>) -> Arc<Histogram> {
        if histogram.is_stale() {
            self.end();
            return Arc::clone(histogram);
        }
        let next = FloatHistogram::from(&**histogram);
        let follows = self
            .last
            .as_ref()
            .is_some_and(|last| !next.is_gauge() && !begins(&next, last));
        self.last = Some(next);
        if !follows {
            return Arc::clone(histogram);
        }
        Arc::new(Histogram {
            reset_hint: CounterResetHint::NoReset,
            ..Histogram::clone(histogram)
        })
    }
}

/// Whether a chunk begins with this one.
fn begins(next: &FloatHistogram, last: &FloatHistogram) -> bool {
    last.is_gauge()
        || next.schema != last.schema
        || next.zero_threshold != last.zero_threshold
        || next.custom_values != last.custom_values
        || next.detect_reset(last)
}
