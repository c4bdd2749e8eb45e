//! Prometheus' HTTP API over the series: queries, series, labels, metadata, federation.
//!
//! The answers are Prometheus' to the byte where clients look: the envelope, error types and status codes, floats and
//! timestamps. What it says of itself (targets, rules, status) is in [`crate::status`].

pub mod envelope;
mod exemplars;
mod federate;
pub mod json;
mod metadata;
pub mod params;
mod query;
mod read;
mod series;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use model::exemplar::ExemplarStore;
use model::metrics::MetricStore;
use model::{Clock, Labels};
use parking_lot::RwLock;
use promql::cache::ResultsCache;
use promql::{Engine, ParserOptions};

use crate::Pool;
use crate::queries::Journal;
pub use read::ReadOptions;

/// What the surface needs.
#[derive(Clone)]
pub struct PrometheusState {
    /// Whom to ask.
    pub metrics: Arc<dyn MetricStore>,
    /// Who has the exemplars.
    pub exemplars: Arc<dyn ExemplarStore>,
    /// Who evaluates.
    pub engine: Arc<Engine>,
    /// Answers to queries, for whoever asks again.
    pub results: Arc<ResultsCache>,
    /// What of the language is allowed.
    pub parser: ParserOptions,
    /// Whether `stats=all` tells of each step.
    pub per_step_stats: bool,
    /// Where queries run.
    pub pool: Pool,
    /// Who is told of queries.
    pub journal: Arc<Journal>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// No query takes longer.
    pub query_timeout: Duration,
    /// What federation adds to series that lack it; a reload can change it.
    pub external_labels: Arc<RwLock<Labels>>,
    /// What bounds remote read.
    pub read: ReadOptions,
    /// How far back federation looks for a newest sample, milliseconds.
    pub lookback_delta_ms: i64,
}

/// The routes, under `/api/v1` and `/federate`.
pub fn routes(state: PrometheusState) -> Router {
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route(
            "/api/v1/query_exemplars",
            get(exemplars::exemplars).post(exemplars::exemplars),
        )
        .route("/api/v1/format_query", get(query::format).post(query::format))
        .route("/api/v1/parse_query", get(query::parse).post(query::parse))
        .route("/api/v1/query_explain", get(query::explain).post(query::explain))
        .route("/api/v1/status/active_queries", get(query::active))
        .route("/api/v1/series", get(series::series).post(series::series))
        .route("/api/v1/labels", get(series::labels).post(series::labels))
        .route("/api/v1/label/{name}/values", get(series::label_values))
        .route("/api/v1/metadata", get(metadata::metadata))
        .route("/api/v1/read", post(read::read))
        .route("/federate", get(federate::federate))
        .with_state(state)
}

#[cfg(test)]
mod tests;
