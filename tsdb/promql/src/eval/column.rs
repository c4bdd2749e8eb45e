//! One series' value at each step of a query.
//!
//! Floats lie side by side, so that arithmetic on them is a loop over memory; histograms cost nothing where there are
//! none, which is nearly everywhere.

use std::sync::Arc;

use model::metrics::{STALE_NAN, is_stale_nan};

use crate::histogram::FloatHistogram;

/// The float of a step at which a series has none. Selectors drop staleness markers and no arithmetic yields their
/// bits, so that no value is taken for it.
pub(crate) const ABSENT: f64 = STALE_NAN;

/// Whether a float cell is empty.
pub(crate) fn is_absent(value: f64) -> bool {
    is_stale_nan(value)
}

/// How many samples a histogram counts for: one for 16 bytes, as upstream.
pub(crate) fn histogram_samples(histogram: &FloatHistogram) -> usize {
    histogram.memory_bytes().div_ceil(16)
}

/// A column of values, one cell a step. A cell holds a float, a histogram or nothing, never both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    /// [`ABSENT`] at steps without a float.
    pub(crate) floats: Vec<f64>,
    /// Empty unless the series has any histogram; else one cell a step.
    pub(crate) histograms: Vec<Option<Arc<FloatHistogram>>>,
}

/// What a column has at a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    Absent,
    Float(f64),
    Histogram(&'a Arc<FloatHistogram>),
}

impl Cell<'_> {
    /// Whether there is nothing.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Cell::Absent)
    }
}

impl Column {
    /// A column of `steps` empty cells.
    pub(crate) fn absent(steps: usize) -> Column {
        Column::of_floats(vec![ABSENT; steps])
    }

    /// A column of floats; [`ABSENT`] is an empty cell.
    pub(crate) fn of_floats(floats: Vec<f64>) -> Column {
        Column {
            floats,
            histograms: Vec::new(),
        }
    }

    /// How many steps there are.
    pub(crate) fn len(&self) -> usize {
        self.floats.len()
    }

    /// What is there at step `i`.
    pub(crate) fn cell(&self, i: usize) -> Cell<'_> {
        match self.floats.get(i) {
            Some(float) if !is_absent(*float) => Cell::Float(*float),
            _ => match self.histograms.get(i) {
                Some(Some(histogram)) => Cell::Histogram(histogram),
                _ => Cell::Absent,
            },
        }
    }

    /// Whether there is anything at step `i`.
    pub(crate) fn has(&self, i: usize) -> bool {
        !self.cell(i).is_absent()
    }

    /// Whether there is nothing at any step.
    pub(crate) fn is_empty(&self) -> bool {
        self.floats.iter().all(|v| is_absent(*v)) && self.histograms.iter().all(Option::is_none)
    }

    /// Whether there is any histogram.
    pub(crate) fn has_histograms(&self) -> bool {
        !self.histograms.is_empty()
    }

    /// Sets step `i` to a float; [`ABSENT`] empties it.
    pub(crate) fn set_float(&mut self, i: usize, float: f64) {
        if let Some(cell) = self.floats.get_mut(i) {
            *cell = float;
        }
        if let Some(cell) = self.histograms.get_mut(i) {
            *cell = None;
        }
    }

    /// Sets step `i` to a histogram.
    pub(crate) fn set_histogram(&mut self, i: usize, histogram: Arc<FloatHistogram>) {
        let Some(cell) = self.floats.get_mut(i) else {
            return;
        };
        *cell = ABSENT;
        self.histograms.resize(self.floats.len(), None);
        if let Some(cell) = self.histograms.get_mut(i) {
            *cell = Some(histogram);
        }
    }

    /// Empties the column and gives it so many steps, keeping its memory.
    pub(crate) fn reset(&mut self, steps: usize) {
        self.floats.clear();
        self.floats.resize(steps, ABSENT);
        self.histograms.clear();
    }

    /// How many samples it holds, as a query's bound counts them: a float is one, a histogram as many as it is large.
    pub(crate) fn samples(&self) -> usize {
        let floats = self
            .floats
            .iter()
            .map(|v| usize::from(!is_absent(*v)))
            .sum::<usize>();
        floats
            + self
                .histograms
                .iter()
                .flatten()
                .map(|h| histogram_samples(h))
                .sum::<usize>()
    }

    /// Turns every value's sign.
    pub(crate) fn negate(&mut self) {
        let floats = self.floats.iter_mut().filter(|v| !is_absent(**v));
        floats.for_each(|v| *v = -*v);
        for histogram in self.histograms.iter_mut().flatten() {
            Arc::make_mut(histogram).multiply(-1.0);
        }
    }

    /// Copies a cell of another column to step `i`.
    pub(crate) fn set(&mut self, i: usize, cell: Cell<'_>) {
        match cell {
            Cell::Absent => self.clear(i),
            Cell::Float(float) => self.set_float(i, float),
            Cell::Histogram(histogram) => self.set_histogram(i, Arc::clone(histogram)),
        }
    }

    /// Empties step `i`.
    pub(crate) fn clear(&mut self, i: usize) {
        self.set_float(i, ABSENT);
    }

    /// Forgets all histograms: what functions of numbers do with them.
    pub(crate) fn drop_histograms(&mut self) {
        self.histograms = Vec::new();
    }

    /// Makes the first step's value that of `count` steps.
    pub(crate) fn repeat_first(&mut self, count: usize) {
        let first = self.floats.first().copied().unwrap_or(ABSENT);
        self.floats.clear();
        self.floats.resize(count, first);
        if let Some(first) = self.histograms.first().cloned() {
            self.histograms.clear();
            self.histograms.resize(count, first);
        }
    }

    /// Bytes of memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let histograms = self.histograms.iter().flatten().map(|h| h.memory_bytes());
        8 * self.floats.capacity() + 8 * self.histograms.capacity() + histograms.sum::<usize>()
    }
}
