//! Evaluates an expression in all the ways in which it must give the same.

use super::compare;
use super::pin::pin;
use super::script::{Eval, Times, When};
use crate::memory::MemoryStore;
use crate::{Engine, Expr, QueryContext, QueryError, QueryResult, Value};

/// How far around an instant its range query goes, and in what step.
const AROUND_MS: i64 = 60_000;

/// Evaluates and compares.
pub(super) fn check(engine: &Engine, store: &MemoryStore, expr: &Expr, eval: &Eval) -> Result<(), String> {
    let context = QueryContext {
        text: Some(eval.query.as_str().into()),
        ..QueryContext::default()
    };
    let run = Run {
        engine,
        store,
        eval,
        context,
    };
    match eval.when {
        When::Range(times) => run.range(expr, times),
        When::Instant(at) => run.instants(expr, eval.expect.range.map_or(at, |times| times.end_ms)),
    }
}

struct Run<'a> {
    engine: &'a Engine,
    store: &'a MemoryStore,
    eval: &'a Eval,
    context: QueryContext,
}

impl Run<'_> {
    fn range(&self, expr: &Expr, times: Times) -> Result<(), String> {
        match self.outcome(self.ask_range(expr, times))? {
            Some(Value::Matrix(matrix)) => compare::matrix(&matrix, &self.eval.expect, times),
            Some(other) => Err(format!("expected a matrix, got {other:?}")),
            None => Ok(()),
        }
    }

    fn instants(&self, expr: &Expr, time_ms: i64) -> Result<(), String> {
        self.instant(expr, time_ms)?;
        let Some(pinned) = pin(expr, time_ms) else {
            return Ok(());
        };
        let times: &[i64] = match time_ms {
            0 => &[-1000, 0, 1000],
            t => &[-10 * t, 0, t / 5, t, 10 * t],
        };
        let context = |at: i64, e| format!("pinned to {time_ms}ms and asked at {at}ms: {e}");
        times
            .iter()
            .try_for_each(|&at| self.instant(&pinned, at).map_err(|e| context(at, e)))
    }

    fn instant(&self, expr: &Expr, at: i64) -> Result<(), String> {
        let result = self.engine.instant_expr(self.store, expr, at, &self.context);
        let Some(value) = self.outcome(result)? else {
            return Ok(());
        };
        let expect = &self.eval.expect;
        compare::value(&value, expect)?;
        if expect.string.is_some() || expect.range.is_some() || uses_query_times(&self.eval.query) {
            return Ok(());
        }
        self.around(expr, at)
            .map_err(|e| format!("as the middle of a range: {e}"))
    }

    /// Checks that the instant is the middle of a range query.
    fn around(&self, expr: &Expr, at: i64) -> Result<(), String> {
        let times = Times {
            start_ms: at - AROUND_MS,
            end_ms: at + AROUND_MS,
            step_ms: AROUND_MS,
        };
        let Value::Matrix(matrix) = self.ask_range(expr, times).map_err(|e| e.to_string())?.value else {
            return Err("expected a matrix".to_owned());
        };
        // A range is sorted by labels, whatever the expression says.
        if self.eval.expect.ordered {
            return Ok(());
        }
        compare::middle(&matrix, at, &self.eval.expect)
    }

    fn ask_range(&self, expr: &Expr, times: Times) -> Result<QueryResult, QueryError> {
        let Times {
            start_ms,
            end_ms,
            step_ms,
        } = times;
        self.engine
            .range_expr(self.store, expr, start_ms, end_ms, step_ms, &self.context)
    }

    /// The value where one is expected; nothing where the expected error came.
    fn outcome(&self, result: Result<QueryResult, QueryError>) -> Result<Option<Value>, String> {
        let expect = &self.eval.expect;
        match result {
            Err(error) if expect.fails_with(&error.to_string()) => Ok(None),
            Err(error) => Err(format!("unexpected error: {error}")),
            Ok(result) if expect.fails() => Err(format!("expected an error, got {:?}", result.value)),
            Ok(result) => {
                expect.check_annotations(&result.warnings, &result.infos)?;
                Ok(Some(result.value))
            }
        }
    }
}

/// Whether a query asks for its own times, which are others in a range query.
fn uses_query_times(query: &str) -> bool {
    let calls = ["start()", "end()", "range()", "step()"];
    calls.iter().any(|call| query.contains(call))
}
