//! `status/active_queries`: what runs now.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use crate::prometheus::PrometheusState;
use crate::prometheus::envelope::success;

/// Times in seconds since the epoch and durations in seconds, as everywhere in this API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    id: u64,
    query: String,
    began: f64,
    duration: f64,
    start: f64,
    end: f64,
    step: f64,
    #[serde(rename = "clientIP")]
    client_ip: String,
    method: String,
    path: String,
}

/// `GET /status/active_queries`: the oldest first.
pub(in crate::prometheus) async fn active(State(state): State<PrometheusState>) -> Response {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let running = state.journal.under_way().into_iter().map(|query| Active {
        id: query.id,
        query: query.asked.query.to_string(),
        began: seconds(query.began_ms),
        duration: query.running.as_secs_f64(),
        start: seconds(query.asked.start_ms),
        end: seconds(query.asked.end_ms),
        step: seconds(query.asked.step_ms),
        client_ip: query.asked.client.map(|ip| ip.to_string()).unwrap_or_default(),
        method: query.asked.method,
        path: query.asked.path,
    });
    success(&running.collect::<Vec<_>>())
}
