//! Range selectors and subqueries: a window of samples of each series at each step.
//!
//! One series at a time is decoded (or taken from the inner frame of a subquery), freed of staleness markers,
//! and a window slides over it: two indices that only go forward.

use model::Labels;
use model::metrics::{Samples, Walk, Wanted, is_stale_nan};

use super::{Evaluator, Steps, frame, is_absent};
use crate::QueryError;
use crate::ast::{Expr, RangeSelector, Subquery};
use crate::value::RangeSeries;

/// Cancellation is looked for every so many windows.
const CHECK_EVERY: usize = 256;

/// The samples of a series in a left-open interval of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) timestamps: &'a [i64],
    pub(crate) values: &'a [f64],
    /// The window's start, exclusive.
    pub(crate) start_ms: i64,
    /// The window's end, inclusive.
    pub(crate) end_ms: i64,
    /// The time of evaluation, which `offset` and `@` set apart from the end.
    pub(crate) eval_ms: i64,
}

impl Window<'_> {
    /// The window's length in seconds.
    pub(crate) fn range_s(&self) -> f64 {
        (self.end_ms - self.start_ms) as f64 / 1000.0
    }
}

/// Where the windows of a range lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    range_ms: i64,
    offset_ms: i64,
    fixed_ms: Option<i64>,
}

impl Span {
    /// Start (exclusive) and end (inclusive) of the window of a step.
    fn at(&self, eval_ms: i64) -> (i64, i64) {
        let end = self.fixed_ms.unwrap_or(eval_ms).saturating_sub(self.offset_ms);
        (end.saturating_sub(self.range_ms), end)
    }

    /// Start (exclusive) and end (inclusive) of all windows together.
    fn of(&self, steps: Steps) -> (i64, i64) {
        (self.at(steps.start_ms).0, self.at(steps.last_ms()).1)
    }
}

/// One series of a range vector.
pub(crate) struct RangeInput<'a> {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) samples: &'a Samples,
    pub(crate) span: Span,
}

impl RangeInput<'_> {
    /// Calls `each` with the number and the window of every step whose window is not empty.
    pub(crate) fn for_each_window(
        &self,
        evaluator: &Evaluator<'_>,
        steps: Steps,
        mut each: impl FnMut(usize, &Window<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let Samples {
            timestamps, values, ..
        } = self.samples;
        let (mut from, mut to) = (0, 0);
        for (i, eval_ms) in steps.iter().enumerate() {
            if i % CHECK_EVERY == CHECK_EVERY - 1 {
                evaluator.budget.check()?;
            }
            let (start_ms, end_ms) = self.span.at(eval_ms);
            to += timestamps.iter().skip(to).take_while(|t| **t <= end_ms).count();
            from += timestamps
                .iter()
                .skip(from)
                .take_while(|t| **t <= start_ms)
                .count();
            if let (Some(t @ [_, ..]), Some(v)) = (timestamps.get(from..to), values.get(from..to)) {
                each(
                    i,
                    &Window {
                        timestamps: t,
                        values: v,
                        start_ms,
                        end_ms,
                        eval_ms,
                    },
                )?;
            }
        }
        Ok(())
    }
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
        let fixed_ms = self.defaults.fixed(selector.at);
        let span = Span {
            range_ms: range.range_ms,
            offset_ms: selector.offset_ms,
            fixed_ms,
        };
        let (start, end) = span.of(steps);
        let set = self.open(selector, start.saturating_add(1), end, steps, wanted)?;
        let mut samples = Samples::default();
        let mut walk = Walk::new(&*set);
        while let Some(labels) = self.next(&mut walk, &mut samples)? {
            drop_stale(&mut samples);
            each(RangeInput {
                labels,
                drop_name: false,
                samples: &samples,
                span,
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
        let fixed_ms = self.defaults.fixed(subquery.at);
        let span = Span {
            range_ms: subquery.range_ms,
            offset_ms: subquery.offset_ms,
            fixed_ms,
        };
        let Some(inner) = self.inner_steps(subquery, span.of(steps))? else {
            return Ok(());
        };
        let mut samples = Samples::default();
        for series in self.inner_frame(&subquery.expr, inner)? {
            samples.clear();
            let present = series.values.iter().enumerate().filter(|(_, v)| !is_absent(**v));
            present.for_each(|(i, v)| samples.push(inner.at(i), *v));
            each(RangeInput {
                labels: series.labels,
                drop_name: series.drop_name,
                samples: &samples,
                span,
            })?;
        }
        Ok(())
    }

    fn inner_frame(&self, expr: &Expr, steps: Steps) -> Result<frame::Frame, QueryError> {
        match self.eval(expr, steps)? {
            frame::Output::Vector(frame) => Ok(frame),
            frame::Output::Scalar(values) => Ok(vec![frame::Series {
                labels: Labels::empty(),
                drop_name: false,
                values,
            }]),
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
            input.for_each_window(self, steps, |_, window| {
                self.budget.charge(window.values.len())?;
                let labels = if input.drop_name {
                    frame::without_metadata(&input.labels)
                } else {
                    input.labels.clone()
                };
                let samples = Samples {
                    timestamps: window.timestamps.to_vec(),
                    values: window.values.to_vec(),
                    ..Samples::default()
                };
                matrix.push(RangeSeries { labels, samples });
                Ok(())
            })
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

/// Removes staleness markers in place.
fn drop_stale(samples: &mut Samples) {
    if !samples.values.iter().any(|v| is_stale_nan(*v)) {
        return;
    }
    let mut kept = samples
        .values
        .iter()
        .map(|v| !is_stale_nan(*v))
        .collect::<Vec<_>>()
        .into_iter();
    let mut kept_again = kept.clone();
    samples.timestamps.retain(|_| kept.next().unwrap_or(true));
    samples.values.retain(|_| kept_again.next().unwrap_or(true));
}
