//! Range selectors and subqueries: the tracks of their series, with windows laid over them.

mod extended;

use std::sync::Arc;

use model::Labels;
use model::metrics::{Samples, SelectHints, SeriesSet, Walk, Wanted};

use super::selector::metric_name;
use super::stream::{OverStage, SERIES_BYTES, Stream, WindowsSource};
use super::track::Track;
use super::windows::{Reach, Sill, Windows};
use super::{Evaluator, Frame, Output, Series, Steps, frame};
use crate::QueryError;
use crate::ast::{Expr, Extension, RangeSelector, Subquery};
use crate::value::RangeSeries;

impl Evaluator<'_> {
    /// The chain of a function over a range selector or a subquery. `wanted` says what for.
    pub(super) fn range_stream<'e>(
        &'e self,
        range: &'e Expr,
        wanted: Wanted,
        over: OverStage<'e>,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        match range.unwrap_parens() {
            Expr::Range(range) => {
                let (reach, set) = self.selected(range, wanted, steps)?;
                let metric = metric_name(&range.selector);
                let conversion = self.conversion(&range.selector);
                self.windows_stream(
                    WindowsSource {
                        set,
                        metric,
                        conversion,
                    },
                    reach,
                    over,
                    steps,
                )
            }
            Expr::Subquery(subquery) => {
                let reach = self.subquery_reach(subquery);
                let inner = self.inner_steps(subquery, reach.of(steps))?;
                let frame = match inner {
                    Some(inner) => self.inner_frame(&subquery.expr, inner)?,
                    None => Frame::new(),
                };
                self.points_stream(frame, inner.unwrap_or(steps), reach, over, steps)
            }
            _ => Err(QueryError::execution("expected a range vector")),
        }
    }

    /// The series of a range selector, and where its windows lie.
    fn selected(
        &self,
        range: &RangeSelector,
        wanted: Wanted,
        steps: Steps,
    ) -> Result<(Reach, Arc<dyn SeriesSet>), QueryError> {
        let selector = &range.selector;
        let reach = Reach {
            range_ms: range.range_ms,
            offset_ms: selector.offset_ms,
            fixed_ms: self.defaults.fixed(selector.at),
            extension: selector.extension,
        };
        let (start_ms, end_ms) = self.read_bounds(&reach, steps);
        let hints = SelectHints {
            start_ms,
            end_ms,
            ..self.hints(steps, wanted)
        };
        Ok((reach, self.open(selector, &hints)?))
    }

    fn subquery_reach(&self, subquery: &Subquery) -> Reach {
        Reach {
            range_ms: subquery.range_ms,
            offset_ms: subquery.offset_ms,
            fixed_ms: self.defaults.fixed(subquery.at),
            extension: Extension::None,
        }
    }

    /// The first and the last time that windows need samples of.
    fn read_bounds(&self, reach: &Reach, steps: Steps) -> (i64, i64) {
        let (start, end) = reach.of(steps);
        let lookback = self.defaults.lookback_ms;
        let (start, end) = match reach.extension {
            Extension::None => (start, end),
            Extension::Anchored => (start.saturating_sub(lookback), end),
            Extension::Smoothed => (start.saturating_sub(lookback), end.saturating_add(lookback)),
        };
        (start.saturating_add(1), end)
    }

    fn inner_frame(&self, expr: &Expr, steps: Steps) -> Result<Frame, QueryError> {
        match self.eval(expr, steps)? {
            Output::Vector(frame) => Ok(frame),
            Output::Scalar(values) => Ok(vec![Series::unlabelled(values)]),
            Output::String(_) => Err(QueryError::execution("a subquery is not of a string")),
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
        self.budget.touch(count)?;
        self.budget.touch_bytes(count.saturating_mul(8))?;
        Ok(Some(Steps {
            start_ms,
            step_ms,
            count,
        }))
    }

    /// Calls `each` with every series of a range vector and its only window.
    fn for_each_range(
        &self,
        expr: &Expr,
        steps: Steps,
        mut each: impl FnMut(Labels, &Windows<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut track = Track::default();
        match expr.unwrap_parens() {
            Expr::Range(range) => {
                let (reach, set) = self.selected(range, Wanted::Last, steps)?;
                let conversion = self.conversion(&range.selector);
                let mut sill = Sill::new(reach, steps);
                let mut samples = Samples::default();
                let mut walk = Walk::new(&*set);
                while let Some(labels) = walk.next(&mut samples)? {
                    self.budget.check()?;
                    self.read(&samples)?;
                    track.take(&mut samples, conversion);
                    sill.fit(&track);
                    self.count_windows(&sill, &track)?;
                    each(labels, &sill.over(&track))?;
                }
            }
            Expr::Subquery(subquery) => {
                let reach = self.subquery_reach(subquery);
                let Some(inner) = self.inner_steps(subquery, reach.of(steps))? else {
                    return Ok(());
                };
                let mut sill = Sill::new(reach, steps);
                for series in self.inner_frame(&subquery.expr, inner)? {
                    let labels = if series.drop_name {
                        frame::without_metadata(&series.labels)
                    } else {
                        series.labels
                    };
                    track.take_column(&series.column, inner);
                    sill.fit(&track);
                    self.count_windows(&sill, &track)?;
                    each(labels, &sill.over(&track))?;
                }
            }
            _ => return Err(QueryError::execution("expected a range vector")),
        }
        Ok(())
    }

    /// The raw samples of a range vector at one time.
    pub(crate) fn matrix(&self, expr: &Expr, steps: Steps) -> Result<Vec<RangeSeries>, QueryError> {
        let mut matrix: Vec<RangeSeries> = Vec::new();
        self.for_each_range(expr, steps, |labels, windows| {
            if windows.extension != Extension::None {
                matrix.extend(extended::samples(labels, windows)?);
                return Ok(());
            }
            for (_, window) in windows.occupied() {
                let samples = window.values.len() + window.histograms.len();
                self.budget.charge(samples)?;
                self.budget.hold_bytes(16 * samples + SERIES_BYTES)?;
                matrix.push(RangeSeries {
                    labels: labels.clone(),
                    timestamps: window.timestamps.into(),
                    values: window.values.into(),
                    histograms: window.histograms.into(),
                });
            }
            Ok(())
        })?;
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        let same = |pair: &[RangeSeries]| matches!(pair, [a, b] if a.labels == b.labels);
        if matrix.windows(2).any(same) {
            return Err(frame::same_labels());
        }
        Ok(matrix)
    }
}
