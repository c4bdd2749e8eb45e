//! The evaluator: walks the tree, every node over all steps at once.
//!
//! A node's value is a [`Frame`]: a column of values for each series, one cell a step. Names that a node makes
//! obsolete are marked and removed at the very end, so that functions of labels can still see them.

mod absent;
mod aggregate;
mod binary;
mod call;
mod column;
mod frame;
mod histogram;
mod info;
mod labels;
mod matching;
mod range;
mod scalars;
mod selector;
mod set;
mod sort;
mod track;
mod windows;

use model::metrics::MetricSnapshot;

use crate::annotations::Annotations;
use crate::ast::analysis::Defaults;
use crate::budget::Budget;
use crate::{Expr, QueryError};

pub(crate) use column::{ABSENT, Cell, Column, is_absent};
pub(crate) use frame::{Frame, Output, Series};
pub(crate) use track::Track;
pub(crate) use windows::{Bounds, Window, Windows};

/// The times of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) start_ms: i64,
    pub(crate) step_ms: i64,
    pub(crate) count: usize,
}

impl Steps {
    /// The time of step `i`.
    pub(crate) fn at(&self, i: usize) -> i64 {
        self.start_ms
            .saturating_add(self.step_ms.saturating_mul(i as i64))
    }

    /// The time of the last step.
    pub(crate) fn last_ms(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    /// All times.
    pub(crate) fn iter(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |i| self.at(i))
    }
}

/// One query in evaluation.
pub(crate) struct Evaluator<'a> {
    pub(crate) snapshot: &'a dyn MetricSnapshot,
    pub(crate) defaults: Defaults,
    pub(crate) subquery_step_ms: i64,
    pub(crate) max_series: u64,
    pub(crate) start_timestamps: bool,
    /// Up to this many milliseconds a number of the store may stand for.
    pub(crate) max_resolution_ms: i64,
    pub(crate) budget: Budget,
    pub(crate) annotations: Annotations,
}

impl Evaluator<'_> {
    /// The value of the whole query: obsolete names are gone, label sets are unique.
    pub(crate) fn top(&self, expr: &Expr, steps: Steps) -> Result<Output, QueryError> {
        match self.eval(expr, steps)? {
            Output::Vector(frame) => frame::finish(frame).map(Output::Vector),
            other => Ok(other),
        }
    }

    /// The value of a node.
    pub(crate) fn eval(&self, expr: &Expr, steps: Steps) -> Result<Output, QueryError> {
        self.budget.check()?;
        let held = self.budget.held();
        let invariant = steps.count > 1 && expr.is_step_invariant();
        let evaluated = if invariant {
            Steps { count: 1, ..steps }
        } else {
            steps
        };
        let mut output = self.node(expr, evaluated)?;
        if invariant {
            self.budget.charge(output.width().saturating_mul(steps.count))?;
            output.repeat_first(steps.count);
        }
        self.budget.settle(held, output.cells())?;
        Ok(output)
    }

    fn node(&self, expr: &Expr, steps: Steps) -> Result<Output, QueryError> {
        match expr {
            Expr::Number(n) => Ok(Output::Scalar(vec![n.value; steps.count])),
            Expr::String(s) => Ok(Output::String(s.value.clone())),
            Expr::Paren(p) => self.eval(&p.expr, steps),
            Expr::Selector(s) => self.select(s, steps, selector::Wanted::Value).map(Output::Vector),
            Expr::Range(_) | Expr::Subquery(_) => Err(QueryError::execution(
                "a range vector stands where an instant vector is expected",
            )),
            Expr::Unary(u) if u.negative => self.negate(&u.expr, steps),
            Expr::Unary(u) => self.eval(&u.expr, steps),
            Expr::Binary(b) => self.binary(b, steps),
            Expr::Aggregate(a) => self.aggregate(a, steps).map(Output::Vector),
            Expr::Call(c) => self.call(c, steps),
        }
    }

    fn negate(&self, expr: &Expr, steps: Steps) -> Result<Output, QueryError> {
        Ok(match self.eval(expr, steps)? {
            Output::Scalar(values) => Output::Scalar(values.into_iter().map(|v| -v).collect()),
            Output::Vector(frame) => Output::Vector(frame::map_values(frame, |v| -v)),
            Output::String(_) => return Err(QueryError::execution("a string cannot be negated")),
        })
    }

    /// The value of an argument that is a vector.
    pub(crate) fn vector(&self, expr: &Expr, steps: Steps) -> Result<Frame, QueryError> {
        match self.eval(expr, steps)? {
            Output::Vector(frame) => Ok(frame),
            _ => Err(QueryError::execution("expected an instant vector")),
        }
    }

    /// The value of an argument that is a scalar.
    pub(crate) fn scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr, steps)? {
            Output::Scalar(values) => Ok(values),
            _ => Err(QueryError::execution("expected a scalar")),
        }
    }
}

/// The value of an argument that is a text.
pub(crate) fn string(expr: &Expr) -> Result<&str, QueryError> {
    match expr.unwrap_parens() {
        Expr::String(s) => Ok(&s.value),
        _ => Err(QueryError::execution("expected a string")),
    }
}
