//! Instant selectors: the newest sample of each series at each step.

mod smooth;

use std::sync::Arc;

use model::labels::METRIC_NAME;
use model::metrics::{self, Samples, SelectHints, SeriesSet, is_stale_nan};
use model::{Labels, MatchOp};

use super::stream::Stream;
use super::track::Conversion;
use super::{Column, Evaluator, Frame, Steps};
use crate::QueryError;
use crate::ast::{Extension, VectorSelector};
use crate::histogram::FloatHistogram;

/// What of a sample is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Its value.
    Value,
    /// Its time in seconds.
    Timestamp,
    /// The same, but histograms themselves: info series have none.
    InfoTimestamp,
    /// From when on it counts, in seconds; 0 where nobody said.
    Start,
}

/// How the value of a step is found among the samples of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newest {
    fixed_ms: Option<i64>,
    offset_ms: i64,
    lookback_ms: i64,
    wanted: Wanted,
    smoothing: Option<crate::ast::Span>,
    conversion: Conversion,
}

/// The name that all series of a selector have, where it says so.
pub(crate) fn metric_name(selector: &VectorSelector) -> Option<&str> {
    let mut names = selector.matchers.iter().filter(|m| m.name == METRIC_NAME);
    let equal = names.find(|m| m.op == MatchOp::Equal)?;
    Some(equal.value.as_str()).filter(|name| !name.is_empty())
}

impl Evaluator<'_> {
    /// The newest sample at each step that is not older than the lookback (exclusive) and no staleness marker.
    pub(crate) fn select(
        &self,
        selector: &VectorSelector,
        steps: Steps,
        wanted: Wanted,
    ) -> Result<Frame, QueryError> {
        let (set, newest) = self.newest(selector, steps)?;
        let newest = Newest {
            wanted,
            smoothing: None,
            ..newest
        };
        self.collect(Stream::of_newest(set, newest, selector, steps))
    }

    /// The series of an instant selector, and how their values are found.
    pub(super) fn newest(
        &self,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Result<(Arc<dyn SeriesSet>, Newest), QueryError> {
        let lookback_ms = self.defaults.lookback_ms;
        let smoothed = selector.extension == Extension::Smoothed;
        let newest = Newest {
            fixed_ms: self.defaults.fixed(selector.at),
            offset_ms: selector.offset_ms,
            lookback_ms,
            wanted: Wanted::Value,
            smoothing: smoothed.then_some(selector.span),
            conversion: self.conversion(selector),
        };
        let first = newest.reference(steps.start_ms).saturating_sub(lookback_ms);
        let mut last = newest.reference(steps.last_ms());
        if smoothed {
            last = last.saturating_add(lookback_ms);
        }
        let hints = SelectHints {
            start_ms: first.saturating_add(1),
            end_ms: last,
            newest_only: steps.count == 1 && !smoothed && newest.conversion == Conversion::Whole,
            ..self.hints(steps, metrics::Wanted::Last)
        };
        Ok((self.open(selector, &hints)?, newest))
    }

    /// What becomes of the histograms of a selector.
    pub(super) fn conversion(&self, selector: &VectorSelector) -> Conversion {
        if self.totals_only.contains(&std::ptr::from_ref(selector).addr()) {
            Conversion::Totals
        } else {
            Conversion::Whole
        }
    }

    /// What the store is told of a selector, but for the times.
    pub(super) fn hints(&self, steps: Steps, wanted: metrics::Wanted) -> SelectHints {
        SelectHints {
            step_ms: if steps.count > 1 { steps.step_ms } else { 0 },
            max_series: self.max_series,
            max_resolution_ms: self.max_resolution_ms,
            wanted,
            ..SelectHints::default()
        }
    }

    /// Asks the store for the series of a selector.
    pub(super) fn open(
        &self,
        selector: &VectorSelector,
        hints: &SelectHints,
    ) -> Result<Arc<dyn SeriesSet>, QueryError> {
        Ok(Arc::from(self.snapshot.select(&selector.matchers, hints)?))
    }

    /// Counts what was read of a series, which is held for as long as it is in work.
    pub(super) fn read(&self, samples: &Samples) -> Result<(), QueryError> {
        if let Some(recorder) = &self.recorder {
            recorder.read(samples.len());
        }
        let histograms = samples.histograms.iter().map(|(_, h)| h.memory_bytes());
        self.budget
            .touch_bytes(16 * samples.timestamps.len() + histograms.sum::<usize>())
    }
}

