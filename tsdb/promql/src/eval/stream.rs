//! Chains of nodes that treat series one by one, from a selector up to whatever needs them together.
//!
//! `sum by (job) (rate(x[5m]) * 8)` is such a chain: a selector, a function of windows, an operator with a scalar. Each
//! series goes through all of it before the next one is read, so that the whole matrix is never held, and chunks of
//! series go through it on several threads. What comes out is either collected or folded chunk by chunk; both see the
//! series in the store's order. Labels are asked for by those who need them only.

mod belt;
mod roster;

use std::sync::Arc;

use model::metrics::SeriesSet;

use super::binary::Operand;
use super::frame::{Frame, Output, merge_same_labels};
use super::selector::{Newest, metric_name};
use super::track::Conversion;
use super::windows::{Reach, Sill, Windows};
use super::{Column, Evaluator, Steps};
use crate::QueryError;
use crate::ast::{Call, Expr, VectorSelector};
use crate::functions::Kind;

pub(crate) use belt::Item;

/// Roughly what a series takes besides its column.
pub(super) const SERIES_BYTES: usize = 256;
/// What is done to the column of a series.
pub(crate) type Apply<'e> = Box<dyn Fn(&mut Column) -> Result<(), QueryError> + Send + Sync + 'e>;

/// A node that treats columns one by one.
pub(crate) struct Stage<'e> {
    /// What it does.
    pub(crate) apply: Apply<'e>,
    /// Whether the result is another quantity than the metric.
    pub(crate) drops_name: bool,
}

/// A function of windows, resolved for one node: gets the windows of a series, the name of its metric and an empty
/// column.
pub(crate) type OverWindows<'e> =
    Box<dyn Fn(&Windows<'_>, &str, &mut Column) -> Result<(), QueryError> + Send + Sync + 'e>;

/// A function of windows as the source of a chain.
pub(crate) struct OverStage<'e> {
    /// What it does.
    pub(crate) apply: OverWindows<'e>,
    /// Whether the result is another quantity than the metric.
    pub(crate) drops_name: bool,
}

/// A chain.
pub(crate) struct Stream<'e> {
    source: Source<'e>,
    stages: Vec<Stage<'e>>,
    drops_name: bool,
    /// All series are of one metric: dropping its name leaves them apart.
    one_metric: bool,
    steps: Steps,
}

/// The series of a range selector.
pub(super) struct WindowsSource<'e> {
    pub(super) set: Arc<dyn SeriesSet>,
    /// The name of all their metrics, where it is one.
    pub(super) metric: Option<&'e str>,
    pub(super) conversion: Conversion,
}

enum Source<'e> {
    /// An instant selector.
    Newest(Arc<dyn SeriesSet>, Newest),
    /// A function over a range selector.
    Windows(WindowsSource<'e>, Sill, OverStage<'e>),
    /// A function over a subquery, whose inner steps these are.
    Points(Frame, Steps, Sill, OverStage<'e>),
    /// Anything else, evaluated already.
    Frame(Frame),
}
impl<'q> Evaluator<'q> {
    /// The chain that ends in `expr`. What is no chain is evaluated, and is the source of one without stages.
    pub(crate) fn stream<'e>(&'e self, expr: &'e Expr, steps: Steps) -> Result<Stream<'e>, QueryError> {
        let expr = expr.unwrap_parens();
        let whole = self.recorder.is_some() || self.shared.has(expr);
        if whole || steps.count > 1 && expr.is_step_invariant() {
            return Ok(Stream::of_frame(self.vector(expr, steps)?, steps));
        }
        self.chain(expr, steps)
    }

    /// As [`stream`](Self::stream), of an expression that is neither shared nor the same at every step.
    pub(super) fn chain<'e>(&'e self, expr: &'e Expr, steps: Steps) -> Result<Stream<'e>, QueryError> {
        match expr {
            Expr::Paren(p) => self.stream(&p.expr, steps),
            Expr::Selector(selector) => self.selector_stream(selector, steps),
            Expr::Unary(u) => {
                let stream = self.stream(&u.expr, steps)?;
                if u.negative {
                    self.stage(stream, negation())
                } else {
                    Ok(stream)
                }
            }
            Expr::Binary(b) => match self.operators(b, steps)? {
                Operand::Vector(stream) => Ok(*stream),
                Operand::Scalar(_) => Err(QueryError::execution("expected an instant vector")),
            },
            Expr::Call(call) => self.call_stream(call, steps),
            Expr::Aggregate(a) => Ok(Stream::of_frame(self.aggregate(a, steps)?, steps)),
            _ => Err(QueryError::execution("expected an instant vector")),
        }
    }

