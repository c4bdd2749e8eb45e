//! The evaluator: walks the tree, every node over all steps at once.
//!
//! A node's value is a [`Frame`]: a column of values for each series, one cell a step. Nodes that treat series one by one
//! make a chain through which series stream, see [`stream`]; the others have the frames of their parts. Names that a node
//! makes obsolete are removed at once, or marked and removed at the very end, as the engine's option says.

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
mod pool;
mod range;
mod recorder;
mod scalars;
mod selector;
mod set;
mod shared;
mod sort;
mod stage;
mod stream;
mod tally;
mod track;
mod windows;

use model::metrics::MetricSnapshot;
use rustc_hash::FxHashSet;

use crate::annotations::Annotations;
use crate::ast::Unary;
use crate::ast::analysis::Defaults;
use crate::budget::Budget;
use crate::value::ValueType;
use crate::{Expr, QueryError};

pub(crate) use column::{ABSENT, Cell, Column, is_absent};
pub(crate) use frame::{Frame, Output, Series};
pub(crate) use pool::Pool;
pub(crate) use recorder::Recorder;
pub(crate) use shared::Shared;
pub(crate) use tally::{Counts, Tally};
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

/// One query in evaluation. Its threads share it.
pub(crate) struct Evaluator<'a> {
    pub(crate) snapshot: &'a dyn MetricSnapshot,
    pub(crate) defaults: Defaults,
    pub(crate) subquery_step_ms: i64,
    pub(crate) max_series: u64,
    pub(crate) start_timestamps: bool,
    /// Names that no longer fit are marked and removed at the very end, not by the node that makes them obsolete.
    pub(crate) delayed_name_removal: bool,
    /// Up to this many milliseconds a number of the store may stand for.
    pub(crate) max_resolution_ms: i64,
    pub(crate) budget: Budget,
    pub(crate) annotations: Annotations,
    pub(crate) pool: Pool,
    pub(crate) stats: Tally,
    pub(crate) shared: Shared<'a>,
    /// Takes down what each node costs, where that was asked for.
    pub(crate) recorder: Option<Recorder>,
    /// Addresses of selectors of whose histograms count and sum are enough.
    pub(crate) totals_only: FxHashSet<usize>,
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
        let expr = expr.unwrap_parens();
        let held = self.budget.held();
        let begun = self.recorder.as_ref().map(Recorder::begin);
        let (output, known) = match self.shared_frame(expr, steps)? {
            Some((frame, known)) => (Output::Vector(frame), known),
            None => (self.fresh(expr, steps)?, false),
        };
        if let (Some(recorder), Some(begun)) = (&self.recorder, begun) {
            recorder.end(expr.span(), &begun, output.width(), known);
        }
        self.budget.settle(held, output.cells(), output.bytes())?;
        Ok(output)
    }

    /// The value of a node, evaluated. What is the same at every step is evaluated once.
    fn fresh(&self, expr: &Expr, steps: Steps) -> Result<Output, QueryError> {
        if steps.count <= 1 || !expr.is_step_invariant() {
            return self.node(expr, steps);
        }
        let mut output = self.node(expr, Steps { count: 1, ..steps })?;
        let cells = output.width().saturating_mul(steps.count);
        self.budget.charge(cells)?;
        self.budget.hold_bytes(cells.saturating_mul(8))?;
        output.repeat_first(steps.count);
        Ok(output)
    }

    fn node(&self, expr: &Expr, steps: Steps) -> Result<Output, QueryError> {
        match expr {
            Expr::Number(n) => Ok(Output::Scalar(vec![n.value; steps.count])),
            Expr::String(s) => Ok(Output::String(s.value.clone())),
            Expr::Range(_) | Expr::Subquery(_) => Err(QueryError::execution(
                "a range vector stands where an instant vector is expected",
            )),
            Expr::Aggregate(a) => self.aggregate(a, steps).map(Output::Vector),
            Expr::Call(c) if c.function.returns == ValueType::Scalar => self.call(c, steps),
            Expr::Unary(u) if u.expr.value_type() == ValueType::Scalar => self.signed(u, steps),
            Expr::Binary(b) => self.binary(b, steps),
            _ => self.collected(expr, steps),
        }
    }

    fn collected(&self, expr: &Expr, steps: Steps) -> Result<Output, QueryError> {
        let stream = self.chain(expr, steps)?;
        self.collect(stream).map(Output::Vector)
    }

    fn signed(&self, unary: &Unary, steps: Steps) -> Result<Output, QueryError> {
        let mut values = self.scalar(&unary.expr, steps)?;
        if unary.negative {
            values.iter_mut().for_each(|v| *v = -*v);
        }
        Ok(Output::Scalar(values))
    }

    /// Takes away the names that a node has made obsolete, where that is done at once.
    pub(crate) fn settle_names(&self, mut frame: Frame) -> Result<Frame, QueryError> {
        if self.delayed_name_removal || frame.iter().all(|s| !s.drop_name) {
            return Ok(frame);
        }
        for series in frame.iter_mut().filter(|s| s.drop_name) {
            series.labels = frame::without_metadata(&series.labels);
            series.drop_name = false;
        }
        frame::merge_same_labels(frame)
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
