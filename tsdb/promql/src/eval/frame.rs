//! Series with their columns, and what nodes do with them as a whole.

use model::Labels;
use model::labels::METRIC_NAME;
use rustc_hash::{FxHashMap, FxHashSet};

use super::column::{Column, is_absent};
use super::stream::SERIES_BYTES;
use crate::QueryError;

/// One series: a cell for each step.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// The metric's name (type and unit too) no longer fits and goes away at the end.
    pub(crate) drop_name: bool,
    pub(crate) column: Column,
}

impl Series {
    /// A series of floats without labels.
    pub(crate) fn unlabelled(floats: Vec<f64>) -> Series {
        Series {
            labels: Labels::empty(),
            drop_name: false,
            column: Column::of_floats(floats),
        }
    }

    /// Bytes of memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.column.bytes() + SERIES_BYTES.max(self.labels.text_len())
    }
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
            Output::Vector(frame) => frame.iter().map(|s| s.column.samples()).sum(),
        }
    }

    /// Bytes of memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Output::Scalar(values) => 8 * values.capacity(),
            Output::String(text) => text.capacity(),
            Output::Vector(frame) => frame.iter().map(Series::bytes).sum(),
        }
    }

    /// Makes the first step's value that of `count` steps.
    pub(crate) fn repeat_first(&mut self, count: usize) {
        match self {
            Output::Scalar(values) => {
                let first = values.first().copied().unwrap_or(f64::NAN);
                values.clear();
                values.resize(count, first);
            }
            Output::String(_) => {}
            Output::Vector(frame) => frame.iter_mut().for_each(|s| s.column.repeat_first(count)),
        }
    }
}

/// Makes sure that no two series have the same labels.
pub(crate) fn refuse_same_labels(frame: &Frame) -> Result<(), QueryError> {
    let mut seen: FxHashSet<&Labels> = FxHashSet::default();
    if frame.iter().all(|s| seen.insert(&s.labels)) {
        Ok(())
    } else {
        Err(same_labels())
    }
}

pub(crate) fn same_labels() -> QueryError {
    QueryError::execution("vector cannot contain metrics with the same labelset")
}

/// Applies `f` to all floats; they are another quantity from now on. Histograms have no such value and go.
pub(crate) fn map_values(mut frame: Frame, f: impl Fn(f64) -> f64) -> Frame {
    for series in &mut frame {
        series.drop_name = true;
        series.column.drop_histograms();
        let floats = series.column.floats.iter_mut();
        floats.filter(|v| !is_absent(**v)).for_each(|v| *v = f(*v));
    }
    drop_empty(&mut frame);
    frame
}

/// Keeps the series that have a value.
pub(crate) fn drop_empty(frame: &mut Frame) {
    frame.retain(|s| !s.column.is_empty());
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
        for i in 0..series.column.len() {
            let cell = series.column.cell(i);
            if cell.is_absent() {
                continue;
            }
            if into.column.has(i) {
                return Err(same_labels());
            }
            into.column.set(i, cell);
        }
        into.drop_name |= series.drop_name;
    }
    Ok(merged)
}
