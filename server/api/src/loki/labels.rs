//! `/loki/api/v1/labels`, `label/{name}/values`, `series`, and what the server says of itself.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use log_indexer::logql;
use model::logs::LogStore;
use model::{Labels, Matcher};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::LokiError;
use super::streams::LabelMap;
use super::{LokiState, params, query};
use crate::prometheus::envelope::ApiError;
use crate::prometheus::params::Params;

pub(super) async fn names(
    State(state): State<LokiState>,
    params: Result<Params, ApiError>,
) -> Result<Response, LokiError> {
    let params = params?;
    let range = params::range(&params, state.clock.now_ns(), params::LABELS_SINCE_MS)?;
    let matchers = selector(&params)?;
    let ask = move |logs: &dyn LogStore| {
        if matchers.is_empty() {
            return success(&logs.labels(range.start_ns, range.end_ns)?);
        }
        let series = logs.series(&matchers, range.start_ns, range.end_ns)?;
        let names = series
            .iter()
            .flat_map(|labels| labels.iter().map(|(name, _)| name));
        success(&names.collect::<BTreeSet<_>>())
    };
    state.ask(ask).await
}

pub(super) async fn values(
    State(state): State<LokiState>,
    Path(name): Path<String>,
    params: Result<Params, ApiError>,
) -> Result<Response, LokiError> {
    let params = params?;
    let range = params::range(&params, state.clock.now_ns(), params::LABELS_SINCE_MS)?;
    let matchers = selector(&params)?;
    let ask = move |logs: &dyn LogStore| {
        success(&logs.label_values(&name, &matchers, range.start_ns, range.end_ns)?)
    };
    state.ask(ask).await
}

/// The matchers of the parameter `query`, none without it.
fn selector(params: &Params) -> Result<Vec<Matcher>, LokiError> {
    Ok(params
        .get("query")
        .map_or(Ok(Vec::new()), logql::parse_selector)?)
}

pub(super) async fn series(
    State(state): State<LokiState>,
    params: Result<Params, ApiError>,
) -> Result<Response, LokiError> {
    let params = params?;
    let range = params::range(&params, state.clock.now_ns(), params::LABELS_SINCE_MS)?;
    let texts = params
        .all("match[]")
        .chain(params.all("match"))
        .filter(|text| !text.is_empty());
    let mut sets = texts.map(logql::parse_selector).collect::<Result<Vec<_>, _>>()?;
    if sets.is_empty() {
        sets.push(Vec::new());
    }
    let ask = move |logs: &dyn LogStore| {
        let mut series: BTreeSet<Labels> = BTreeSet::new();
        for matchers in &sets {
            series.extend(logs.series(matchers, range.start_ns, range.end_ns)?);
        }
        success(&series.iter().map(LabelMap).collect::<Vec<_>>())
    };
    state.ask(ask).await
}

/// As Loki's, without an envelope.
pub(super) async fn build_info() -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

fn success<T: Serialize>(data: &T) -> Result<Response, LokiError> {
    #[derive(Serialize)]
    struct Success<'a, T> {
        status: &'static str,
        data: &'a T,
    }
    serde_json::to_string(&Success {
        status: "success",
        data,
    })
    .map(query::json)
    .map_err(|e| LokiError::bad_request(e.to_string()))
}
