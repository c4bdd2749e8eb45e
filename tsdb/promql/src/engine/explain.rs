//! How a query is evaluated, and where its time goes.

use std::time::Duration;

use model::metrics::{MetricSnapshot, SelectHints};

use super::{Engine, QueryContext};
use crate::ast::{Expr, Grouping, Span, VectorSelector};
use crate::eval::{Evaluator, Recorder};
use crate::{QueryError, QueryResult, Value};

/// When an explained query is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// At one time, in milliseconds since the epoch.
    Instant(i64),
    /// At `start_ms`, `start_ms + step_ms`, … up to `end_ms`.
    Range {
        /// The first time.
        start_ms: i64,
        /// No time is after it.
        end_ms: i64,
        /// From one time to the next.
        step_ms: i64,
    },
}

/// A node of a query with what is expected of it and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanNode {
    /// Its canonical text.
    pub text: String,
    /// What it is: `selector`, `range`, `subquery`, `call`, `aggregation`, `operator`, `sign`, `number` or `string`.
    pub kind: &'static str,
    /// Where it stands in the query.
    pub span: Span,
    /// At most so many series are expected of it, where the store's index can tell.
    pub estimated_series: Option<u64>,
    /// What evaluating it cost, where it was evaluated by itself: a range is read by the function around it.
    pub measured: Option<Measured>,
    /// Its parts, from left to right.
    pub parts: Vec<PlanNode>,
}

/// What a node cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Series of its value.
    pub series: u64,
    /// Samples read from the store, by it and its parts.
    pub samples: u64,
    /// Seconds that it took, its parts included.
    pub total_seconds: f64,
    /// Seconds that it took by itself.
    pub own_seconds: f64,
    /// The same text stands elsewhere in the query, and was evaluated there.
    pub shared: bool,
}

/// A query explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The query's tree.
    pub plan: PlanNode,
    /// The answer, where the query was evaluated.
    pub result: Option<QueryResult>,
}

impl Engine {
    /// Explains a parsed query: what is expected of each node and, if it is to `analyze`, what each node cost when the
    /// query is evaluated for it. That takes longer than just asking, for nodes are evaluated one after the other.
    ///
    /// # Errors
    /// Any [`QueryError`] but `Parse`.
    pub fn explain(
        &self,
        store: &dyn model::metrics::MetricStore,
        expr: &Expr,
        asked: Asked,
        context: &QueryContext,
        analyze: bool,
    ) -> Result<Explained, QueryError> {
        let mut plan = None;
        let mut explain = |evaluator: &Evaluator<'_>, expr: &Expr| {
            plan = Some(node(expr, evaluator.snapshot, evaluator.recorder.as_ref()));
        };
        let result = self.evaluate(
            store,
            expr,
            asked,
            context,
            analyze,
            |evaluator, expr, evaluate| {
                let value = if analyze {
                    evaluate()?
                } else {
                    Value::Vector(Vec::new())
                };
                explain(evaluator, expr);
                Ok(value)
            },
        )?;
        Ok(Explained {
            plan: plan.ok_or_else(|| QueryError::execution("nothing to explain"))?,
            result: analyze.then_some(result),
        })
    }
}

fn node(expr: &Expr, snapshot: &dyn MetricSnapshot, recorder: Option<&Recorder>) -> PlanNode {
    let expr = expr.unwrap_parens();
    let parts: Vec<PlanNode> = expr
        .children()
        .into_iter()
        .map(|e| node(e, snapshot, recorder))
        .collect();
    let cost = recorder.and_then(|r| r.cost(expr.span()));
    let of_parts: Duration = recorder.map_or(Duration::ZERO, |r| time_of_parts(expr, r));
    let measured = cost.map(|cost| Measured {
        series: cost.series,
        samples: cost.samples,
        total_seconds: cost.time.as_secs_f64(),
        own_seconds: cost.time.saturating_sub(of_parts).as_secs_f64(),
        shared: cost.shared,
    });
    PlanNode {
        text: expr.to_string(),
        kind: kind(expr),
        span: expr.span(),
        estimated_series: estimate(expr, &parts, snapshot),
        measured,
        parts,
    }
}

/// The time of the nearest nodes below that were evaluated by themselves.
fn time_of_parts(expr: &Expr, recorder: &Recorder) -> Duration {
    let of_part = |part: &Expr| match recorder.cost(part.unwrap_parens().span()) {
        Some(cost) => cost.time,
        None => time_of_parts(part.unwrap_parens(), recorder),
    };
    expr.children().into_iter().map(of_part).sum()
}

fn kind(expr: &Expr) -> &'static str {
    match expr {
        Expr::Number(_) => "number",
        Expr::String(_) => "string",
        Expr::Selector(_) => "selector",
        Expr::Range(_) => "range",
        Expr::Subquery(_) => "subquery",
        Expr::Call(_) => "call",
        Expr::Aggregate(_) => "aggregation",
        Expr::Binary(_) => "operator",
        Expr::Unary(_) => "sign",
        Expr::Paren(_) => "parentheses",
    }
}

fn estimate(expr: &Expr, parts: &[PlanNode], snapshot: &dyn MetricSnapshot) -> Option<u64> {
    let most = || {
        parts
            .iter()
            .map(|p| p.estimated_series)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max()
    };
    match expr {
        Expr::Number(_) | Expr::String(_) => Some(1),
        Expr::Selector(selector) => found(selector, snapshot),
        Expr::Range(range) => found(&range.selector, snapshot),
        Expr::Aggregate(a) if a.param.is_none() && a.grouping == Grouping::By(Vec::new()) => Some(1),
        Expr::Call(c) if parts.is_empty() => Some(u64::from(!c.function.name.is_empty())),
        _ => most(),
    }
}

/// How many series the store finds for a selector.
fn found(selector: &VectorSelector, snapshot: &dyn MetricSnapshot) -> Option<u64> {
    let hints = SelectHints {
        start_ms: i64::MIN,
        end_ms: i64::MAX,
        ..SelectHints::default()
    };
    let set = snapshot.select(&selector.matchers, &hints).ok()?;
    u64::try_from(set.len()).ok()
}

#[cfg(test)]
mod tests;
