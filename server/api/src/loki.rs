//! Loki's read API over the log store, and the console's log search.

use std::sync::Arc;

use axum::Router;
use model::logs::LogStore;

use crate::Pool;

/// What the surface needs.
#[derive(Clone)]
pub struct LokiState {
    /// Whom to ask.
    pub logs: Arc<dyn LogStore>,
    /// Where store calls run.
    pub pool: Pool,
    /// Where the time comes from.
    pub clock: Arc<dyn model::Clock>,
}

/// The routes under `/loki/api/v1` and `/api/v1/logs`.
pub fn routes(state: LokiState) -> Router {
    Router::new().with_state(state)
}
