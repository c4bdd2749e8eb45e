//! Telling people: turns a notice into an HTTP request or an e-mail and sends it once.
//!
//! A [`Notifier`] is one way of reaching one receiver, made when the configuration is loaded: its templates are
//! parsed, its client is built, its TLS settings are read. It sends once and says whether trying again makes
//! sense; when to try again is decided by its caller. Costs: a message is built anew for each attempt, so that a
//! password file or a URL file that changed takes effect.

mod data;
mod email;
mod functions;
mod templates;
mod tls;
mod webhook;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use model::{Clock, Labels};
use tokio::sync::Semaphore;

use crate::alert::Alert;
use crate::config::{Config, Integration};
use crate::template::TemplateError;

pub use data::{Kv, Message, MessageAlert};
pub use templates::Templates;

/// How many messages can be on their way to one receiver in one way at once.
const MAX_CONCURRENT: usize = 32;
/// Largest secret or URL file read, in bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Why the ways to reach receivers cannot be set up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotifyError {
    /// A template does not parse.
    #[error("{what}: {error}")]
    Template {
        /// The file, or the receiver and its field.
        what: String,
        /// Where and why.
        error: TemplateError,
    },
    /// A file cannot be read.
    #[error("{what}: {message}")]
    File {
        /// Which file.
        what: String,
        /// The operating system's words.
        message: String,
    },
    /// A client cannot be made from its settings.
    #[error("receiver {receiver}: {message}")]
    Client {
        /// Whose.
        receiver: String,
        /// What is wrong.
        message: String,
    },
}

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It can succeed later: the network, an overloaded server.
    #[error("{0}")]
    Retry(String),
    /// The same message will fail the same way.
    #[error("{0}")]
    GiveUp(String),
}

/// What is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// The group's key.
    pub group_key: &'a str,
    /// The receiver's name.
    pub receiver: &'a str,
    /// The labels that the group's alerts share by definition.
    pub group_labels: &'a Labels,
    /// The labels of the route, templates.
    pub route_labels: &'a BTreeMap<String, String>,
    /// Why now.
    pub reason: &'a str,
    /// The alerts; those that fire have no end.
    pub alerts: &'a [Arc<Alert>],
    /// The time of the decision, milliseconds since the epoch.
    pub at_ms: i64,
}

/// One way of reaching one receiver.
pub struct Notifier {
    way: Way,
    permits: Semaphore,
}

enum Way {
    Webhook(Box<webhook::Webhook>),
    Email(Box<email::Email>),
}

impl Notifier {
    /// Sends a message, once.
    ///
    /// # Errors
    /// It was not delivered, as far as one can know.
    pub async fn notify(&self, notice: &Notice<'_>) -> Result<(), SendError> {
        let permit = self.permits.acquire().await;
        let _permit = permit.map_err(|_| SendError::GiveUp("receiver is closed".to_owned()))?;
        match &self.way {
            Way::Webhook(webhook) => webhook.notify(notice).await,
            Way::Email(email) => email.notify(notice).await,
        }
    }
}

/// Every way of reaching every receiver of a configuration.
pub struct Notifiers {
    by_receiver: HashMap<Arc<str>, Vec<Arc<Notifier>>>,
}

impl Notifiers {
    /// Sets up all receivers. `external_url` is where people reach this server.
    ///
    /// # Errors
    /// A template does not parse, a certificate cannot be read, a client cannot be made.
    pub fn build(
        config: &Config,
        external_url: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Notifiers, NotifyError> {
        let templates = Arc::new(Templates::load(config, external_url, clock)?);
        let roots = tls::system_roots();
        let mut by_receiver = HashMap::new();
        for receiver in config.receivers.values() {
            let ways = receiver.integrations.iter().map(|integration| {
                let failed = |message: String| NotifyError::Client {
                    receiver: receiver.name.to_string(),
                    message,
                };
                let (base, templates) = (&config.base_dir, templates.clone());
                let way = match integration {
                    Integration::Webhook(webhook) => {
                        let webhook = webhook::Webhook::new(webhook, base, templates, &roots);
                        Way::Webhook(Box::new(webhook.map_err(failed)?))
                    }
                    Integration::Email(email) => {
                        let email = email::Email::new(email, base, templates, clock.clone());
                        Way::Email(Box::new(email.map_err(failed)?))
                    }
                };
                Ok(Arc::new(Notifier {
                    way,
                    permits: Semaphore::new(MAX_CONCURRENT),
                }))
            });
            by_receiver.insert(
                receiver.name.clone(),
                ways.collect::<Result<Vec<_>, NotifyError>>()?,
            );
        }
        Ok(Notifiers { by_receiver })
    }

    /// The way numbered `integration` of a receiver.
    pub fn get(&self, receiver: &str, integration: usize) -> Option<Arc<Notifier>> {
        self.by_receiver.get(receiver)?.get(integration).cloned()
    }
}

/// Reads a file that holds a secret or a URL; blanks around it do not count.
async fn read_secret(path: &Path) -> Result<String, String> {
    let failed = |e: std::io::Error| format!("could not read {}: {e}", path.display());
    if tokio::fs::metadata(path).await.map_err(failed)?.len() > MAX_SECRET_BYTES {
        return Err(format!(
            "{} is larger than {MAX_SECRET_BYTES} bytes",
            path.display()
        ));
    }
    Ok(tokio::fs::read_to_string(path)
        .await
        .map_err(failed)?
        .trim()
        .to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
