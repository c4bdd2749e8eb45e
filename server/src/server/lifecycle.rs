//! Readiness and reloading, as the API asks for them.

use std::sync::{Arc, Weak};

use api::status::Lifecycle;

use super::running::Shared;

/// The API's hold on the server; weak, because the server owns the API.
pub(crate) struct Handle(pub Weak<Shared>);

#[async_trait::async_trait]
impl Lifecycle for Handle {
    fn not_ready(&self) -> Option<String> {
        match self.0.upgrade() {
            None => Some("stopping".to_owned()),
            Some(server) => server.stores.poisoned(),
        }
    }

    fn reload_allowed(&self) -> bool {
        self.0
            .upgrade()
            .is_some_and(|server| server.flags.enable_lifecycle)
    }

    async fn reload(&self) -> Result<(), String> {
        let server: Arc<Shared> = self.0.upgrade().ok_or("stopping")?;
        // In a task of its own: a client that hangs up must not leave half of the new configuration in force.
        let reload = tokio::spawn(async move { server.reload().await });
        reload.await.unwrap_or_else(|panic| Err(panic.to_string()))
    }
}
