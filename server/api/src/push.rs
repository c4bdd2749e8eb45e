//! What others push: each protocol's endpoint, its answers and its errors. Bytes are decoded by the collector's
//! decoders and appended to a sink, both on the ingest pool; nothing is answered before it is stored.

mod bodies;
pub mod grpc;
mod jaeger;
mod loki;
mod otlp;
mod refusal;
mod remote_write;
mod sinks;
mod zipkin;

use axum::Router;
use axum::http::{HeaderMap, HeaderName};
use axum::routing::post;

pub use bodies::{BODY_TIMEOUT, Bodies, MAX_BYTES_IN_FLIGHT};
pub use refusal::Refusal;
pub use sinks::PushState;

/// What the main address takes: remote write, Loki's push, Zipkin's spans, and OTLP under the paths Prometheus and
/// Loki give it.
pub fn routes(state: PushState) -> Router {
    Router::new()
        .route("/api/v1/write", post(remote_write::write))
        .route("/api/v1/otlp/v1/metrics", post(otlp::metrics))
        .route("/otlp/v1/logs", post(otlp::logs))
        .route("/loki/api/v1/push", post(loki::push))
        .route("/api/v2/spans", post(zipkin::spans))
        .with_state(state)
}

/// OTLP over HTTP as its own address (4318) takes it.
pub fn otlp_routes(state: PushState) -> Router {
    Router::new()
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/v1/logs", post(otlp::logs))
        .with_state(state)
}

/// Jaeger's thrift over HTTP as its own address (14268) takes it.
pub fn jaeger_routes(state: PushState) -> Router {
    Router::new()
        .route("/api/traces", post(jaeger::thrift))
        .with_state(state)
}

/// The text of a header, if it is there and is text.
fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests;
