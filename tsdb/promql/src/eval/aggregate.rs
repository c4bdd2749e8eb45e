//! Aggregations: series fall into groups, each step of a group is one computation.
//!
//! Series are folded chunk by chunk as they come out of a chain: each chunk has its own accumulators, which are merged in
//! order. So `sum by (job) (rate(x[5m]))` holds a column a group and chunk, never the matrix.

mod count_values;
mod extremes;
mod groups;
mod quantile;
mod sums;
mod top;
mod variance;

use super::column::ABSENT;
use super::{Column, Evaluator, Frame, Steps};
use crate::QueryError;
use crate::annotations::Annotations;
use crate::ast::{Aggregate, AggregateOp, Span};
use crate::budget::Budget;
use crate::functions::bad_quantile;

/// What the members of a group are folded into.
trait Accumulator: Send + Sized {
    /// Nothing yet.
    fn new(fold: &Fold<'_>) -> Self;

    /// Takes one more series.
    ///
    /// # Errors
    /// The budget is used up.
    fn push(&mut self, fold: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError>;

    /// Takes what the series after those here were folded into.
    fn merge(&mut self, fold: &Fold<'_>, later: Self);

    /// The group's column.
    fn finish(self, fold: &Fold<'_>) -> Column;

    /// Bytes it takes, roughly.
    fn bytes(&self) -> usize;
}

/// A series that goes into a group.
struct Member<'a> {
    /// Its number in the chain.
    index: usize,
    column: &'a mut Column,
    /// The name of its metric, for those who tell it.
    name: &'a dyn Fn() -> String,
}

/// One aggregation in evaluation.
struct Fold<'a> {
    op: AggregateOp,
    steps: Steps,
    /// The parameter at each step; empty where there is none.
    param: &'a [f64],
    notes: &'a Annotations,
    budget: &'a Budget,
    /// Where the aggregated expression stands.
    expr_span: Span,
    /// Where the aggregation stands.
    span: Span,
}

impl Fold<'_> {
    fn param(&self, step: usize) -> f64 {
        self.param.get(step).copied().unwrap_or(f64::NAN)
    }

    /// Says that histograms were left out.
    fn ignored_histograms(&self, span: Span) {
        let op = self.op;
        self.notes
            .info(span, format!("ignored histogram in {} aggregation", op.as_str()));
    }
}

impl Evaluator<'_> {
    /// The value of `sum by (…) (…)` and its like.
    pub(super) fn aggregate(&self, aggregate: &Aggregate, steps: Steps) -> Result<Frame, QueryError> {
        let op = aggregate.op;
        if op == AggregateOp::CountValues {
            return self.count_values(aggregate, steps);
        }
        let param = match &aggregate.param {
            Some(param) => self.scalar(param, steps)?,
            None => Vec::new(),
        };
        let fold = Fold {
            op,
            steps,
            param: &param,
            notes: &self.annotations,
            budget: &self.budget,
            expr_span: aggregate.expr.unwrap_parens().span(),
            span: aggregate.span,
        };
        match op {
            AggregateOp::Sum => self.fold::<sums::Sum>(aggregate, &fold),
            AggregateOp::Avg => self.fold::<sums::Average>(aggregate, &fold),
            AggregateOp::Count | AggregateOp::Group => self.fold::<sums::Count>(aggregate, &fold),
            AggregateOp::Min | AggregateOp::Max => self.fold::<extremes::Extreme>(aggregate, &fold),
            AggregateOp::Stddev | AggregateOp::Stdvar => self.fold::<variance::Variance>(aggregate, &fold),
            AggregateOp::Quantile => {
                let frame = self.fold::<quantile::Quantile>(aggregate, &fold)?;
                // Last, so that of the same said twice the outer place counts.
                self.check_quantiles(aggregate, &param);
                Ok(frame)
            }
            AggregateOp::LimitRatio => self.limit_ratio(aggregate, &fold),
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => self.top_k(aggregate, &fold),
            AggregateOp::CountValues => Ok(Frame::new()),
        }
    }

    /// Warns once of parameters that are no quantiles: of the largest and of the smallest.
    fn check_quantiles(&self, aggregate: &Aggregate, param: &[f64]) {
        let span = aggregate
            .param
            .as_ref()
            .map_or(aggregate.span, |p| p.unwrap_parens().span());
        if param.iter().any(|q| q.is_nan()) {
            self.check_quantile(span, f64::NAN);
        }
        let max = param.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let min = param.iter().copied().fold(f64::INFINITY, f64::min);
        if max > 1.0 {
            self.check_quantile(span, max);
        }
        if min < 0.0 {
            self.check_quantile(span, min);
        }
    }

    /// Warns of a quantile that is none.
    pub(super) fn check_quantile(&self, span: Span, q: f64) {
        if !(0.0..=1.0).contains(&q) {
            self.annotations.warn(span, bad_quantile(q));
        }
    }
}
