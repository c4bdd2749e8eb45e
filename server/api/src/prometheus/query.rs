//! `query`, `query_range` and `query_explain`.
//!
//! A query runs on the query pool, and its answer is written there. It ends early when its client hangs up, when its time
//! is over, or when it would take more than it may.

mod active;
mod answer;
mod explain;
mod expression;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Extension, State};
use axum::http::{Method, Uri};
use axum::response::Response;
use promql::{Expr, QueryContext, QueryError};

use super::PrometheusState;
use super::envelope::{ApiError, ErrorType};
use super::params::Params;
use crate::Client;
use crate::queries::{Asked, Outcome};
use answer::Shape;

pub(super) use active::active;
pub(super) use explain::explain;
pub(super) use expression::{format, parse};

/// More steps than this in one range query are refused, as Prometheus does.
const MAX_STEPS: i64 = 11_000;

/// Who asks, for the logs.
pub(super) type Origin = (Method, Uri, Option<Extension<Client>>);

/// `GET|POST /query`
pub(super) async fn instant(
    State(state): State<PrometheusState>,
    method: Method,
    uri: Uri,
    client: Option<Extension<Client>>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let time_ms = params.time_ms("time", state.clock.now_ms())?;
    let asked = asked(&params, (method, uri, client), (time_ms, time_ms, 0));
    let (engine, metrics) = (Arc::clone(&state.engine), Arc::clone(&state.metrics));
    let results = may_be_kept(&params)?.then(|| Arc::clone(&state.results));
    let work = move |expr: &Expr, context: &QueryContext| match results {
        Some(results) => results.instant_expr(&engine, &*metrics, expr, time_ms, context),
        None => engine.instant_expr(&*metrics, expr, time_ms, context),
    };
    let shape = Shape::new(&params, limit, state.per_step_stats);
    run(&state, &params, asked, shape, work).await
}

/// `GET|POST /query_range`
pub(super) async fn range(
    State(state): State<PrometheusState>,
    method: Method,
    uri: Uri,
    client: Option<Extension<Client>>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.limit()?;
    let (start_ms, end_ms, step_ms) = steps(&params)?;
    let asked = asked(&params, (method, uri, client), (start_ms, end_ms, step_ms));
    let (engine, metrics) = (Arc::clone(&state.engine), Arc::clone(&state.metrics));
    let results = may_be_kept(&params)?.then(|| Arc::clone(&state.results));
    let work = move |expr: &Expr, context: &QueryContext| match results {
        Some(results) => results.range_expr(&engine, &*metrics, expr, start_ms, end_ms, step_ms, context),
        None => engine.range_expr(&*metrics, expr, start_ms, end_ms, step_ms, context),
    };
    let shape = Shape::new(&params, limit, state.per_step_stats);
    run(&state, &params, asked, shape, work).await
}

/// Whether an answer may be one of before: not if `nocache` says no, as VictoriaMetrics spells it, nor where the question is
/// what answering costs.
fn may_be_kept(params: &Params) -> Result<bool, ApiError> {
    let nocache = match params.get("nocache") {
        None | Some("" | "0" | "false") => false,
        Some("1" | "true") => true,
        Some(other) => {
            let why = format!("cannot parse {other:?} to a boolean");
            return Err(ApiError::parameter("nocache", why));
        }
    };
    Ok(!nocache && params.get("stats").is_none_or(str::is_empty))
}

/// Start, end and step of a range query.
fn steps(params: &Params) -> Result<(i64, i64, i64), ApiError> {
    let start_ms = params.required_time_ms("start")?;
    let end_ms = params.required_time_ms("end")?;
    if end_ms < start_ms {
        let why = "end timestamp must not be before start time";
        return Err(ApiError::parameter("end", why));
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
        return Err(ApiError::new(ErrorType::BadData, why));
    }
    Ok((start_ms, end_ms, step_ms))
}

fn asked(
    params: &Params,
    (method, uri, client): Origin,
    (start_ms, end_ms, step_ms): (i64, i64, i64),
) -> Asked {
    Asked {
        query: params.get("query").unwrap_or("").into(),
        start_ms,
        end_ms,
        step_ms,
        client: client.map(|Extension(Client(address))| address),
        method: method.to_string(),
        path: uri.path().to_owned(),
    }
}

/// What becomes of what a query gives: a line in the logs and an answer.
trait Telling<T>: Send + 'static {
    /// What the logs say of the query, which waited so long for its turn.
    fn outcome(&self, result: &Result<T, QueryError>, queued: Duration) -> Outcome;
    /// The answer to the client.
    fn answer(&self, result: T, queued: Duration) -> Response;
}

/// Runs a query on the query pool and writes its answer there.
async fn run<T>(
    state: &PrometheusState,
    params: &Params,
    asked: Asked,
    telling: impl Telling<T>,
    work: impl FnOnce(&Expr, &QueryContext) -> Result<T, QueryError> + Send + 'static,
) -> Result<Response, ApiError> {
    let mut timeout = state.query_timeout;
    if let Some(ms) = params.duration_ms("timeout")? {
        timeout = timeout.min(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
    }
    let began = Instant::now();
    let cancel = CancelOnDrop(Arc::default());
    let context = QueryContext {
        cancel: Arc::clone(&cancel.0),
        deadline: Some(began + timeout),
        lookback_delta_ms: lookback_delta_ms(params)?,
        max_resolution_ms: params.max_resolution_ms(asked.step_ms)?,
        text: Some(Arc::clone(&asked.query)),
        stats: params.get("stats").is_some() || state.journal.logs(),
    };
    let journal = Arc::clone(&state.journal);
    let options = state.parser;
    let answer = move || {
        let queued = began.elapsed();
        let expr = promql::parse_with(&asked.query, &options)?;
        let entry = journal.begin(asked);
        let result = work(&expr, &context);
        entry.finish(&telling.outcome(&result, queued));
        Ok(telling.answer(result?, queued))
    };
    state.pool.run(answer).await?
}

/// The parameter `lookback_delta`; what is wrong with it is told as Prometheus tells it.
fn lookback_delta_ms(params: &Params) -> Result<Option<i64>, ApiError> {
    let given = params.duration("lookback_delta").map_err(|why| {
        let why = format!("error parsing lookback delta duration: {why}");
        ApiError::new(ErrorType::BadData, why)
    })?;
    // As if it were not given.
    Ok(given.filter(|ms| *ms > 0))
}

/// The future of a request is dropped when its client hangs up.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
