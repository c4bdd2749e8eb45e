//! Instant selectors: the newest sample of each series at each step.

use std::sync::Arc;

use model::metrics::{self, Samples, SelectHints, SeriesSet, Walk, is_stale_nan};

use super::{Column, Evaluator, Frame, Series, Steps};
use crate::QueryError;
use crate::ast::VectorSelector;
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

impl Evaluator<'_> {
    /// The newest sample at each step that is not older than the lookback (exclusive) and no staleness marker.
    pub(crate) fn select(
        &self,
        selector: &VectorSelector,
        steps: Steps,
        wanted: Wanted,
    ) -> Result<Frame, QueryError> {
        let fixed = self.defaults.fixed(selector.at);
        let reference = |t: i64| fixed.unwrap_or(t).saturating_sub(selector.offset_ms);
        let lookback = self.defaults.lookback_ms;
        let (first, last) = (reference(steps.start_ms), reference(steps.last_ms()));
        let set = self.open(
            selector,
            first.saturating_sub(lookback).saturating_add(1),
            last,
            steps,
            metrics::Wanted::Last,
        )?;
        let mut samples = Samples::default();
        let mut frame = Frame::new();
        let mut walk = Walk::new(&*set);
        while let Some(labels) = self.next(&mut walk, &mut samples)? {
            let times = steps.iter().map(reference);
            let column = newest(&samples, times, lookback, wanted, steps.count);
            if !column.is_empty() {
                self.budget.charge(column.len())?;
                frame.push(Series {
                    labels,
                    drop_name: false,
                    column,
                });
            }
        }
        Ok(frame)
    }

    /// Asks the store for the series of a selector between two times, inclusive, and says what for.
    pub(super) fn open(
        &self,
        selector: &VectorSelector,
        start_ms: i64,
        end_ms: i64,
        steps: Steps,
        wanted: metrics::Wanted,
    ) -> Result<Box<dyn SeriesSet + '_>, QueryError> {
        let step_ms = if steps.count > 1 { steps.step_ms } else { 0 };
        let hints = SelectHints {
            start_ms,
            end_ms,
            step_ms,
            max_series: self.max_series,
            max_resolution_ms: self.max_resolution_ms,
            wanted,
            newest_only: false,
        };
        Ok(self.snapshot.select(&selector.matchers, &hints)?)
    }

    /// The next series of a set; checks that it may still be asked for, and that its samples fit.
    pub(super) fn next(
        &self,
        walk: &mut Walk<'_>,
        samples: &mut Samples,
    ) -> Result<Option<model::Labels>, QueryError> {
        self.budget.check()?;
        let labels = walk.next(samples)?;
        let held = self.budget.held();
        self.budget.charge(samples.len())?;
        self.budget.settle(held, 0)?;
        Ok(labels)
    }
}

/// The newest sample at each of `times`, which ascend.
fn newest(
    samples: &Samples,
    times: impl Iterator<Item = i64>,
    lookback_ms: i64,
    wanted: Wanted,
    count: usize,
) -> Column {
    let mut column = Column::absent(count);
    let (mut floats, mut histograms) = (0, 0);
    let Samples {
        timestamps,
        values,
        histograms: all,
        ..
    } = samples;
    for (i, time) in times.enumerate() {
        floats += timestamps.iter().skip(floats).take_while(|t| **t <= time).count();
        histograms += all
            .iter()
            .skip(histograms)
            .take_while(|(t, _)| *t <= time)
            .count();
        let oldest = time.saturating_sub(lookback_ms);
        let float = floats
            .checked_sub(1)
            .and_then(|at| Some((*timestamps.get(at)?, *values.get(at)?)));
        let float = float.filter(|(t, _)| *t > oldest);
        let histogram = histograms
            .checked_sub(1)
            .and_then(|at| all.get(at))
            .filter(|(t, _)| *t > oldest);
        let at = match (float, histogram) {
            (Some((t, _)), Some((later, _))) if *later > t => *later,
            (Some((t, value)), _) => {
                if !is_stale_nan(value) {
                    column.set_float(
                        i,
                        match wanted {
                            Wanted::Value => value,
                            Wanted::Timestamp | Wanted::InfoTimestamp => t as f64 / 1000.0,
                            Wanted::Start => samples.starts.at(t) as f64 / 1000.0,
                        },
                    );
                }
                continue;
            }
            (None, Some((t, _))) => *t,
            (None, None) => continue,
        };
        if let Some((_, histogram)) = histogram.filter(|(_, h)| !h.is_stale()) {
            match wanted {
                Wanted::Value | Wanted::InfoTimestamp => {
                    column.set_histogram(i, Arc::new(FloatHistogram::from(&**histogram)))
                }
                Wanted::Timestamp => column.set_float(i, at as f64 / 1000.0),
                Wanted::Start => column.set_float(i, samples.starts.at(at) as f64 / 1000.0),
            }
        }
    }
    column
}
