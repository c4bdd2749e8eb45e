//! Jaeger's query API over the span store.

use std::sync::Arc;

use axum::Router;
use model::spans::SpanStore;

use crate::Pool;

/// What the surface needs.
#[derive(Clone)]
pub struct JaegerState {
    /// Whom to ask.
    pub spans: Arc<dyn SpanStore>,
    /// Where store calls run.
    pub pool: Pool,
}

/// The routes under `/api` that Jaeger's UI and Grafana's Jaeger data source call.
pub fn routes(state: JaegerState) -> Router {
    Router::new().with_state(state)
}