    fn call_stream<'e>(&'e self, call: &'e Call, steps: Steps) -> Result<Stream<'e>, QueryError> {
        if let Kind::Over(over) = &call.function.kind {
            return self.over_stream(over, call, steps);
        }
        if let Some((vector, stage)) = self.call_stage(call, steps)? {
            let stream = self.stream(vector, steps)?;
            return self.stage(stream, stage);
        }
        match self.call(call, steps)? {
            Output::Vector(frame) => Ok(Stream::of_frame(self.settle_names(frame)?, steps)),
            _ => Err(QueryError::execution("expected an instant vector")),
        }
    }

    /// Adds a stage. Where names go at once, series that differ in the name only may become one.
    pub(super) fn stage<'e>(
        &'e self,
        mut stream: Stream<'e>,
        stage: Stage<'e>,
    ) -> Result<Stream<'e>, QueryError> {
        let merges =
            stage.drops_name && !self.delayed_name_removal && !stream.one_metric && !stream.drops_name;
        stream.drops_name |= stage.drops_name;
        stream.stages.push(stage);
        if merges {
            let steps = stream.steps;
            return Ok(Stream::of_frame(merge_same_labels(self.collect(stream)?)?, steps));
        }
        Ok(stream)
    }

    fn selector_stream<'e>(
        &'e self,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        let (set, newest) = self.newest(selector, steps)?;
        Ok(Stream::of_newest(set, newest, selector, steps))
    }

    /// The chain of a function of windows over a range selector.
    pub(super) fn windows_stream<'e>(
        &'e self,
        from: WindowsSource<'e>,
        reach: Reach,
        over: OverStage<'e>,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        let drops_name = over.drops_name;
        let stream = Stream {
            one_metric: from.metric.is_some(),
            source: Source::Windows(from, Sill::new(reach, steps), over),
            stages: Vec::new(),
            drops_name,
            steps,
        };
        self.apart(stream)
    }

    /// The chain of a function of windows over the points of a subquery.
    pub(super) fn points_stream<'e>(
        &'e self,
        frame: Frame,
        inner: Steps,
        reach: Reach,
        over: OverStage<'e>,
        steps: Steps,
    ) -> Result<Stream<'e>, QueryError> {
        let drops_name = over.drops_name;
        let stream = Stream {
            source: Source::Points(frame, inner, Sill::new(reach, steps), over),
            stages: Vec::new(),
            drops_name,
            one_metric: false,
            steps,
        };
        self.apart(stream)
    }

    /// Makes sure that a function of windows leaves its series apart where names go at once. Here, unlike elsewhere, two
    /// of the same labels are refused even where they have no step in common.
    fn apart<'e>(&'e self, stream: Stream<'e>) -> Result<Stream<'e>, QueryError> {
        if !stream.drops_name || stream.one_metric || self.delayed_name_removal {
            return Ok(stream);
        }
        let steps = stream.steps;
        let frame = self.collect(stream)?;
        super::frame::refuse_same_labels(&frame)?;
        Ok(Stream::of_frame(frame, steps))
    }
}

fn negation<'e>() -> Stage<'e> {
    let apply = Box::new(|column: &mut Column| {
        column.negate();
        Ok(())
    });
    Stage {
        apply,
        drops_name: true,
    }
}
impl<'e> Stream<'e> {
    /// A chain that begins with an instant selector.
    pub(super) fn of_newest(
        set: Arc<dyn SeriesSet>,
        newest: Newest,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Stream<'e> {
        Stream {
            source: Source::Newest(set, newest),
            stages: Vec::new(),
            drops_name: false,
            one_metric: metric_name(selector).is_some(),
            steps,
        }
    }

    /// The steps of its columns.
    pub(super) fn steps(&self) -> Steps {
        self.steps
    }

    /// A chain that begins with series evaluated already.
    pub(crate) fn of_frame(frame: Frame, steps: Steps) -> Stream<'e> {
        Stream {
            source: Source::Frame(frame),
            stages: Vec::new(),
            drops_name: false,
            one_metric: false,
            steps,
        }
    }
}

#[cfg(test)]
mod tests;
