//! `sum`, `avg`, `count` and `group`.
//!
//! Sums are compensated (Neumaier's variant of Kahan's summation). The rounding error of each addition is computed
//! without a branch (Knuth's two-sum, which gives the same error), so that a column is added in a loop over memory.

use std::sync::Arc;

use super::super::column::is_absent;
use super::super::{Cell, Column};
use super::{ABSENT, Accumulator, Fold, Member};
use crate::QueryError;
use crate::ast::AggregateOp;
use crate::histogram::{FloatHistogram, HistogramMean, HistogramSum, MergeNotes, MixedSchemas};
use crate::numeric::Mean;

/// Sums of floats at each step. Adding -0 changes no float, not even -0.
struct Sums {
    sums: Vec<f64>,
    errors: Vec<f64>,
    counts: Vec<u32>,
}

impl Sums {
    fn new(steps: usize) -> Sums {
        Sums {
            sums: vec![-0.0; steps],
            errors: vec![0.0; steps],
            counts: vec![0; steps],
        }
    }

    fn add(&mut self, floats: &[f64]) {
        let cells = self.sums.iter_mut().zip(&mut self.errors).zip(&mut self.counts);
        for (((sum, error), count), float) in cells.zip(floats) {
            let absent = is_absent(*float);
            let float = if absent { -0.0 } else { *float };
            *count += u32::from(!absent);
            add_compensated(sum, error, float);
        }
    }

    fn merge(&mut self, later: &Sums) {
        let cells = self.sums.iter_mut().zip(&mut self.errors).zip(&mut self.counts);
        let others = later.sums.iter().zip(&later.errors).zip(&later.counts);
        for (((sum, error), count), ((s, e), c)) in cells.zip(others) {
            if *c == 0 {
                continue;
            }
            if *count == 0 {
                (*sum, *error, *count) = (*s, *e, *c);
                continue;
            }
            add_compensated(sum, error, *s);
            *error += e;
            *count += c;
        }
    }

    fn bytes(&self) -> usize {
        20 * self.sums.len()
    }
}

#[inline(always)]
fn add_compensated(sum: &mut f64, error: &mut f64, x: f64) {
    let total = *sum + x;
    let part = total - *sum;
    let lost = (*sum - (total - part)) + (x - part);
    *error = if total.is_infinite() { 0.0 } else { *error + lost };
    *sum = total;
}

/// Histograms among the members: kept until all are there, since the order of their addition shows in the result.
#[derive(Default)]
struct Histograms {
    columns: Vec<(Column, String)>,
}

impl Histograms {
    fn push(&mut self, fold: &Fold<'_>, member: &Member<'_>) -> Result<(), QueryError> {
        let column = Column {
            floats: Vec::new(),
            histograms: member.column.histograms.clone(),
        };
        fold.budget.hold_bytes(8 * column.histograms.capacity())?;
        self.columns.push((column, (member.name)()));
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The histograms at a step with the names of their metrics.
    fn at(&self, step: usize) -> impl Iterator<Item = (&Arc<FloatHistogram>, &str)> {
        self.columns
            .iter()
            .filter_map(move |(column, name)| Some((column.histograms.get(step)?.as_ref()?, name.as_str())))
    }

    /// The sum or mean at a step, where there is one.
    fn total<T: Total>(&self, fold: &Fold<'_>, step: usize) -> Option<FloatHistogram> {
        let mut all = self.at(step);
        let (first, _) = all.next()?;
        let mut total = T::new(first);
        for (histogram, name) in all {
            if let Err(MixedSchemas) = total.add(histogram) {
                fold.notes.warn(
                    fold.expr_span,
                    format!(
                        "vector contains a mix of histograms with exponential and custom buckets schemas for metric \
                         name {name:?}"
                    ),
                );
                return None;
            }
        }
        let notes = total.notes();
        if notes.bounds_reconciled {
            fold.notes.info(
                fold.expr_span,
                "mismatched custom buckets were reconciled during aggregation",
            );
        }
        if notes.reset_collision {
            fold.notes.warn(
                fold.expr_span,
                "conflicting counter resets during histogram aggregation",
            );
        }
        Some(total.total())
    }

    /// Puts the histograms' totals into a column of the floats' totals. What mixes both has no value.
    fn put<T: Total>(&self, fold: &Fold<'_>, column: &mut Column) {
        if self.is_empty() {
            return;
        }
        for step in 0..column.len() {
            if self.at(step).next().is_none() {
                continue;
            }
            if column.has(step) {
                column.clear(step);
                fold.notes.warn(
                    fold.expr_span,
                    "encountered a mix of histograms and floats for aggregation",
                );
            } else if let Some(total) = self.total::<T>(fold, step) {
                column.set_histogram(step, Arc::new(total));
            }
        }
    }
}

/// A sum or a mean of histograms.
trait Total: Sized {
    fn new(first: &FloatHistogram) -> Self;
    fn add(&mut self, other: &FloatHistogram) -> Result<(), MixedSchemas>;
    fn notes(&self) -> MergeNotes;
    fn total(self) -> FloatHistogram;
}

impl Total for HistogramSum {
    fn new(first: &FloatHistogram) -> Self {
        HistogramSum::new(first)
    }
    fn add(&mut self, other: &FloatHistogram) -> Result<(), MixedSchemas> {
        HistogramSum::add(self, other)
    }
    fn notes(&self) -> MergeNotes {
        HistogramSum::notes(self)
    }
    fn total(self) -> FloatHistogram {
        HistogramSum::total(self)
    }
}

impl Total for HistogramMean {
    fn new(first: &FloatHistogram) -> Self {
        HistogramMean::new(first)
    }
    fn add(&mut self, other: &FloatHistogram) -> Result<(), MixedSchemas> {
        HistogramMean::add(self, other)
    }
    fn notes(&self) -> MergeNotes {
        HistogramMean::notes(self)
    }
    fn total(self) -> FloatHistogram {
        HistogramMean::total(self)
    }
}

/// `sum`
pub(super) struct Sum {
    floats: Sums,
    histograms: Histograms,
}

impl Accumulator for Sum {
    fn new(fold: &Fold<'_>) -> Self {
        Sum {
            floats: Sums::new(fold.steps.count),
            histograms: Histograms::default(),
        }
    }

