//! Loki's read API over the log store, and the console's log search.
//!
//! Loki's part answers as Loki does where its clients (Grafana, logcli) look: parameters, the shape of streams, errors as
//! plain text. Of LogQL it takes stream selectors with line filters; the rest is refused with its name and place. The
//! search part speaks Prometheus' envelope and adds what LogQL lacks: words, trace ids and pages.

mod error;
mod labels;
mod params;
mod query;
mod search;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use model::logs::LogStore;

use crate::{Pool, PoolError};

/// What the surface needs.
#[derive(Clone)]
pub struct LokiState {
    /// Whom to ask.
    pub logs: Arc<dyn LogStore>,
    /// Where store calls run.
    pub pool: Pool,
    /// No question takes longer, as far as the client waits.
    pub query_timeout: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn model::Clock>,
}

/// The routes under `/loki/api/v1` and `/api/v1/logs`.
pub fn routes(state: LokiState) -> Router {
    Router::new()
        .route("/loki/api/v1/query", get(query::instant).post(query::instant))
        .route("/loki/api/v1/query_range", get(query::range).post(query::range))
        .route("/loki/api/v1/labels", get(labels::names).post(labels::names))
        // What it was called first; Loki takes it still.
        .route("/loki/api/v1/label", get(labels::names).post(labels::names))
        .route(
            "/loki/api/v1/label/{name}/values",
            get(labels::values).post(labels::values),
        )
        .route("/loki/api/v1/series", get(labels::series).post(labels::series))
        .route("/loki/api/v1/status/buildinfo", get(labels::build_info))
        .route("/api/v1/logs/search", get(search::search).post(search::search))
        .route("/api/v1/logs/counts", get(search::counts).post(search::counts))
        .with_state(state)
}

impl LokiState {
    /// Asks the store on the query pool. The answer is written there too: it can be large.
    async fn ask<E: From<PoolError> + Send + 'static>(
        &self,
        question: impl FnOnce(&dyn LogStore) -> Result<Response, E> + Send + 'static,
    ) -> Result<Response, E> {
        let logs = Arc::clone(&self.logs);
        let work = move || question(&*logs);
        self.pool.run_within(self.query_timeout, work).await?
    }
}

#[cfg(test)]
mod tests;
