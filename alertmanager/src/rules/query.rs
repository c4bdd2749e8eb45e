//! What rules ask of the store.

use std::sync::Arc;

use model::{Histogram, Labels};

/// Series with one value each.
pub type Vector = Vec<(Labels, f64)>;

/// What the query of a rule gives: each series is in one of the two.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The series whose value is a number.
    pub floats: Vector,
    /// The series whose value is a distribution.
    pub histograms: Vec<(Labels, Arc<Histogram>)>,
}

impl Answer {
    /// Every series with a number, which for a distribution is 0, as conditions and templates see it.
    pub fn into_vector(self) -> Vector {
        let histograms = self.histograms.into_iter().map(|(labels, _)| (labels, 0.0));
        self.floats.into_iter().chain(histograms).collect()
    }
}

/// The last trace that an alert left in the store before a restart.
#[derive(Debug, Clone, PartialEq)]
pub struct ForState {
    /// The labels of the alert, without the metric's name.
    pub labels: Labels,
    /// When it was last written, milliseconds since the epoch.
    pub at_ms: i64,
    /// Since when the alert had been active, seconds since the epoch; a staleness marker where it was not any more.
    pub active_since_s: f64,
}

/// Whoever answers queries. Blocking.
pub trait Querier: Send + Sync {
    /// The value of a PromQL expression at one time; a scalar is a vector of one value without labels.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn answer(&self, expr: &str, at_ms: i64) -> Result<Answer, String>;

    /// The same in numbers, see [`Answer::into_vector`].
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    fn instant(&self, expr: &str, at_ms: i64) -> Result<Vector, String> {
        self.answer(expr, at_ms).map(Answer::into_vector)
    }

    /// The last sample in a range of time (inclusive) of each series `ALERTS_FOR_STATE` of the alert called
    /// `name`, staleness markers included.
    ///
    /// # Errors
    /// Why there are none, for people.
    fn for_state(&self, name: &str, from_ms: i64, to_ms: i64) -> Result<Vec<ForState>, String>;

    /// Ends the queries under way, and all later ones, as soon as possible: nobody waits for them any more.
    fn cancel(&self) {}
}