impl Newest {
    /// The time in the store that a step asks for.
    fn reference(&self, time_ms: i64) -> i64 {
        self.fixed_ms.unwrap_or(time_ms).saturating_sub(self.offset_ms)
    }

    /// Sets an empty column to the values at the steps.
    pub(super) fn fill(
        &self,
        evaluator: &Evaluator<'_>,
        samples: &Samples,
        steps: Steps,
        column: &mut Column,
        labels: &dyn Fn() -> Result<Labels, QueryError>,
    ) -> Result<(), QueryError> {
        let times = steps.iter().map(|t| self.reference(t));
        if let Some(span) = self.smoothing {
            let smoothing = smooth::Smoothing {
                samples,
                lookback_ms: self.lookback_ms,
                notes: &evaluator.annotations,
                span,
                labels,
            };
            return smoothing.fill(times, column);
        }
        if samples.histograms.is_empty() && self.wanted == Wanted::Value {
            self.fill_floats(samples, times, column);
        } else {
            self.fill_any(samples, times, column);
        }
        Ok(())
    }

    fn fill_floats(&self, samples: &Samples, times: impl Iterator<Item = i64>, column: &mut Column) {
        let mut seen = 0;
        for (time, cell) in times.zip(&mut column.floats) {
            while samples.timestamps.get(seen).is_some_and(|t| *t <= time) {
                seen += 1;
            }
            let oldest = time.saturating_sub(self.lookback_ms);
            let Some(at) = seen.checked_sub(1) else { continue };
            // A staleness marker is what an empty cell holds.
            if let (Some(t), Some(value)) = (samples.timestamps.get(at), samples.values.get(at))
                && *t > oldest
            {
                *cell = *value;
            }
        }
    }

    fn fill_any(&self, samples: &Samples, times: impl Iterator<Item = i64>, column: &mut Column) {
        let (mut floats, mut histograms) = (0, 0);
        let Samples {
            timestamps,
            values,
            histograms: all,
            starts,
        } = samples;
        let mut shared: Option<(i64, Arc<FloatHistogram>)> = None;
        let mut before: Option<FloatHistogram> = None;
        let mut converted = 0;
        for (i, time) in times.enumerate() {
            floats += timestamps.iter().skip(floats).take_while(|t| **t <= time).count();
            histograms += all
                .iter()
                .skip(histograms)
                .take_while(|(t, _)| *t <= time)
                .count();
            let oldest = time.saturating_sub(self.lookback_ms);
            let float = floats.checked_sub(1);
            let float = float.and_then(|at| Some((*timestamps.get(at)?, *values.get(at)?)));
            let float = float.filter(|(t, _)| *t > oldest);
            let histogram = histograms.checked_sub(1).and_then(|at| all.get(at));
            let histogram = histogram.filter(|(t, _)| *t > oldest);
            let (at, value, histogram) = match (float, histogram) {
                (Some((t, _)), Some((later, h))) if *later > t => (*later, 0.0, Some(h)),
                (Some((t, value)), _) => (t, value, None),
                (None, Some((t, h))) => (*t, 0.0, Some(h)),
                (None, None) => continue,
            };
            if histogram.map_or(is_stale_nan(value), |h| h.is_stale()) {
                continue;
            }
            match (self.wanted, histogram) {
                (Wanted::Timestamp, _) | (Wanted::InfoTimestamp, None) => {
                    column.set_float(i, at as f64 / 1000.0)
                }
                (Wanted::Start, _) => column.set_float(i, starts.at(at) as f64 / 1000.0),
                (Wanted::Value, None) => column.set_float(i, value),
                (Wanted::Value | Wanted::InfoTimestamp, Some(h)) => {
                    // A sample stands at many steps: they share it.
                    let known = shared.take().filter(|(t, _)| *t == at);
                    let (_, histogram) = known.unwrap_or_else(|| {
                        let skipped = all
                            .get(converted..histograms.saturating_sub(1))
                            .unwrap_or_default();
                        if self.conversion == Conversion::Totals {
                            // What lies between tells of resets.
                            for (_, between) in skipped.iter().filter(|(_, h)| !h.is_stale()) {
                                self.conversion.convert(between, &mut before);
                            }
                        }
                        converted = histograms;
                        (at, Arc::new(self.conversion.convert(h, &mut before)))
                    });
                    column.set_histogram(i, Arc::clone(&histogram));
                    shared = Some((at, histogram));
                }
            }
        }
    }
}
