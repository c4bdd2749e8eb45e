//! `metadata`: what metric families say of themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::metrics::MetricStore;
use serde::Serialize;

use super::PrometheusState;
use super::envelope::{ApiError, success};
use super::params::Params;

#[derive(Serialize)]
struct Entry {
    #[serde(rename = "type")]
    metric_type: &'static str,
    help: String,
    unit: String,
}

/// `GET /metadata?metric=&limit=&limit_per_metric=`
pub(super) async fn metadata(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = match params.get("limit") {
        None => usize::MAX,
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::parameter("limit", "limit must be a number"))?,
    };
    let per_metric = match params.get("limit_per_metric") {
        None => usize::MAX,
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::parameter("limit_per_metric", "limit_per_metric must be a number"))?,
    };
    let wanted = params.get("metric").map(str::to_owned);
    let metrics = Arc::clone(&state.metrics);
    let work = move || success(&families(&*metrics, wanted.as_deref(), limit, per_metric));
    Ok(state.pool.run_within(state.query_timeout, work).await?)
}

fn families(
    metrics: &dyn MetricStore,
    wanted: Option<&str>,
    limit: usize,
    per_metric: usize,
) -> BTreeMap<String, Vec<Entry>> {
    let mut families: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for (family, of) in metrics.metadata() {
        if wanted.is_some_and(|wanted| wanted != family) {
            continue;
        }
        let known = families.contains_key(&family);
        if !known && families.len() >= limit {
            continue;
        }
        let entries = families.entry(family).or_default();
        if entries.len() < per_metric {
            entries.push(Entry {
                metric_type: of.metric_type.as_str(),
                help: of.help,
                unit: of.unit,
            });
        }
    }
    families
}
