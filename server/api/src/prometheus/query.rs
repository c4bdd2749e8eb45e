//! `query`, `query_range` and `format_query`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use promql::{QueryContext, QueryResult, Value};

use super::envelope::{ApiError, success, success_raw};
use super::params::Params;
use super::{PrometheusState, json};

/// More steps than this in one range query are refused, as Prometheus does.
const MAX_STEPS: i64 = 11_000;

/// `GET|POST /query`
pub(super) async fn instant(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let time_ms = params.time_ms("time", state.clock.now_ms())?;
    let query = params.get("query").unwrap_or("").to_owned();
    let limit = params.limit()?;
    let engine = Arc::clone(&state.engine);
    let metrics = Arc::clone(&state.metrics);
    let work = move |ctx: &QueryContext| engine.instant(&*metrics, &query, time_ms, ctx);
    run(&state, &params, 0, limit, work).await
}

/// `GET|POST /query_range`
pub(super) async fn range(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let start_ms = params.required_time_ms("start")?;
    let end_ms = params.required_time_ms("end")?;
    if end_ms < start_ms {
        return Err(ApiError::parameter(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step_ms = params
        .duration_ms("step")?
        .ok_or_else(|| ApiError::parameter("step", "cannot parse \"\" to a valid duration"))?;
    if step_ms <= 0 {
        let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(ApiError::parameter("step", why));
    }
    if (end_ms - start_ms) / step_ms > MAX_STEPS {
        let why = "exceeded maximum resolution of 11,000 points per timeseries. \
                   Try decreasing the query resolution (?step=XX)";
        return Err(ApiError::new(super::envelope::ErrorType::BadData, why));
    }
    let query = params.get("query").unwrap_or("").to_owned();
    let limit = params.limit()?;
    let engine = Arc::clone(&state.engine);
    let metrics = Arc::clone(&state.metrics);
    let work = move |ctx: &QueryContext| engine.range(&*metrics, &query, start_ms, end_ms, step_ms, ctx);
    run(&state, &params, step_ms, limit, work).await
}

/// Runs a query on the query pool and writes its answer there, for it can be large. It is cancelled when the client hangs up or the timeout passes.
async fn run(
    state: &PrometheusState,
    params: &Params,
    step_ms: i64,
    limit: usize,
    work: impl FnOnce(&QueryContext) -> Result<QueryResult, promql::QueryError> + Send + 'static,
) -> Result<Response, ApiError> {
    let mut timeout = state.query_timeout;
    if let Some(ms) = params.duration_ms("timeout")? {
        timeout = timeout.min(Duration::from_millis(ms.unsigned_abs()));
    }
    let cancel = CancelOnDrop(Arc::default());
    let context = QueryContext {
        cancel: Arc::clone(&cancel.0),
        deadline: Some(Instant::now() + timeout),
        lookback_delta_ms: params.duration_ms("lookback_delta")?,
        max_resolution_ms: params.max_resolution_ms(step_ms)?,
        text: params.get("query").map(Into::into),
    };
    let answer = move || work(&context).map(|result| answer(result, limit));
    Ok(state.pool.run(answer).await??)
}

/// The future of a request is dropped when its client hangs up.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn answer(mut result: QueryResult, limit: usize) -> Response {
    if limit > 0 {
        let cut = match &mut result.value {
            Value::Vector(samples) if samples.len() > limit => {
                samples.truncate(limit);
                true
            }
            Value::Matrix(series) if series.len() > limit => {
                series.truncate(limit);
                true
            }
            _ => false,
        };
        if cut {
            result.warnings.push("results truncated due to limit".to_owned());
        }
    }
    success_raw(&json::value(&result.value), &result.warnings, &result.infos)
}

/// `GET|POST /format_query`
pub(super) async fn format(params: Params) -> Result<Response, ApiError> {
    let expr = promql::parse(params.get("query").unwrap_or(""))?;
    Ok(success(&expr.to_string()))
}
