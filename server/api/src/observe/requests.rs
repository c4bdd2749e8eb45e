//! Requests by route and status, how long they took, and a span for each.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing::Instrument;

/// Prometheus' buckets for the same metric, seconds.
const BUCKETS: [f64; 10] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0, 300.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    handler: String,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Handler {
    handler: String,
}

/// Counts of requests.
#[derive(Debug)]
pub struct Requests {
    answered: Family<Answered, Counter>,
    duration: Family<Handler, Histogram, fn() -> Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        Requests {
            answered: Family::default(),
            duration: Family::new_with_constructor(histogram),
        }
    }
}

impl Requests {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "prometheus_http_requests",
            "Counter of HTTP requests",
            self.answered.clone(),
        );
        registry.register(
            "prometheus_http_request_duration_seconds",
            "Histogram of latencies for HTTP requests",
            self.duration.clone(),
        );
    }

    /// Middleware: counts a request under its route. Requests for no route of ours count under `other`.
    pub async fn observe(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
        let matched = request.extensions().get::<MatchedPath>();
        let handler = matched.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
        let span = span(&handler, request.method().as_str());
        let started = Instant::now();
        let response = next.run(request).instrument(span.clone()).await;
        let code = response.status().as_u16();
        span.record("http.response.status_code", code);
        if response.status().is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
        requests
            .duration
            .get_or_create(&Handler {
                handler: handler.clone(),
            })
            .observe(started.elapsed().as_secs_f64());
        requests.answered.get_or_create(&Answered { handler, code }).inc();
        response
    }
}

/// What asks gets a span; what pushes does not: a span for every push would double the traffic it reports.
fn span(handler: &str, method: &str) -> tracing::Span {
    let pushes = [
        "/api/v1/write",
        "/api/v2/spans",
        "/v1/",
        "/loki/api/v1/push",
        "/otlp/",
        "/api/v1/otlp/",
    ];
    if pushes.iter().any(|path| handler.starts_with(path)) || (method == "POST" && handler == "/api/traces") {
        return tracing::Span::none();
    }
    tracing::info_span!(
        "http",
        otel.name = format!("{method} {handler}"),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        http.route = handler,
        http.response.status_code = tracing::field::Empty,
    )
}
