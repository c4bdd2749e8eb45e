//! Columns of values, and what nodes do with them as a whole.

use model::Labels;
use model::labels::METRIC_NAME;
use model::metrics::{STALE_NAN, is_stale_nan};
use rustc_hash::FxHashMap;

use crate::QueryError;

/// The cell of a step at which a series has no sample. Selectors drop staleness markers and no arithmetic
/// yields their bits, so that no value is taken for it.
pub(crate) const ABSENT: f64 = STALE_NAN;

/// Whether a cell is empty.
pub(crate) fn is_absent(value: f64) -> bool {
    is_stale_nan(value)
}

/// One series: a cell for each step.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// The metric's name (type and unit too) no longer fits and goes away at the end.
    pub(crate) drop_name: bool,
    pub(crate) values: Vec<f64>,
}

/// Series with columns of equal length, in an order that matters to instant queries only.
pub(crate) type Frame = Vec<Series>;

/// The value of a node.
#[derive(Debug)]
pub(crate) enum Output {
    Scalar(Vec<f64>),
    String(String),
    Vector(Frame),
}

impl Output {
    /// How many columns there are.
    pub(crate) fn width(&self) -> usize {
        match self {
            Output::Scalar(_) => 1,
            Output::String(_) => 0,
            Output::Vector(frame) => frame.len(),
        }
    }

    /// How many cells there are.
    pub(crate) fn cells(&self) -> usize {
        match self {
            Output::Scalar(values) => values.len(),
            Output::String(_) => 0,
            Output::Vector(frame) => frame.iter().map(|s| s.values.len()).sum(),
        }
    }

    /// Makes the first step's value that of `count` steps.
    pub(crate) fn repeat_first(&mut self, count: usize) {
        let widen = |values: &mut Vec<f64>| {
            let first = values.first().copied().unwrap_or(ABSENT);
            values.clear();
            values.resize(count, first);
        };
        match self {
            Output::Scalar(values) => widen(values),
            Output::String(_) => {}
            Output::Vector(frame) => frame.iter_mut().for_each(|s| widen(&mut s.values)),
        }
    }
}

/// Applies `f` to all values; they are another quantity from now on.
pub(crate) fn map_values(mut frame: Frame, f: impl Fn(f64) -> f64) -> Frame {
    for series in &mut frame {
        series.drop_name = true;
        series
            .values
            .iter_mut()
            .filter(|v| !is_absent(**v))
            .for_each(|v| *v = f(*v));
    }
    frame
}

/// Keeps the series that have a value.
pub(crate) fn drop_empty(frame: &mut Frame) {
    frame.retain(|s| s.values.iter().any(|v| !is_absent(*v)));
}

/// Whether the label says what a metric is rather than where it comes from: its name, its type, its unit.
pub(crate) fn is_metadata_label(name: &str) -> bool {
    matches!(name, METRIC_NAME | "__type__" | "__unit__")
}

/// The labels without those that say what the metric is.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    labels.filtered(|name| !is_metadata_label(name))
}

/// Removes obsolete names; makes label sets unique.
pub(crate) fn finish(mut frame: Frame) -> Result<Frame, QueryError> {
    for series in frame.iter_mut().filter(|s| s.drop_name) {
        series.labels = without_metadata(&series.labels);
        series.drop_name = false;
    }
    merge_same_labels(frame)
}

/// Joins series of equal labels into one.
///
/// # Errors
/// Two of them have a value at the same step.
pub(crate) fn merge_same_labels(frame: Frame) -> Result<Frame, QueryError> {
    let mut merged: Frame = Vec::with_capacity(frame.len());
    let mut seen: FxHashMap<Labels, usize> = FxHashMap::default();
    for series in frame {
        let Some(into) = seen.get(&series.labels).and_then(|i| merged.get_mut(*i)) else {
            seen.insert(series.labels.clone(), merged.len());
            merged.push(series);
            continue;
        };
        for (cell, value) in into.values.iter_mut().zip(series.values) {
            if is_absent(value) {
                continue;
            }
            if !is_absent(*cell) {
                let text = "vector cannot contain metrics with the same labelset";
                return Err(QueryError::execution(text));
            }
            *cell = value;
        }
        into.drop_name |= series.drop_name;
    }
    Ok(merged)
}
