//! What Masthead says of itself under `/api/v1`: targets, rules, alerts, and `status/*`.

mod build;
mod health;
mod rules;
mod server;
mod targets;
mod tsdb;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use collector::scrape::ScrapeManager;
use model::Clock;

use crate::Pool;

pub use health::Lifecycle;
pub use server::{ConfigStatus, ServerInfo};

/// What the surface needs.
#[derive(Clone)]
pub struct StatusState {
    /// Who scrapes.
    pub targets: Arc<ScrapeManager>,
    /// Who evaluates rules.
    pub rules: Arc<alertmanager::rules::Manager>,
    /// The store of series.
    pub tsdb: Arc<::tsdb::Tsdb>,
    /// Flags, configuration, versions.
    pub server: Arc<ServerInfo>,
    /// Readiness and reloading.
    pub lifecycle: Arc<dyn Lifecycle>,
    /// Where answers are made: a pool of its own, that monitoring the monitor never waits for queries.
    pub pool: Pool,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

/// The routes.
pub fn routes(state: StatusState) -> Router {
    Router::new()
        .route("/api/v1/targets", get(targets::targets))
        .route("/api/v1/targets/metadata", get(targets::metadata))
        .route("/api/v1/scrape_pools", get(targets::pools))
        .route("/api/v1/rules", get(rules::rules))
        .route("/api/v1/alerts", get(rules::alerts))
        .route("/api/v1/alertmanagers", get(server::alertmanagers))
        .route("/api/v1/notifications", get(server::notifications))
        .route("/api/v1/status/config", get(server::config))
        .route("/api/v1/status/flags", get(server::flags))
        .route("/api/v1/status/runtimeinfo", get(server::runtime))
        .route("/api/v1/status/buildinfo", get(build::build))
        .route("/api/v1/status/tsdb", get(tsdb::tsdb))
        .route("/api/v1/status/walreplay", get(tsdb::wal_replay))
        .route("/-/healthy", get(health::healthy).head(health::healthy))
        .route("/-/ready", get(health::ready).head(health::ready))
        // Loki's path for the same.
        .route("/ready", get(health::ready).head(health::ready))
        .route("/-/reload", post(health::reload).put(health::reload))
        .with_state(state)
}

/// A number as Go's JSON writes it: whole ones without a fraction.
fn number(value: f64) -> serde_json::Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}

/// Milliseconds since the epoch in RFC 3339; Go's zero time for none, as Prometheus shows it.
fn rfc3339(ms: Option<i64>) -> String {
    let known = ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    known.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string())
}