    fn push(&mut self, fold: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError> {
        self.floats.add(&member.column.floats);
        if member.column.has_histograms() {
            self.histograms.push(fold, &member)?;
        }
        Ok(())
    }

    fn merge(&mut self, _: &Fold<'_>, later: Self) {
        self.floats.merge(&later.floats);
        self.histograms.columns.extend(later.histograms.columns);
    }

    fn finish(self, fold: &Fold<'_>) -> Column {
        let Sums { sums, errors, counts } = self.floats;
        let cells = sums.iter().zip(errors).zip(counts);
        let totals = cells.map(|((sum, error), count)| if count == 0 { ABSENT } else { sum + error });
        let mut column = Column::of_floats(totals.collect());
        self.histograms.put::<HistogramSum>(fold, &mut column);
        column
    }

    fn bytes(&self) -> usize {
        self.floats.bytes()
    }
}

/// `avg`: of the sum as long as it fits a float, and running from there on.
pub(super) struct Average {
    floats: Sums,
    /// Instead of the sums, once one does not fit a float.
    means: Option<Vec<Mean>>,
    histograms: Histograms,
}

impl Average {
    fn means(&mut self) -> &mut Vec<Mean> {
        let Sums { sums, errors, counts } = &self.floats;
        self.means.get_or_insert_with(|| {
            let cells = sums.iter().zip(errors).zip(counts);
            let means = cells.map(|((sum, error), count)| Mean::of_sum(*sum, *error, f64::from(*count)));
            means.collect()
        })
    }

    fn add(&mut self, floats: &[f64]) {
        let overflows = |(sum, x): (&f64, &f64)| !is_absent(*x) && (sum + x).is_infinite();
        if self.means.is_none() && !self.floats.sums.iter().zip(floats).any(overflows) {
            return self.floats.add(floats);
        }
        let cells = self.means().iter_mut().zip(floats);
        cells
            .filter(|(_, x)| !is_absent(**x))
            .for_each(|(mean, x)| mean.add(*x));
    }

    fn totals(&self) -> Vec<f64> {
        if let Some(means) = &self.means {
            let total = |m: &Mean| if m.count() == 0.0 { ABSENT } else { m.total() };
            return means.iter().map(total).collect();
        }
        let Sums { sums, errors, counts } = &self.floats;
        let cells = sums.iter().zip(errors).zip(counts);
        let mean = |((sum, error), count): ((&f64, &f64), &u32)| match f64::from(*count) {
            0.0 => ABSENT,
            count => sum / count + error / count,
        };
        cells.map(mean).collect()
    }
}

impl Accumulator for Average {
    fn new(fold: &Fold<'_>) -> Self {
        Average {
            floats: Sums::new(fold.steps.count),
            means: None,
            histograms: Histograms::default(),
        }
    }

    fn push(&mut self, fold: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError> {
        self.add(&member.column.floats);
        if member.column.has_histograms() {
            self.histograms.push(fold, &member)?;
        }
        Ok(())
    }

    fn merge(&mut self, _: &Fold<'_>, mut later: Self) {
        self.histograms.columns.append(&mut later.histograms.columns);
        let sums = self.floats.sums.iter().zip(&later.floats.sums);
        let overflows = sums.clone().any(|(a, b)| (a + b).is_infinite());
        if self.means.is_none() && later.means.is_none() && !overflows {
            return self.floats.merge(&later.floats);
        }
        let cells = self.means().iter_mut().zip(later.means());
        cells.for_each(|(mean, later)| mean.merge(later));
    }

    fn finish(self, fold: &Fold<'_>) -> Column {
        let mut column = Column::of_floats(self.totals());
        self.histograms.put::<HistogramMean>(fold, &mut column);
        column
    }

    fn bytes(&self) -> usize {
        self.floats.bytes()
    }
}

/// `count`, and `group`, which is 1 where there is any.
pub(super) struct Count {
    counts: Vec<u32>,
}

impl Accumulator for Count {
    fn new(fold: &Fold<'_>) -> Self {
        Count {
            counts: vec![0; fold.steps.count],
        }
    }

    fn push(&mut self, _: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError> {
        let column = member.column;
        let cells = self.counts.iter_mut().zip(&column.floats);
        cells.for_each(|(count, x)| *count += u32::from(!is_absent(*x)));
        if column.has_histograms() {
            for (step, count) in self.counts.iter_mut().enumerate() {
                *count += u32::from(matches!(column.cell(step), Cell::Histogram(_)));
            }
        }
        Ok(())
    }

    fn merge(&mut self, _: &Fold<'_>, later: Self) {
        let cells = self.counts.iter_mut().zip(later.counts);
        cells.for_each(|(count, later)| *count += later);
    }

    fn finish(self, fold: &Fold<'_>) -> Column {
        let group = fold.op == AggregateOp::Group;
        let value = |count: u32| match count {
            0 => ABSENT,
            _ if group => 1.0,
            count => f64::from(count),
        };
        Column::of_floats(self.counts.into_iter().map(value).collect())
    }

    fn bytes(&self) -> usize {
        4 * self.counts.len()
    }
}
