//! What a query has read: the numbers that Prometheus tells of a query when asked for its statistics.

use std::sync::{Mutex, PoisonError};

use super::column::histogram_samples;
use super::track::Track;
use super::windows::{Sill, histogram_sizes, window_samples};
use super::{Column, Evaluator, Steps};
use crate::QueryError;

/// Samples counted so far, by all threads of a query.
#[derive(Debug, Default)]
pub(crate) struct Tally(Option<Mutex<Counts>>);

/// Samples by step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Those that each step looked at: windows that overlap count again.
    pub(crate) queryable: Vec<u64>,
    /// Those that each step was the first to look at.
    pub(crate) read: Vec<u64>,
}

impl Tally {
    /// One that counts, or none.
    pub(crate) fn new(counts: bool, steps: Steps) -> Tally {
        let empty = || Counts {
            queryable: vec![0; steps.count],
            read: vec![0; steps.count],
        };
        Tally(counts.then(|| Mutex::new(empty())))
    }

    /// What was counted.
    pub(crate) fn into_counts(self) -> Option<Counts> {
        let counts = self.0?;
        Some(counts.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, count: impl FnOnce(&mut Counts)) {
        if let Some(counts) = &self.0 {
            count(&mut counts.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Evaluator<'_> {
    /// Counts the samples that an instant selector found.
    pub(super) fn count_cells(&self, column: &Column) {
        self.stats.add(|counts| {
            for (i, float) in column.floats.iter().enumerate() {
                let histogram = column.histograms.get(i).and_then(Option::as_ref);
                let samples = match histogram {
                    Some(histogram) => histogram_samples(histogram) as u64,
                    None => u64::from(!super::is_absent(*float)),
                };
                add_at(&mut counts.queryable, i, samples);
                add_at(&mut counts.read, i, samples);
            }
        });
    }

    /// Counts the samples of windows, and makes sure that the largest may be held.
    pub(super) fn count_windows(&self, sill: &Sill, track: &Track) -> Result<(), QueryError> {
        self.stats.add(|counts| {
            let (mut floats, mut seen) = (0, 0);
            for (i, b) in sill.over(track).bounds.iter().enumerate() {
                add_at(&mut counts.queryable, i, window_samples(b, track) as u64);
                let new = b.floats.1.saturating_sub(b.floats.0.max(floats)) as usize;
                let new = new + histogram_sizes(track, (b.histograms.0.max(seen), b.histograms.1));
                add_at(&mut counts.read, i, new as u64);
                (floats, seen) = (floats.max(b.floats.1), seen.max(b.histograms.1));
            }
        });
        self.budget.touch(sill.largest(track))
    }
}

/// Steps of a subquery are not those of the query; what is beyond the last counts for the last.
fn add_at(counts: &mut [u64], i: usize, samples: u64) {
    let at = i.min(counts.len().saturating_sub(1));
    if let Some(count) = counts.get_mut(at) {
        *count += samples;
    }
}
