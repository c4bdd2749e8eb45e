//! The engine: bounds, one snapshot a query, and the shape of the answer.

mod answer;
mod durations;
mod explain;
mod stats;
mod totals;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use model::metrics::{MetricSnapshot, MetricStore};

use crate::annotations::Annotations;
use crate::ast::analysis::Defaults;
use crate::budget::{Budget, Limits};
use crate::eval::{Evaluator, Pool, Recorder, Shared, Steps, Tally};
use crate::value::{QueryResult, Value, ValueType};
use crate::{Expr, QueryError, parse};

pub use explain::{Asked, Explained, Measured, PlanNode};
pub use stats::{QueryStats, QueryTimings};

/// The engine's bounds and defaults.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How long a sample is the newest one of its series, in milliseconds.
    pub lookback_delta_ms: i64,
    /// At most so many samples in memory a query.
    pub max_samples: u64,
    /// At most so long a query.
    pub timeout: Duration,
    /// At most so many steps of a range query.
    pub max_steps: u64,
    /// At most so many series a selector; 0 for no bound.
    pub max_series: u64,
    /// The step of a subquery that names none, in milliseconds: the global evaluation interval.
    pub subquery_step_ms: i64,
    /// Counters say from when on they count, and functions of counters go by that where it is known.
    pub start_timestamps: bool,
    /// The names of metrics that no longer fit are removed at the very end, so that functions of labels still see them,
    /// and not by the node that makes them obsolete.
    pub delayed_name_removal: bool,
    /// At most so many bytes of memory a query; 0 for no bound.
    pub max_memory_bytes: u64,
    /// Threads that all queries together evaluate large selections on; with 0 or 1 each stays where it is asked for.
    pub threads: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            lookback_delta_ms: 300_000,
            max_samples: 50_000_000,
            timeout: Duration::from_secs(120),
            // As upstream, which speaks of 11,000 points and counts what lies between them.
            max_steps: 11_001,
            max_series: 0,
            subquery_step_ms: 60_000,
            start_timestamps: false,
            delayed_name_removal: false,
            max_memory_bytes: 0,
            threads: 0,
        }
    }
}

/// What one query brings with it.
#[derive(Debug, Clone, Default)]
pub struct QueryContext {
    /// Set to true when nobody waits for the answer any more.
    pub cancel: Arc<AtomicBool>,
    /// When the answer must be there, if sooner than the engine's timeout.
    pub deadline: Option<Instant>,
    /// A lookback other than the engine's, in milliseconds.
    pub lookback_delta_ms: Option<i64>,
    /// Up to this many milliseconds a number of the store may stand for instead of single samples, see
    /// [`SelectHints`](model::metrics::SelectHints).
    pub max_resolution_ms: i64,
    /// Whether to count samples by step, see [`QueryStats`](crate::QueryStats).
    pub stats: bool,
    /// The text of the query where a parsed expression is asked for: warnings tell the place in it.
    pub text: Option<Arc<str>>,
}

/// Evaluates queries. Holds nothing but its options and its threads; share it freely.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
    pool: Pool,
}

impl Engine {
    /// An engine with these bounds.
    pub fn new(options: EngineOptions) -> Engine {
        let pool = Pool::new(options.threads);
        Engine { options, pool }
    }

    /// The engine's bounds.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Parses and evaluates `query` at one time, in milliseconds since the epoch.
    ///
    /// # Errors
    /// Any [`QueryError`].
    pub fn instant(
        &self,
        store: &dyn MetricStore,
        query: &str,
        time_ms: i64,
        context: &QueryContext,
    ) -> Result<QueryResult, QueryError> {
        self.instant_expr(store, &parse(query)?, time_ms, &with_text(context, query))
    }

    /// Parses and evaluates `query` at `start_ms`, `start_ms + step_ms`, … up to `end_ms`.
    ///
    /// # Errors
    /// Any [`QueryError`].
    pub fn range(
        &self,
        store: &dyn MetricStore,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        context: &QueryContext,
    ) -> Result<QueryResult, QueryError> {
        self.range_expr(
            store,
            &parse(query)?,
            start_ms,
            end_ms,
            step_ms,
            &with_text(context, query),
        )
    }

    /// As [`Engine::instant`], of a parsed expression.
    ///
    /// # Errors
    /// Any [`QueryError`] but `Parse`, save of a duration that is computed.
    pub fn instant_expr(
        &self,
        store: &dyn MetricStore,
        expr: &Expr,
        time_ms: i64,
        context: &QueryContext,
    ) -> Result<QueryResult, QueryError> {
        let asked = Asked::Instant(time_ms);
        self.evaluate(store, expr, asked, context, false, |_, _, evaluate| evaluate())
    }

    /// As [`Engine::range`], of a parsed expression.
    ///
    /// # Errors
    /// Any [`QueryError`] but `Parse`, save of a duration that is computed.
    pub fn range_expr(
        &self,
        store: &dyn MetricStore,
        expr: &Expr,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        context: &QueryContext,
    ) -> Result<QueryResult, QueryError> {
        let asked = Asked::Range {
            start_ms,
            end_ms,
            step_ms,
        };
        self.evaluate(store, expr, asked, context, false, |_, _, evaluate| evaluate())
    }

