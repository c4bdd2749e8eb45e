//! What the answer at a step depends on, from the tree alone: how late the samples can be that it reads, and whether it
//! depends on the query's other steps.
//!
//! Most expressions give at each step what samples up to that step say, whatever window they are asked for. The rest:
//!
//! - A negative offset or `smoothed` reads later samples: known by how much.
//! - `@` reads a fixed time: a change there changes all steps.
//! - The window itself matters (`start()`, `end()`, `range()`, `@ end()`), or steps beside each other do, because the
//!   language says so or because order does: `info`, `sort`, `limitk`, a parameter of an aggregation that may differ
//!   from step to step, `or` between series that keep their name and series that lose it. Such an answer is kept for the
//!   very same window only.

use super::names;
use crate::ast::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Call, DurationExpr, DurationNode, Expr, Extension,
    Subquery, VectorSelector,
};

/// The functions whose value at one step depends on more than that step.
const OF_THE_WINDOW: [&str; 8] = [
    "end",
    "info",
    "range",
    "sort",
    "sort_by_label",
    "sort_by_label_desc",
    "sort_desc",
    "start",
];

/// What the query leaves open in an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) lookback_ms: i64,
    /// Names that no longer fit go away at the very end.
    pub(super) delayed_names: bool,
}

/// What the answer at a step depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dependence {
    /// The steps of another window say nothing about this one.
    pub(super) window: bool,
    /// Samples up to so many milliseconds after the step (before it where negative); `None` where no sample is read
    /// relative to the step.
    pub(super) relative_ms: Option<i64>,
    /// Samples up to this time, whatever the step; `None` where `@` is not used.
    pub(super) fixed_ms: Option<i64>,
}

/// The time at which a part of the expression is evaluated, at the latest.
#[derive(Debug, Clone, Copy)]
enum Time {
    /// So long after the step.
    Relative(i64),
    Fixed(i64),
}

impl Time {
    fn later_by(self, ms: i64) -> Time {
        match self {
            Time::Relative(t) => Time::Relative(t.saturating_add(ms)),
            Time::Fixed(t) => Time::Fixed(t.saturating_add(ms)),
        }
    }
}

impl Dependence {
    /// What `expr` depends on.
    pub(super) fn of(expr: &Expr, asked: Asked) -> Dependence {
        let mut found = Dependence::default();
        found.visit(expr, Time::Relative(0), asked);
        found
    }

    /// Before which time steps still hold when samples from `changed_ms` on came or went.
    pub(super) fn holds_before(&self, changed_ms: Option<i64>) -> i64 {
        let Some(changed_ms) = changed_ms else {
            return i64::MAX;
        };
        if self.fixed_ms.is_some_and(|fixed| fixed >= changed_ms) {
            return i64::MIN;
        }
        self.relative_ms
            .map_or(i64::MAX, |relative| changed_ms.saturating_sub(relative))
    }

    fn reads(&mut self, time: Time) {
        let latest = |known: Option<i64>, t: i64| Some(known.map_or(t, |k| k.max(t)));
        match time {
            Time::Relative(t) => self.relative_ms = latest(self.relative_ms, t),
            Time::Fixed(t) => self.fixed_ms = latest(self.fixed_ms, t),
        }
    }

    fn visit(&mut self, expr: &Expr, time: Time, asked: Asked) {
        match expr {
            Expr::Selector(selector) => self.selector(selector, time, asked),
            Expr::Range(range) => {
                self.duration(range.range_expr.as_deref());
                self.selector(&range.selector, time, asked);
            }
            Expr::Subquery(subquery) => {
                let time = self.subquery(subquery, time, asked);
                self.visit(&subquery.expr, time, asked);
                return;
            }
            Expr::Call(call) => {
                self.call(call, asked);
                // It reads info series even where its argument names none.
                if call.function.name == "info" {
                    self.reads(time);
                }
            }
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Binary(binary) => {
                let (_, operators) = binary.chain();
                operators.into_iter().for_each(|operator| self.binary(operator));
            }
            Expr::Number(_) | Expr::String(_) | Expr::Unary(_) | Expr::Paren(_) => {}
        }
        for part in expr.children() {
            self.visit(part, time, asked);
        }
    }

    fn selector(&mut self, selector: &VectorSelector, time: Time, asked: Asked) {
        let time = self.moved(selector.at, time, asked);
        let time = self.offset(selector.offset_expr.as_deref(), selector.offset_ms, time);
        self.reads(match selector.extension {
            Extension::None | Extension::Anchored => time,
            Extension::Smoothed => time.later_by(asked.lookback_ms),
        });
    }

    fn subquery(&mut self, subquery: &Subquery, time: Time, asked: Asked) -> Time {
        self.duration(subquery.range_expr.as_deref());
        self.duration(subquery.step_expr.as_deref());
        let time = self.moved(subquery.at, time, asked);
        self.offset(subquery.offset_expr.as_deref(), subquery.offset_ms, time)
    }

    fn moved(&mut self, at: Option<AtModifier>, time: Time, asked: Asked) -> Time {
        match at {
            None => time,
            Some(AtModifier::At(ms)) => Time::Fixed(ms),
            Some(AtModifier::Start) => {
                self.window = true;
                Time::Fixed(asked.start_ms)
            }
            Some(AtModifier::End) => {
                self.window = true;
                Time::Fixed(asked.end_ms)
            }
        }
    }

    fn offset(&mut self, computed: Option<&DurationNode>, offset_ms: i64, time: Time) -> Time {
        self.duration(computed);
        match computed {
            // What comes of it is not known here: any change may matter.
            Some(_) => Time::Fixed(i64::MAX),
            None => time.later_by(offset_ms.saturating_neg()),
        }
    }

    fn duration(&mut self, computed: Option<&DurationNode>) {
        self.window |= computed.is_some_and(|node| depends_on_range(&node.expr));
    }

    fn call(&mut self, call: &Call, asked: Asked) {
        self.window |= OF_THE_WINDOW.contains(&call.function.name);
        self.window |= names::brings_back_lost(call);
        self.window |= !asked.delayed_names && names::may_collide(call);
    }

    fn aggregate(&mut self, aggregate: &Aggregate) {
        let constant = aggregate.param.as_ref().is_none_or(is_literal);
        self.window |= !constant || aggregate.op == AggregateOp::Limitk;
    }

    fn binary(&mut self, binary: &Binary) {
        self.window |= binary.op == BinaryOp::Or && names::are_mixed(binary);
    }
}

/// Whether a duration depends on the query's range. The step is the same for all windows that share answers.
fn depends_on_range(expr: &DurationExpr) -> bool {
    match expr {
        DurationExpr::Number(_) | DurationExpr::Step => false,
        DurationExpr::Range => true,
        DurationExpr::Unary { expr, .. } | DurationExpr::Paren(expr) => depends_on_range(expr),
        DurationExpr::Binary { lhs, rhs, .. } | DurationExpr::Extreme { lhs, rhs, .. } => {
            depends_on_range(lhs) || depends_on_range(rhs)
        }
    }
}

/// Whether the value is written down, the same at every step.
fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::String(_) => true,
        Expr::Unary(u) => is_literal(&u.expr),
        Expr::Paren(p) => is_literal(&p.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
