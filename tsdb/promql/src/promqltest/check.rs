//! Evaluates an expression in all the ways in which it must give the same, and compares.

use model::Labels;
use model::metrics::{MetricStore, Sample};

use super::expect::Expect;
use super::pin::{pin, uses_query_ends};
use super::script::{Eval, When};
use crate::notation::SeriesValue;
use crate::numeric::almost_equal;
use crate::{
    Engine, Expr, InstantSample, QueryContext, QueryError, QueryResult, RangeSeries, SampleValue, Value,
};

/// Floats are equal within this share.
const EPSILON: f64 = 1e-6;

/// How far around an instant its range query goes, and in what step.
const AROUND_MS: i64 = 60_000;

/// Evaluates and compares.
pub(super) fn check(
    engine: &Engine,
    store: &dyn MetricStore,
    expr: &Expr,
    eval: &Eval,
) -> Result<(), String> {
    let context = QueryContext::default();
    match eval.when {
        When::Range {
            start_ms,
            end_ms,
            step_ms,
        } => {
            let result = engine.range_expr(store, expr, start_ms, end_ms, step_ms, &context);
            let Some(result) = expected_outcome(result, &eval.expect)? else {
                return Ok(());
            };
            let Value::Matrix(matrix) = result.value else {
                return Err(format!("expected a matrix, got {:?}", result.value));
            };
            let scalar = [(
                Labels::empty(),
                vec![SeriesValue::Float(eval.expect.scalar.unwrap_or(0.0))],
            )];
            let expected = if eval.expect.scalar.is_some() {
                &scalar[..]
            } else {
                &eval.expect.series
            };
            compare_matrix(&matrix, expected, start_ms, step_ms)
        }
        When::Instant(time_ms) => {
            let ask = |expr: &Expr, at: i64| engine.instant_expr(store, expr, at, &context);
            let Some(result) = expected_outcome(ask(expr, time_ms), &eval.expect)? else {
                return Ok(());
            };
            compare_instant(&result.value, &eval.expect)?;
            if let Some(pinned) = pin(expr, time_ms).filter(|_| !uses_query_ends(expr)) {
                for at in [-10 * time_ms, 0, time_ms / 5, time_ms, 10 * time_ms] {
                    let context = |e: String| format!("pinned to {time_ms}ms and asked at {at}ms: {e}");
                    if let Some(result) = expected_outcome(ask(&pinned, at), &eval.expect).map_err(context)?
                        && eval.expect.range.is_none()
                    {
                        compare_instant(&result.value, &eval.expect).map_err(context)?;
                    }
                }
            }
            check_around(engine, store, expr, eval, time_ms)
        }
    }
}

/// Checks that the instant is the middle of a range query.
fn check_around(
    engine: &Engine,
    store: &dyn MetricStore,
    expr: &Expr,
    eval: &Eval,
    time_ms: i64,
) -> Result<(), String> {
    let Expect {
        ordered,
        string,
        range,
        ..
    } = &eval.expect;
    if *ordered || string.is_some() || range.is_some() || uses_query_ends(expr) {
        return Ok(());
    }
    let context = |e: String| format!("as the middle of a range: {e}");
    let (start, end) = (time_ms - AROUND_MS, time_ms + AROUND_MS);
    let result = engine.range_expr(store, expr, start, end, AROUND_MS, &QueryContext::default());
    let Value::Matrix(matrix) = result.map_err(|e| context(e.to_string()))?.value else {
        return Err(context("expected a matrix".to_owned()));
    };
    let middle = |series: RangeSeries| {
        let value = series.floats().find(|s| s.timestamp_ms == time_ms)?.value;
        Some(InstantSample {
            labels: series.labels,
            timestamp_ms: time_ms,
            value: SampleValue::Float(value),
        })
    };
    let middle: Vec<InstantSample> = matrix.into_iter().filter_map(middle).collect();
    let value = match (eval.expect.scalar, middle.first()) {
        (
            Some(_),
            Some(InstantSample {
                value: SampleValue::Float(value),
                ..
            }),
        ) => Value::Scalar(Sample {
            timestamp_ms: time_ms,
            value: *value,
        }),
        _ => Value::Vector(middle),
    };
    compare_instant(&value, &eval.expect).map_err(context)
}

