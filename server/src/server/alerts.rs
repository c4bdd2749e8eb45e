//! The way from rules to notifications, which a reload can open and close.

use std::path::Path;
use std::sync::Arc;

use alertmanager::config::Config;
use alertmanager::notifications::{Notifications, NotificationsOptions};
use alertmanager::{Alert, AlertSink};
use arc_swap::ArcSwapOption;
use durable::RealFs;
use model::SystemClock;

/// Hands alerts to the notifications in force; without any, rules still show what fires.
#[derive(Default)]
pub(crate) struct AlertRelay(ArcSwapOption<Notifications>);

impl AlertSink for AlertRelay {
    fn alerts(&self, alerts: Vec<Alert>) {
        if let Some(notifications) = self.0.load_full() {
            notifications.alerts(alerts);
        }
    }
}

impl AlertRelay {
    /// Goes on with `config`: starts, changes or ends the notifications.
    ///
    /// # Errors
    /// The configuration cannot be used; what was in force stays.
    pub(crate) async fn apply(
        &self,
        config: Option<Config>,
        external_url: &str,
        dir: &Path,
    ) -> Result<(), String> {
        match (self.0.load_full(), config) {
            (Some(running), Some(config)) => running.reload(config).map_err(|e| e.to_string()),
            (None, Some(config)) => {
                let started = Notifications::start(NotificationsOptions {
                    config,
                    external_url: external_url.to_owned(),
                    data_dir: dir.to_owned(),
                    clock: Arc::new(SystemClock),
                    fs: Arc::new(RealFs),
                });
                self.0.store(Some(Arc::new(started.map_err(|e| e.to_string())?)));
                Ok(())
            }
            (_, None) => {
                self.stop().await;
                Ok(())
            }
        }
    }

    /// The notifications in force.
    pub(crate) fn current(&self) -> Option<Arc<Notifications>> {
        self.0.load_full()
    }

    /// Ends the notifications; what they know is on disk then.
    pub(crate) async fn stop(&self) {
        if let Some(running) = self.0.swap(None) {
            running.shutdown().await;
        }
    }
}
