//! `status/buildinfo`: what clients take us for.

use axum::response::Response;
use serde::Serialize;

use crate::prometheus::envelope::success;

/// The Prometheus whose HTTP API this is: Grafana and others decide by it what they may ask.
const PROMETHEUS_API_VERSION: &str = "3.5.0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
    masthead_version: &'static str,
}

/// `GET /status/buildinfo`. There is no `features` key, by which Grafana would take us for Mimir.
pub(super) async fn build() -> Response {
    success(&BuildInfo {
        version: PROMETHEUS_API_VERSION,
        revision: "",
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
        masthead_version: env!("CARGO_PKG_VERSION"),
    })
}