/// The result where one is expected; nothing where the expected error came.
fn expected_outcome(
    result: Result<QueryResult, QueryError>,
    expect: &Expect,
) -> Result<Option<QueryResult>, String> {
    match result {
        Err(error) if expect.fails_with(&error.to_string()) => Ok(None),
        Err(error) => Err(format!("unexpected error: {error}")),
        Ok(result) if expect.fails() => Err(format!("expected an error, got {:?}", result.value)),
        Ok(result) => {
            expect.check_annotations(&result.warnings, &result.infos)?;
            Ok(Some(result))
        }
    }
}

fn compare_instant(value: &Value, expect: &Expect) -> Result<(), String> {
    let same = match (value, &expect.string, expect.scalar) {
        (Value::String { value, .. }, Some(expected), _) => value == expected,
        (Value::Scalar(sample), None, Some(expected)) => almost_equal(sample.value, expected, EPSILON),
        (Value::Matrix(matrix), None, None) => {
            let (start, step) = expect.range.ok_or("got a range vector, expected none")?;
            return compare_matrix(matrix, &expect.series, start, step);
        }
        (Value::Vector(vector), None, None) => return compare_vector(vector, expect),
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("got {value:?}"))
    }
}

fn compare_vector(vector: &[InstantSample], expect: &Expect) -> Result<(), String> {
    for (i, sample) in vector.iter().enumerate() {
        let found = expect
            .series
            .iter()
            .position(|(labels, _)| *labels == sample.labels);
        let Some((at, (_, values))) = found.and_then(|at| Some((at, expect.series.get(at)?))) else {
            return Err(format!("unexpected series {} {:?}", sample.labels, sample.value));
        };
        if expect.ordered && at != i {
            return Err(format!("{} is at position {i}, expected at {at}", sample.labels));
        }
        match values.as_slice() {
            [SeriesValue::Float(x)]
                if sample
                    .value
                    .float()
                    .is_some_and(|got| almost_equal(got, *x, EPSILON)) => {}
            other => {
                return Err(format!(
                    "{} is {:?}, expected {other:?}",
                    sample.labels, sample.value
                ));
            }
        }
    }
    let missing = expect
        .series
        .iter()
        .find(|(labels, _)| !vector.iter().any(|s| s.labels == *labels));
    match missing {
        Some((labels, values)) => Err(format!("missing series {labels} {values:?}")),
        None => Ok(()),
    }
}

fn compare_matrix(
    matrix: &[RangeSeries],
    expected: &[(Labels, Vec<SeriesValue>)],
    start_ms: i64,
    step_ms: i64,
) -> Result<(), String> {
    for series in matrix {
        let Some((labels, values)) = expected.iter().find(|(labels, _)| *labels == series.labels) else {
            return Err(format!("unexpected series {} {:?}", series.labels, series.values));
        };
        compare_samples(series, values, start_ms, step_ms).map_err(|e| format!("{labels}: {e}"))?;
    }
    let absent = |labels: &Labels| !matrix.iter().any(|s| s.labels == *labels);
    let expects_samples = |values: &[SeriesValue]| values.iter().any(|v| *v != SeriesValue::Gap);
    match expected
        .iter()
        .find(|(labels, values)| absent(labels) && expects_samples(values))
    {
        Some((labels, values)) => Err(format!("missing series {labels} {values:?}")),
        None => Ok(()),
    }
}

fn compare_samples(
    series: &RangeSeries,
    expected: &[SeriesValue],
    start_ms: i64,
    step_ms: i64,
) -> Result<(), String> {
    let times = (0..).map(|i: i64| start_ms + i * step_ms);
    let mut left = series.floats().peekable();
    for (time, expected) in times.zip(expected) {
        let got = left.next_if(|s| s.timestamp_ms == time).map(|s| s.value);
        let same = match (got, expected) {
            (None, SeriesValue::Gap) => true,
            (Some(got), SeriesValue::Float(x)) => almost_equal(got, *x, EPSILON),
            _ => false,
        };
        if !same {
            return Err(format!(
                "at {time}ms is {got:?}, expected {expected:?}; all: {:?}",
                series.values
            ));
        }
    }
    match left.next() {
        Some(more) => Err(format!(
            "unexpected sample {} at {}ms",
            more.value, more.timestamp_ms
        )),
        None => Ok(()),
    }
}
