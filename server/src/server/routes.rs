//! Which surface is heard on which address.

use std::sync::Arc;
use std::time::Duration;

use api::Pool;
use api::admin::AdminState;
use api::jaeger::JaegerState;
use api::loki::LokiState;
use api::observe::{ObserveState, Requests};
use api::prometheus::{PrometheusState, ReadOptions};
use api::push::PushState;
use api::status::StatusState;
use axum::Router;
use collector::push::remote_write::Receiver;
use model::metrics::{MetricSink, MetricStore};
use promql::cache::ResultsCache;

use super::lifecycle::Handle;
use super::running::Shared;

/// Deletions and snapshots come one after the other, and so many wait.
const ADMIN_QUEUE: usize = 8;

/// Remote reads that wait for their turn.
const READ_QUEUE: usize = 64;

/// A router an address.
pub(crate) struct Doors {
    pub main: Router,
    pub otlp_grpc: Router,
    pub otlp_http: Router,
    pub jaeger_thrift: Router,
}

/// Puts the surfaces together.
pub(crate) fn all(shared: &Arc<Shared>) -> Doors {
    let stores = &shared.stores;
    let engine = shared.engine.options();
    let query_timeout = engine.timeout.max(Duration::from_millis(1));
    let room = usize::try_from(shared.flags.results_cache_size.0).unwrap_or(usize::MAX);
    let results = Arc::new(ResultsCache::new(room));
    let prometheus = PrometheusState {
        metrics: Arc::clone(&stores.metrics) as Arc<dyn MetricStore>,
        exemplars: Arc::clone(&stores.exemplars) as _,
        engine: Arc::clone(&shared.engine),
        pool: shared.query.clone(),
        results: Arc::clone(&results),
        parser: shared.features.parser(),
        per_step_stats: shared.features.per_step_stats,
        journal: Arc::clone(&shared.journal),
        read: ReadOptions {
            sample_limit: shared.flags.read_sample_limit,
            frame_bytes: shared.flags.read_frame_bytes,
            pool: Pool::new(
                "remote read",
                usize::from(shared.flags.read_concurrency),
                READ_QUEUE,
            ),
        },
        clock: Arc::clone(&shared.clock),
        query_timeout,
        external_labels: Arc::clone(&shared.external_labels),
        lookback_delta_ms: engine.lookback_delta_ms,
    };
    let status = StatusState {
        targets: Arc::clone(&shared.scrape),
        rules: Arc::clone(&shared.rules),
        tsdb: Arc::clone(&stores.metrics),
        server: Arc::clone(&shared.info),
        lifecycle: Arc::new(Handle(Arc::downgrade(shared))),
        pool: shared.status.clone(),
        clock: Arc::clone(&shared.clock),
    };
    let admin = AdminState {
        tsdb: Arc::clone(&stores.metrics),
        pool: Pool::new("admin", 1, ADMIN_QUEUE),
        clock: Arc::clone(&shared.clock),
        enabled: shared.flags.enable_admin_api,
    };
    let jaeger = JaegerState {
        spans: Arc::clone(&stores.spans) as _,
        pool: shared.query.clone(),
        query_timeout,
        clock: Arc::clone(&shared.clock),
    };
    let loki = LokiState {
        logs: Arc::clone(&stores.logs) as _,
        pool: shared.query.clone(),
        query_timeout,
        clock: Arc::clone(&shared.clock),
    };
    let push = PushState {
        metrics: Arc::clone(&stores.metrics) as Arc<dyn MetricSink>,
        exemplars: Some(Arc::clone(&stores.exemplars) as _),
        spans: Arc::clone(&stores.spans) as _,
        logs: Arc::clone(&stores.logs) as _,
        pool: shared.ingest.clone(),
        clock: Arc::clone(&shared.clock),
        max_body_bytes: shared.max_body_bytes,
        bodies: api::push::Bodies::default(),
        remote_write: Receiver::with_exemplars(Arc::clone(&stores.exemplars) as _),
    };
    let requests = Arc::<Requests>::default();
    let alerts = Arc::clone(&shared.alerts);
    let observe = ObserveState {
        tsdb: Arc::clone(&stores.metrics),
        results,
        spans: Arc::clone(&stores.spans),
        logs: Arc::clone(&stores.logs),
        targets: Arc::clone(&shared.scrape),
        rules: Arc::clone(&shared.rules),
        notifications: Arc::new(move || alerts.current()),
        server: Arc::clone(&shared.info),
        requests: Arc::clone(&requests),
        pool: shared.status.clone(),
    };
    let main = api::prometheus::routes(prometheus)
        .merge(api::observe::routes(observe))
        .merge(api::status::routes(status))
        .merge(api::admin::routes(admin))
        .merge(api::jaeger::routes(jaeger))
        .merge(api::loki::routes(loki))
        .merge(api::push::routes(push.clone()))
        .merge(api::push::otlp_routes(push.clone()))
        .merge(api::push::jaeger_routes(push.clone()))
        .merge(api::console::routes())
        .layer(axum::middleware::from_fn_with_state(requests, Requests::observe));
    Doors {
        main,
        otlp_grpc: api::push::grpc::routes(push.clone()),
        otlp_http: api::push::otlp_routes(push.clone()),
        jaeger_thrift: api::push::jaeger_routes(push),
    }
}
