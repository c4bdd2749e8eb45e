//! Exemplars: single observations that stand beside a series and point elsewhere, mostly to a trace.
//!
//! Best effort by nature: stores bound them by size and age, keep them apart from samples, and drop what comes late.
//! The rules are Prometheus' (`storage/exemplar.go`): exemplars of a series come in order of time, then value, then
//! labels; one that repeats the newest is no error and stored once.

use crate::{Labels, Matcher, StoreError};

/// What OpenMetrics allows for the names and values of an exemplar's labels together, in UTF-8 characters.
pub const OPENMETRICS_LABEL_CHARS: usize = 128;

/// What is stored at most of the same. Senders by other protocols exceed 128 with a tenant or a URL in good faith.
pub const MAX_LABEL_CHARS: usize = 512;

/// One observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// What it points to, e.g. `trace_id`. May be empty.
    pub labels: Labels,
    /// What was observed.
    pub value: f64,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
}

impl Exemplar {
    /// Whether its labels are short enough to be stored.
    pub fn labels_fit(&self) -> bool {
        let chars = |(name, value): (&str, &str)| name.chars().count() + value.chars().count();
        self.labels.iter().map(chars).sum::<usize>() <= MAX_LABEL_CHARS
    }
}

/// An exemplar on its way into a store.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarRow {
    /// The full label set of the series, metric name included.
    pub series: Labels,
    /// What is to be stored.
    pub exemplar: Exemplar,
    /// Whether the time was sent with the exemplar. Where it is only that of the scrape, an exemplar that is like the
    /// newest but for the time is the same one seen again.
    pub own_timestamp: bool,
}

/// Why an exemplar was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectedExemplar {
    /// Before the newest of its series.
    OutOfOrder,
    /// More than [`MAX_LABEL_CHARS`].
    LabelsTooLong,
    /// A bound on the number of series that have exemplars was reached.
    SeriesLimit,
    /// The series has no labels.
    InvalidLabels,
}

impl RejectedExemplar {
    /// The reason as Prometheus words it.
    pub fn as_str(self) -> &'static str {
        match self {
            RejectedExemplar::OutOfOrder => "out of order exemplar",
            RejectedExemplar::LabelsTooLong => {
                "label length for exemplar exceeds maximum of 512 UTF-8 characters"
            }
            RejectedExemplar::SeriesLimit => "limit on the number of series with exemplars reached",
            RejectedExemplar::InvalidLabels => "invalid labels",
        }
    }
}

/// What became of a batch of exemplars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExemplarReport {
    /// Exemplars stored.
    pub stored: usize,
    /// Repetitions of the newest of their series: dropped, and no error.
    pub repeated: usize,
    /// Index in the batch and reason of each that was refused.
    pub rejected: Vec<(usize, RejectedExemplar)>,
}

/// Whoever takes exemplars. Blocking.
pub trait ExemplarSink: Send + Sync {
    /// Stores a batch. When this returns `Ok`, what was stored survives a kill of the process.
    ///
    /// # Errors
    /// The store takes no writes; nothing of the batch was stored.
    fn append_exemplars(&self, rows: &[ExemplarRow]) -> Result<ExemplarReport, StoreError>;
}

/// The exemplars of one series in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesExemplars {
    /// Of the series.
    pub labels: Labels,
    /// At least one.
    pub exemplars: Vec<Exemplar>,
}

/// A store of exemplars that can be asked.
pub trait ExemplarStore: Send + Sync {
    /// The exemplars between two times (inclusive, milliseconds) of the series that satisfy all matchers of any of
    /// the sets: a query's selectors. Series in the order of their labels. At most `max_exemplars`; 0 for no bound.
    ///
    /// # Errors
    /// The disk failed, or there are more than `max_exemplars`.
    fn select_exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        start_ms: i64,
        end_ms: i64,
        max_exemplars: u64,
    ) -> Result<Vec<SeriesExemplars>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted_in_characters() {
        let exemplar = |len: usize| Exemplar {
            labels: Labels::from_pairs([("id", "ü".repeat(len))]),
            value: 1.0,
            timestamp_ms: 0,
        };
        assert!(exemplar(MAX_LABEL_CHARS - 2).labels_fit());
        assert!(!exemplar(MAX_LABEL_CHARS - 1).labels_fit());
    }
}
