//! What an administrator may do to the series: Prometheus' `/api/v1/admin/tsdb`, only where the server was told to allow it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use ::tsdb::Tsdb;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use model::Clock;
use serde::Serialize;

use crate::Pool;
use crate::prometheus::envelope::{ApiError, ErrorType, success};
use crate::prometheus::params::Params;

/// What the surface needs.
#[derive(Clone)]
pub struct AdminState {
    /// The store of series.
    pub tsdb: Arc<Tsdb>,
    /// Where the work is done: a pool of its own, for it can take minutes.
    pub pool: Pool,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Whether any of it is allowed.
    pub enabled: bool,
}

/// The routes, under `/api/v1/admin/tsdb`.
pub fn routes(state: AdminState) -> Router {
    Router::new()
        .route(
            "/api/v1/admin/tsdb/delete_series",
            post(delete_series).put(delete_series),
        )
        .route(
            "/api/v1/admin/tsdb/clean_tombstones",
            post(clean_tombstones).put(clean_tombstones),
        )
        .route("/api/v1/admin/tsdb/snapshot", post(snapshot).put(snapshot))
        .with_state(state)
}

impl AdminState {
    fn check(&self) -> Result<(), ApiError> {
        match self.enabled {
            true => Ok(()),
            false => Err(ApiError::new(ErrorType::Unavailable, "admin APIs disabled")),
        }
    }
}

/// `POST|PUT /delete_series?match[]=&start=&end=`: the samples are gone for whoever asks after the answer.
async fn delete_series(State(state): State<AdminState>, params: Params) -> Result<Response, ApiError> {
    state.check()?;
    let sets = params.matcher_sets()?;
    if sets.is_empty() {
        return Err(ApiError::new(ErrorType::BadData, "no match[] parameter provided"));
    }
    let start_ms = params.time_ms("start", i64::MIN)?;
    let end_ms = params.time_ms("end", i64::MAX)?;
    let work = move || state.tsdb.delete_series(&sets, start_ms, end_ms);
    state.pool.run(work).await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST|PUT /clean_tombstones`: what was deleted goes from disk before the answer.
async fn clean_tombstones(State(state): State<AdminState>) -> Result<Response, ApiError> {
    state.check()?;
    let cleaned = state.pool.run(move || state.tsdb.clean_tombstones()).await??;
    tracing::info!(blocks = cleaned, "deleted samples were taken out of blocks");
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize)]
struct Taken {
    name: String,
}

/// `POST|PUT /snapshot?skip_head=`: answers with the name of the folder below `metrics/snapshots`.
async fn snapshot(State(state): State<AdminState>, params: Params) -> Result<Response, ApiError> {
    state.check()?;
    let skip_head = params
        .get("skip_head")
        .map_or(Ok(false), parse_bool)
        .map_err(|why| ApiError::parameter("skip_head", why))?;
    let name = snapshot_name(state.clock.now_ms());
    let folder = name.clone();
    let work = move || state.tsdb.snapshot_to(&folder, skip_head);
    state.pool.run(work).await??;
    Ok(success(&Taken { name }))
}

/// A truth value in the spellings of Go's `strconv.ParseBool`.
fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!(
            "unable to parse boolean: strconv.ParseBool: parsing {text:?}: invalid syntax"
        )),
    }
}

/// Time and chance, as Prometheus names its snapshots.
fn snapshot_name(now_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let chance = RandomState::new().build_hasher().finish();
    format!("{}-{chance:016x}", time.strftime("%Y%m%dT%H%M%SZ"))
}

#[cfg(test)]
mod tests;
