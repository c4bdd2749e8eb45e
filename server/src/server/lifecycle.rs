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
        server.reload().await
    }
}
