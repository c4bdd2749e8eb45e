//! Sets of milliseconds as sorted intervals.

use model::metrics::Samples;

/// Intervals, inclusive at both ends, sorted, apart from one another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Intervals(Vec<(i64, i64)>);

impl Intervals {
    /// No time at all.
    pub(crate) const NONE: Intervals = Intervals(Vec::new());

    /// Whether no time is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the times from `start` to `end`, none where `start` is later.
    pub(crate) fn add(&mut self, start: i64, end: i64) {
        if start > end {
            return;
        }
        let (mut start, mut end) = (start, end);
        // Neighbours become one, so that what is covered piece by piece counts as covered.
        let touches = |&(a, b): &(i64, i64)| a <= end.saturating_add(1) && b.saturating_add(1) >= start;
        let touched: Vec<(i64, i64)> = self.0.iter().copied().filter(touches).collect();
        self.0.retain(|interval| !touched.contains(interval));
        for (a, b) in touched {
            start = start.min(a);
            end = end.max(b);
        }
        let at = self.0.partition_point(|&(a, _)| a < start);
        self.0.insert(at, (start, end));
    }

    /// Whether `ms` is in it.
    pub(crate) fn contains(&self, ms: i64) -> bool {
        let after = self.0.partition_point(|&(a, _)| a <= ms);
        after > 0 && self.0.get(after - 1).is_some_and(|&(_, b)| ms <= b)
    }

    /// Whether all of `start..=end` is in it.
    pub(crate) fn covers(&self, start: i64, end: i64) -> bool {
        self.0.iter().any(|&(a, b)| a <= start && end <= b)
    }

    /// Whether any of `start..=end` is in it.
    pub(crate) fn touches(&self, start: i64, end: i64) -> bool {
        self.0.iter().any(|&(a, b)| a <= end && b >= start)
    }

    /// Takes the samples out whose times are in it: floats from position `from` of the columns on, histograms from
    /// position `from_histogram` on.
    pub(crate) fn cut(&self, samples: &mut Samples, from: usize, from_histogram: usize) {
        if self.is_empty() {
            return;
        }
        let mut at = 0;
        samples.histograms.retain(|(at_ms, _)| {
            at += 1;
            at <= from_histogram || !self.contains(*at_ms)
        });
        let mut kept = from;
        for i in from..samples.timestamps.len() {
            let at_ms = samples.timestamps[i];
            if !self.contains(at_ms) {
                samples.timestamps[kept] = at_ms;
                samples.values[kept] = samples.values[i];
                kept += 1;
            }
        }
        samples.timestamps.truncate(kept);
        samples.values.truncate(kept);
    }
}
