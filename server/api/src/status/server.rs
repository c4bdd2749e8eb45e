//! Flags, configuration, runtime.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::response::Response;
use parking_lot::RwLock;
use serde::Serialize;

use super::{StatusState, rfc3339};
use crate::prometheus::envelope::success;

/// What the server was started with and runs on.
#[derive(Debug)]
pub struct ServerInfo {
    /// When it started, milliseconds since the epoch.
    pub started_ms: i64,
    /// Every flag with its value.
    pub flags: Vec<(String, String)>,
    /// How long metrics are kept, as text.
    pub storage_retention: String,
    /// How many places on disk were found damaged at the start.
    pub corruptions: AtomicU64,
    /// The configuration in force.
    pub config: RwLock<ConfigStatus>,
}

/// The configuration in force and how the last attempt to change it went.
#[derive(Debug, Clone, Default)]
pub struct ConfigStatus {
    /// Its text.
    pub yaml: String,
    /// Whether the last reload succeeded.
    pub reload_success: bool,
    /// When it took effect, milliseconds since the epoch.
    pub loaded_ms: i64,
}

#[derive(Serialize)]
struct Config {
    yaml: String,
}

/// `GET /status/config`
pub(super) async fn config(State(state): State<StatusState>) -> Response {
    let yaml = state.server.config.read().yaml.clone();
    success(&Config { yaml })
}

/// `GET /status/flags`
pub(super) async fn flags(State(state): State<StatusState>) -> Response {
    success(&state.server.flags.iter().cloned().collect::<BTreeMap<_, _>>())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Runtime {
    start_time: String,
    #[serde(rename = "CWD")]
    working_directory: String,
    hostname: String,
    server_time: String,
    reload_config_success: bool,
    last_config_time: String,
    corruption_count: u64,
    goroutine_count: usize,
    #[serde(rename = "GOMAXPROCS")]
    processors: usize,
    #[serde(rename = "GOMEMLIMIT")]
    memory_limit: i64,
    #[serde(rename = "GOGC")]
    gogc: String,
    #[serde(rename = "GODEBUG")]
    godebug: String,
    storage_retention: String,
}

/// `GET /status/runtimeinfo`. What is Go's alone is empty; tasks stand where Prometheus counts goroutines.
pub(super) async fn runtime(State(state): State<StatusState>) -> Response {
    let config = state.server.config.read().clone();
    success(&Runtime {
        start_time: rfc3339(Some(state.server.started_ms)),
        working_directory: std::env::current_dir()
            .map(|d| d.display().to_string())
            .unwrap_or_default(),
        hostname: std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|h| h.trim().to_owned())
            .unwrap_or_default(),
        server_time: rfc3339(Some(state.clock.now_ms())),
        reload_config_success: config.reload_success,
        last_config_time: rfc3339(Some(config.loaded_ms)),
        corruption_count: state.server.corruptions.load(Ordering::Relaxed),
        goroutine_count: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        memory_limit: i64::MAX,
        gogc: String::new(),
        godebug: String::new(),
        storage_retention: state.server.storage_retention.clone(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: [(); 0],
    dropped_alertmanagers: [(); 0],
}

/// `GET /alertmanagers`: none, alerts are notified of in this process.
pub(super) async fn alertmanagers() -> Response {
    success(&Alertmanagers {
        active_alertmanagers: [],
        dropped_alertmanagers: [],
    })
}

/// `GET /notifications`: what the console of Prometheus shows about the server itself; nothing is ever to be shown.
pub(super) async fn notifications() -> Response {
    success(&[(); 0])
}
