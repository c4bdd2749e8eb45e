//! Aggregations that choose among the series of a group: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use super::super::frame::drop_empty;
use super::super::{Column, Evaluator, Frame, Series, Steps, is_absent};
use super::Group;
use crate::QueryError;
use crate::ast::{AggregateOp, Span};
use crate::numeric::format_float;

/// What the parameter says at one step.
#[derive(Clone, Copy)]
enum Limit {
    First(usize),
    Largest(usize),
    Smallest(usize),
    /// The share of series to take, by hash; negative takes the others.
    Ratio(f64),
}

impl Evaluator<'_> {
    /// The chosen series, their other cells absent. In an instant query each group comes in the order of
    /// `topk` or `bottomk`.
    pub(super) fn select_series(
        &self,
        op: AggregateOp,
        frame: &Frame,
        groups: &[Group],
        (param, span): (&[f64], Span),
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        let limits: Vec<Limit> = param
            .iter()
            .map(|p| self.limit(op, *p, span))
            .collect::<Result<_, _>>()?;
        self.budget.charge(frame.len().saturating_mul(steps.count))?;
        let mut chosen: Vec<Series> = frame
            .iter()
            .map(|s| Series {
                column: Column::absent(steps.count),
                labels: s.labels.clone(),
                drop_name: s.drop_name,
            })
            .collect();
        let mut order = Vec::new();
        let mut candidates = Vec::new();
        for group in groups {
            self.budget.check()?;
            for (step, limit) in limits.iter().enumerate() {
                candidates.clear();
                let cells = group
                    .members
                    .iter()
                    .filter_map(|i| Some((*i, *frame.get(*i)?.column.floats.get(step)?)));
                candidates.extend(cells.filter(|(_, v)| !is_absent(*v)));
                take(*limit, &mut candidates, frame);
                for (i, value) in &candidates {
                    if let Some(cell) = chosen.get_mut(*i).and_then(|s| s.column.floats.get_mut(step)) {
                        *cell = *value;
                    }
                    order.push(*i);
                }
            }
        }
        if steps.count == 1 {
            return Ok(order.into_iter().filter_map(|i| chosen.get(i).cloned()).collect());
        }
        drop_empty(&mut chosen);
        Ok(chosen)
    }

    fn limit(&self, op: AggregateOp, param: f64, span: Span) -> Result<Limit, QueryError> {
        if op == AggregateOp::LimitRatio {
            return self.ratio(param, span);
        }
        if param.is_nan() {
            return Err(QueryError::execution("Parameter value is NaN"));
        }
        if param >= i64::MAX as f64 || param <= i64::MIN as f64 {
            let bound = if param > 0.0 { "overflows" } else { "underflows" };
            return Err(QueryError::execution(format!(
                "Scalar value {} {bound} int64",
                format_float(param)
            )));
        }
        let k = usize::try_from(param as i64).unwrap_or(0);
        Ok(match op {
            AggregateOp::Topk => Limit::Largest(k),
            AggregateOp::Bottomk => Limit::Smallest(k),
            _ => Limit::First(k),
        })
    }

    fn ratio(&self, param: f64, span: Span) -> Result<Limit, QueryError> {
        if param.is_nan() {
            return Err(QueryError::execution("Ratio value is NaN"));
        }
        let capped = param.clamp(-1.0, 1.0);
        if capped != param {
            let (got, cap) = (format_float(param), format_float(capped));
            let text = format!("ratio value should be between -1 and 1, got {got}, capping to {cap}");
            self.annotations.warn(span, &text);
        }
        Ok(Limit::Ratio(capped))
    }
}

/// Leaves the chosen ones of `candidates`, in order.
fn take(limit: Limit, candidates: &mut Vec<(usize, f64)>, frame: &Frame) {
    match limit {
        Limit::First(k) => candidates.truncate(k),
        Limit::Largest(k) => {
            candidates.sort_by(|a, b| nan_last(a.1, b.1, |a, b| b.partial_cmp(&a)));
            candidates.truncate(k);
        }
        Limit::Smallest(k) => {
            candidates.sort_by(|a, b| nan_last(a.1, b.1, |a, b| a.partial_cmp(&b)));
            candidates.truncate(k);
        }
        Limit::Ratio(ratio) => candidates.retain(|(i, _)| {
            let hash = frame.get(*i).map_or(0, |s| s.labels.hash64());
            let share = hash as f64 / u64::MAX as f64;
            if ratio >= 0.0 {
                share < ratio
            } else {
                share >= 1.0 + ratio
            }
        }),
    }
}

fn nan_last(a: f64, b: f64, order: impl Fn(f64, f64) -> Option<Ordering>) -> Ordering {
    order(a, b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