    /// Lets `around` evaluate the query.
    fn evaluate(
        &self,
        store: &dyn MetricStore,
        expr: &Expr,
        asked: Asked,
        context: &QueryContext,
        record: bool,
        around: impl FnOnce(
            &Evaluator<'_>,
            &Expr,
            &dyn Fn() -> Result<Value, QueryError>,
        ) -> Result<Value, QueryError>,
    ) -> Result<QueryResult, QueryError> {
        let (steps, ends) = match asked {
            Asked::Instant(time_ms) => {
                let steps = Steps {
                    start_ms: time_ms,
                    step_ms: 1,
                    count: 1,
                };
                (steps, (time_ms, 0))
            }
            Asked::Range {
                start_ms,
                end_ms,
                step_ms,
            } => {
                let steps = self.steps(start_ms, end_ms, step_ms)?;
                check_range_type(expr.value_type())?;
                (steps, (end_ms, step_ms))
            }
        };
        self.query(store, expr, steps, ends, (context, record), |evaluator, expr| {
            around(evaluator, expr, &|| value(evaluator, expr, asked, steps))
        })
    }

    fn steps(&self, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Steps, QueryError> {
        if step_ms <= 0 {
            let text =
                "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(QueryError::Invalid(text.to_owned()));
        }
        if end_ms < start_ms {
            return Err(QueryError::Invalid(
                "end timestamp must not be before start time".to_owned(),
            ));
        }
        let count = end_ms.abs_diff(start_ms) / step_ms.unsigned_abs() + 1;
        if count > self.options.max_steps {
            let max = self.options.max_steps;
            return Err(QueryError::Invalid(format!(
                "exceeded maximum resolution of {max} points per timeseries. Try decreasing the query \
                 resolution (?step=XX)"
            )));
        }
        Ok(Steps {
            start_ms,
            step_ms,
            count: usize::try_from(count).unwrap_or(usize::MAX),
        })
    }

    fn query(
        &self,
        store: &dyn MetricStore,
        expr: &Expr,
        steps: Steps,
        (end_ms, step_ms): (i64, i64),
        (context, record): (&QueryContext, bool),
        evaluate: impl FnOnce(&Evaluator<'_>, &Expr) -> Result<Value, QueryError>,
    ) -> Result<QueryResult, QueryError> {
        let began = Instant::now();
        let times = durations::Times {
            step_ms,
            range_ms: end_ms.saturating_sub(steps.start_ms),
        };
        let expr = &*durations::resolve(expr, times)?;
        let defaults = Defaults {
            query_start_ms: steps.start_ms,
            query_end_ms: end_ms,
            query_step_ms: step_ms,
            lookback_ms: context
                .lookback_delta_ms
                .unwrap_or(self.options.lookback_delta_ms),
        };
        let (from, to) = expr
            .time_bounds(steps.start_ms, steps.last_ms(), &defaults)
            .unwrap_or((steps.start_ms, steps.start_ms));
        let snapshot: Arc<dyn MetricSnapshot> = store.snapshot(from, to)?;
        let mut evaluator = self.evaluator(&*snapshot, expr, steps, defaults, context);
        evaluator.recorder = record.then(Recorder::default);
        let prepared = Instant::now();
        let value = evaluate(&evaluator, expr)?;
        let peak_samples = evaluator.budget.peak();
        let counts = evaluator.stats.into_counts();
        let stats = counts.map(|counts| stats::told(&counts, peak_samples, steps, (began, prepared)));
        let (warnings, infos) = evaluator.annotations.finish(context.text.as_deref());
        Ok(QueryResult {
            value,
            warnings,
            infos,
            stats,
        })
    }

    fn evaluator<'q>(
        &self,
        snapshot: &'q dyn MetricSnapshot,
        expr: &Expr,
        steps: Steps,
        defaults: Defaults,
        context: &'q QueryContext,
    ) -> Evaluator<'q> {
        let timeout = Instant::now().checked_add(self.options.timeout);
        let deadline = [timeout, context.deadline].into_iter().flatten().min();
        let totals_only = totals::totals_only(expr);
        Evaluator {
            snapshot,
            defaults,
            subquery_step_ms: self.options.subquery_step_ms,
            max_series: self.options.max_series,
            start_timestamps: self.options.start_timestamps,
            delayed_name_removal: self.options.delayed_name_removal,
            max_resolution_ms: context.max_resolution_ms,
            budget: Budget::new(Limits {
                max_samples: self.options.max_samples,
                max_bytes: self.options.max_memory_bytes,
                deadline,
                cancel: context.cancel.clone(),
            }),
            annotations: Annotations::default(),
            pool: self.pool.clone(),
            stats: Tally::new(context.stats, steps),
            // A selector within histogram_count is another than the same one elsewhere.
            shared: Shared::new(expr, context.text.as_deref(), !totals_only.is_empty()),
            recorder: None,
            totals_only,
        }
    }
}

fn value(evaluator: &Evaluator<'_>, expr: &Expr, asked: Asked, steps: Steps) -> Result<Value, QueryError> {
    match asked {
        Asked::Instant(_) if expr.value_type() == ValueType::Matrix => {
            evaluator.matrix(expr, steps).map(Value::Matrix)
        }
        Asked::Instant(time_ms) => Ok(answer::instant_value(evaluator.top(expr, steps)?, time_ms)),
        Asked::Range { .. } => {
            let output = evaluator.top(expr, steps)?;
            Ok(Value::Matrix(answer::range_value(output, steps)))
        }
    }
}

fn check_range_type(value_type: ValueType) -> Result<(), QueryError> {
    if matches!(value_type, ValueType::Scalar | ValueType::Vector) {
        return Ok(());
    }
    let documented = value_type.documented();
    Err(QueryError::Invalid(format!(
        "invalid expression type \"{documented}\" for range query, must be Scalar or instant Vector"
    )))
}

fn with_text(context: &QueryContext, query: &str) -> QueryContext {
    QueryContext {
        text: Some(query.into()),
        ..context.clone()
    }
}

#[cfg(test)]
mod tests;
