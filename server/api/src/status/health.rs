//! `/-/healthy`, `/-/ready`, `/-/reload`.

use axum::extract::State;
use axum::http::StatusCode;

use super::StatusState;

/// What only the server knows and can do.
#[async_trait::async_trait]
pub trait Lifecycle: Send + Sync {
    /// Why the server is not ready, if it is not: still starting, a store that takes no writes.
    fn not_ready(&self) -> Option<String>;

    /// Whether `/-/reload` may be used.
    fn reload_allowed(&self) -> bool;

    /// Reads the configuration anew.
    ///
    /// # Errors
    /// It is not valid; the old one stays in force.
    async fn reload(&self) -> Result<(), String>;
}

/// The process runs and answers.
pub(super) async fn healthy() -> &'static str {
    "Masthead is Healthy.\n"
}

pub(super) async fn ready(State(state): State<StatusState>) -> (StatusCode, String) {
    match state.lifecycle.not_ready() {
        None => (StatusCode::OK, "Masthead is Ready.\n".to_owned()),
        Some(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("Service Unavailable: {why}\n"),
        ),
    }
}

pub(super) async fn reload(State(state): State<StatusState>) -> (StatusCode, String) {
    if !state.lifecycle.reload_allowed() {
        return (
            StatusCode::FORBIDDEN,
            "Lifecycle API is not enabled.\n".to_owned(),
        );
    }
    match state.lifecycle.reload().await {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(why) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to reload config: {why}\n"),
        ),
    }
}
