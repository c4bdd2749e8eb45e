//! Aggregations: series fall into groups, each step of a group is one computation.

mod count_values;
mod fold;
mod select;

use model::Labels;
use model::labels::METRIC_NAME;
use rustc_hash::FxHashMap;

use super::{Column, Evaluator, Frame, Series, Steps, string};
use crate::QueryError;
use crate::ast::{Aggregate, AggregateOp, Grouping, Span};
use crate::functions::bad_quantile;

/// The series of equal grouping labels.
struct Group {
    labels: Labels,
    drop_name: bool,
    members: Vec<usize>,
}

impl Evaluator<'_> {
    /// The value of `sum by (…) (…)` and its like.
    pub(super) fn aggregate(&self, aggregate: &Aggregate, steps: Steps) -> Result<Frame, QueryError> {
        let op = aggregate.op;
        let param = aggregate.param.as_ref();
        let span = param.map_or(aggregate.span, crate::Expr::span);
        if op == AggregateOp::CountValues {
            let label = param.map(string).transpose()?.unwrap_or("");
            if label.is_empty() {
                return Err(QueryError::execution(format!("invalid label name {label:?}")));
            }
            let frame = self.vector(&aggregate.expr, steps)?;
            return self.count_values(&frame, label, &aggregate.grouping, steps);
        }
        let param = param
            .map(|p| self.scalar(p, steps))
            .transpose()?
            .unwrap_or_default();
        let frame = self.vector(&aggregate.expr, steps)?;
        let groups = groups(&frame, &aggregate.grouping);
        match op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio => {
                self.select_series(op, &frame, &groups, (&param, span), steps)
            }
            AggregateOp::Quantile => {
                param.iter().for_each(|q| self.check_quantile(span, *q));
                self.fold_groups(&frame, groups, |frame, group| {
                    fold::quantile(frame, group, &param)
                })
            }
            _ => {
                let fold = fold::fold_of(op);
                self.fold_groups(&frame, groups, |frame, group| fold(frame, group, steps.count))
            }
        }
    }

    fn fold_groups(
        &self,
        frame: &Frame,
        groups: Vec<Group>,
        fold: impl Fn(&Frame, &[usize]) -> Vec<f64>,
    ) -> Result<Frame, QueryError> {
        let fold_group = |group: Group| {
            self.budget.check()?;
            let column = Column::of_floats(fold(frame, &group.members));
            self.budget.charge(column.len())?;
            Ok(Series {
                labels: group.labels,
                drop_name: group.drop_name,
                column,
            })
        };
        groups.into_iter().map(fold_group).collect()
    }

    /// Warns of a quantile that is none.
    pub(super) fn check_quantile(&self, span: Span, q: f64) {
        if !(0.0..=1.0).contains(&q) {
            self.annotations.warn(span, bad_quantile(q));
        }
    }
}

/// The labels that a series' group has.
fn group_labels(labels: &Labels, grouping: &Grouping) -> Labels {
    match grouping {
        Grouping::By(names) if names.is_empty() => Labels::empty(),
        Grouping::By(names) => labels.filtered(|name| names.iter().any(|n| n == name)),
        Grouping::Without(names) => {
            labels.filtered(|name| name != METRIC_NAME && !names.iter().any(|n| n == name))
        }
    }
}

/// Groups in the order of their first series.
fn groups(frame: &Frame, grouping: &Grouping) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut index: FxHashMap<Labels, usize> = FxHashMap::default();
    for (i, series) in frame.iter().enumerate() {
        let at = *index
            .entry(group_labels(&series.labels, grouping))
            .or_insert_with_key(|labels| {
                groups.push(Group {
                    labels: labels.clone(),
                    drop_name: false,
                    members: Vec::new(),
                });
                groups.len() - 1
            });
        groups[at].members.push(i);
        groups[at].drop_name |= series.drop_name;
    }
    groups
}
