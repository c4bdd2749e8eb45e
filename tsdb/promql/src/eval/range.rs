//! Range selectors and subqueries: the tracks of their series, with windows laid over them.
//!
//! One series at a time is decoded (or taken from the inner frame of a subquery) and freed of staleness markers.

use model::Labels;
use model::metrics::{Samples, Walk, Wanted};

use super::track::Track;
use super::windows::{Reach, Sill, Windows};
use super::{Evaluator, Steps, frame};
use crate::QueryError;
use crate::ast::{Expr, Extension, RangeSelector, Subquery};
use crate::value::RangeSeries;

/// One series of a range vector.
pub(crate) struct RangeInput<'a> {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) windows: Windows<'a>,
}

impl Evaluator<'_> {
    /// Calls `each` with every series of a range selector or subquery. `wanted` says what for.
    pub(crate) fn for_each_range(
        &self,
        expr: &Expr,
        steps: Steps,
        wanted: Wanted,
        mut each: impl FnMut(RangeInput<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        match expr.unwrap_parens() {
            Expr::Range(r) => self.for_each_selected(r, steps, wanted, &mut each),
            Expr::Subquery(s) => self.for_each_evaluated(s, steps, &mut each),
            _ => Err(QueryError::execution("expected a range vector")),
        }
    }

    fn for_each_selected(
        &self,
        range: &RangeSelector,
        steps: Steps,
        wanted: Wanted,
        each: &mut dyn FnMut(RangeInput<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let selector = &range.selector;
        let reach = Reach {
            range_ms: range.range_ms,
            offset_ms: selector.offset_ms,
            fixed_ms: self.defaults.fixed(selector.at),
            extension: selector.extension,
        };
        let (start, end) = reach.of(steps);
        let lookback = self.defaults.lookback_ms;
        let (start, end) = match selector.extension {
            Extension::None => (start, end),
            Extension::Anchored => (start.saturating_sub(lookback), end),
            Extension::Smoothed => (start.saturating_sub(lookback), end.saturating_add(lookback)),
        };
        let set = self.open(selector, start.saturating_add(1), end, steps, wanted)?;
        let (mut samples, mut track) = (Samples::default(), Track::default());
        let mut sill = Sill::new(reach, steps);
        let mut walk = Walk::new(&*set);
        while let Some(labels) = self.next(&mut walk, &mut samples)? {
            track.take(&mut samples);
            each(RangeInput {
                labels,
                drop_name: false,
                windows: sill.over(&track),
            })?;
        }
        Ok(())
    }

    fn for_each_evaluated(
        &self,
        subquery: &Subquery,
        steps: Steps,
        each: &mut dyn FnMut(RangeInput<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let reach = Reach {
            range_ms: subquery.range_ms,
            offset_ms: subquery.offset_ms,
            fixed_ms: self.defaults.fixed(subquery.at),
            extension: Extension::None,
        };
        let Some(inner) = self.inner_steps(subquery, reach.of(steps))? else {
            return Ok(());
        };
        let mut track = Track::default();
        let mut sill = Sill::new(reach, steps);
        for series in self.inner_frame(&subquery.expr, inner)? {
            self.budget.check()?;
            track.take_column(&series.column, inner);
            each(RangeInput {
                labels: series.labels,
                drop_name: series.drop_name,
                windows: sill.over(&track),
            })?;
        }
        Ok(())
    }

    fn inner_frame(&self, expr: &Expr, steps: Steps) -> Result<frame::Frame, QueryError> {
        match self.eval(expr, steps)? {
            frame::Output::Vector(frame) => Ok(frame),
            frame::Output::Scalar(values) => Ok(vec![frame::Series::unlabelled(values)]),
            frame::Output::String(_) => Err(QueryError::execution("a subquery is not of a string")),
        }
    }

    /// The steps of a subquery: multiples of its step after `start` (exclusive) up to `end` (inclusive).
    fn inner_steps(
        &self,
        subquery: &Subquery,
        (start, end): (i64, i64),
    ) -> Result<Option<Steps>, QueryError> {
        let step_ms = subquery.step_ms.unwrap_or(self.subquery_step_ms).max(1);
        let mut start_ms = start / step_ms * step_ms;
        if start_ms <= start {
            start_ms = start_ms.saturating_add(step_ms);
        }
        if start_ms > end {
            return Ok(None);
        }
        let count =
            usize::try_from(end.abs_diff(start_ms) / step_ms.unsigned_abs() + 1).unwrap_or(usize::MAX);
        // Asked before anything is allocated: a step of 1ms over a year is a short text.
        let held = self.budget.held();
        self.budget.charge(count)?;
        self.budget.settle(held, 0)?;
        Ok(Some(Steps {
            start_ms,
            step_ms,
            count,
        }))
    }

    /// The raw samples of a range vector at one time.
    pub(crate) fn matrix(&self, expr: &Expr, steps: Steps) -> Result<Vec<RangeSeries>, QueryError> {
        let mut matrix: Vec<RangeSeries> = Vec::new();
        self.for_each_range(expr, steps, Wanted::Last, |input| {
            for (_, window) in input.windows.occupied() {
                self.budget
                    .charge(window.values.len() + window.histograms.len())?;
                let labels = if input.drop_name {
                    frame::without_metadata(&input.labels)
                } else {
                    input.labels.clone()
                };
                matrix.push(RangeSeries {
                    labels,
                    timestamps: window.timestamps.into(),
                    values: window.values.into(),
                    histograms: window.histograms.into(),
                });
            }
            Ok(())
        })?;
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        if matrix
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.labels == b.labels))
        {
            return Err(QueryError::execution(
                "vector cannot contain metrics with the same labelset",
            ));
        }
        Ok(matrix)
    }
}
