//! A series' raw samples over the whole of a query, before windows are laid over them.

use std::sync::Arc;

use model::histogram::CounterResetHint;
use model::metrics::{Samples, is_stale_nan};
use model::{Histogram, Starts};

use super::Steps;
use super::column::{Cell, Column};
use crate::histogram::FloatHistogram;

/// What becomes of stored histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// They are taken whole.
    Whole,
    /// Count and sum are all that is asked for: buckets go, once they have told of counter resets.
    Totals,
}

impl Conversion {
    /// The histogram that is computed with; `before` is the one before it in its series.
    pub(crate) fn convert(self, stored: &Histogram, before: &mut Option<FloatHistogram>) -> FloatHistogram {
        let whole = match before {
            Some(before) => FloatHistogram::following(stored, before),
            None => FloatHistogram::from(stored),
        };
        if self == Conversion::Whole {
            if !whole.custom_values.is_empty() {
                *before = Some(FloatHistogram::empty_like(&whole));
            }
            return whole;
        }
        let mut totals = FloatHistogram {
            schema: whole.schema,
            reset_hint: whole.reset_hint,
            count: whole.count,
            sum: whole.sum,
            ..FloatHistogram::default()
        };
        if let (CounterResetHint::Unknown, Some(before)) = (whole.reset_hint, &*before) {
            totals.reset_hint = match whole.detect_reset(before) {
                true => CounterResetHint::Reset,
                false => CounterResetHint::NoReset,
            };
        }
        *before = Some(FloatHistogram {
            reset_hint: totals.reset_hint,
            ..whole
        });
        totals
    }
}

/// The samples of one series, staleness markers removed; or the points of one series of a subquery.
#[derive(Debug, Clone, Default)]
pub(crate) struct Track {
    /// When the floats were, milliseconds since the epoch, strictly rising.
    pub(crate) timestamps: Vec<i64>,
    /// The floats, one for each timestamp.
    pub(crate) values: Vec<f64>,
    /// The histograms with their times, strictly rising.
    pub(crate) histograms: Vec<(i64, Arc<FloatHistogram>)>,
    /// From when on the counters among them count, where that was said.
    pub(crate) starts: Starts,
}

impl Track {
    /// How many samples there are, floats and histograms together.
    pub(crate) fn len(&self) -> usize {
        self.timestamps.len() + self.histograms.len()
    }

    /// Takes what a store gave, leaving the track's old memory to it.
    pub(crate) fn take(&mut self, samples: &mut Samples, conversion: Conversion) {
        std::mem::swap(&mut self.timestamps, &mut samples.timestamps);
        std::mem::swap(&mut self.values, &mut samples.values);
        std::mem::swap(&mut self.starts, &mut samples.starts);
        drop_stale(&mut self.timestamps, &mut self.values);
        self.histograms.clear();
        let mut before: Option<FloatHistogram> = None;
        for (t, histogram) in samples.histograms.iter().filter(|(_, h)| !h.is_stale()) {
            let histogram = conversion.convert(histogram, &mut before);
            self.histograms.push((*t, Arc::new(histogram)));
        }
    }

    /// Takes the cells of a column as points at the times of its steps.
    pub(crate) fn take_column(&mut self, column: &Column, steps: Steps) {
        self.timestamps.clear();
        self.values.clear();
        self.histograms.clear();
        self.starts.clear();
        for i in 0..column.len() {
            match column.cell(i) {
                Cell::Absent => {}
                Cell::Float(value) => {
                    self.timestamps.push(steps.at(i));
                    self.values.push(value);
                }
                Cell::Histogram(histogram) => self.histograms.push((steps.at(i), without_hint(histogram))),
            }
        }
    }
}

/// The histogram without a word on resets: a subquery leaves samples out, or takes one twice, so that what was true of
/// neighbouring samples is not true of its points.
fn without_hint(histogram: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    match histogram.reset_hint {
        CounterResetHint::Unknown | CounterResetHint::Gauge => Arc::clone(histogram),
        CounterResetHint::Reset | CounterResetHint::NoReset => Arc::new(FloatHistogram {
            reset_hint: CounterResetHint::Unknown,
            ..FloatHistogram::clone(histogram)
        }),
    }
}

/// Removes staleness markers in place.
fn drop_stale(timestamps: &mut Vec<i64>, values: &mut Vec<f64>) {
    let Some(first) = values.iter().position(|v| is_stale_nan(*v)) else {
        return;
    };
    let mut kept = first;
    for i in first..values.len() {
        if !is_stale_nan(values[i]) {
            values[kept] = values[i];
            timestamps[kept] = timestamps[i];
            kept += 1;
        }
    }
    values.truncate(kept);
    timestamps.truncate(kept);
}
