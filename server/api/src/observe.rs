//! Masthead's own metrics: `/metrics`, and the middleware that counts requests.
//!
//! Names are Prometheus' where the thing is the same, so that dashboards made for Prometheus show Masthead too.

mod exposition;
mod families;
mod process;
mod requests;

use std::sync::Arc;

use alertmanager::notifications::Notifications;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use collector::scrape::ScrapeManager;
use log_indexer::Logs;
use prometheus_client::registry::Registry;
use promql::cache::ResultsCache;
use traces::Traces;
use tsdb::Tsdb;

use crate::Pool;
use crate::status::ServerInfo;
use exposition::Format;

pub use requests::Requests;

/// Whose numbers are shown.
#[derive(Clone)]
pub struct ObserveState {
    /// Series.
    pub tsdb: Arc<Tsdb>,
    /// Answers that are kept.
    pub results: Arc<ResultsCache>,
    /// Spans.
    pub spans: Arc<Traces>,
    /// Lines.
    pub logs: Arc<Logs>,
    /// Targets.
    pub targets: Arc<ScrapeManager>,
    /// Rules.
    pub rules: Arc<alertmanager::rules::Manager>,
    /// The notifications in force, which a reload can change.
    pub notifications: Arc<dyn Fn() -> Option<Arc<Notifications>> + Send + Sync>,
    /// Configuration and start.
    pub server: Arc<ServerInfo>,
    /// Counts of requests.
    pub requests: Arc<Requests>,
    /// Where the page is written: not where queries run, that it can be read when they are stuck.
    pub pool: Pool,
}

/// The route `/metrics`, in OpenMetrics or in Prometheus' text format, whichever the client would rather have.
pub fn routes(state: ObserveState) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(state)
}

async fn metrics(State(state): State<ObserveState>, headers: HeaderMap) -> Response {
    let format = Format::negotiate(&headers);
    let pool = state.pool.clone();
    let text = pool.run(move || {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(families::Families::gather(&state)));
        state.requests.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).map(|()| format.write(text))
    });
    match text.await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Ok(Err(error)) => crate::prometheus::envelope::ApiError::new(
            crate::prometheus::envelope::ErrorType::Internal,
            error.to_string(),
        )
        .into_response(),
        Err(error) => crate::prometheus::envelope::ApiError::from(error).into_response(),
    }
}
