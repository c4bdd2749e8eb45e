//! The templates of a configuration: the defaults, the user's files, and the texts of receivers' fields.
//!
//! Names defined by the defaults are those that users' files build on or replace: `__subject`,
//! `email.default.subject`, `email.default.html` and their parts.

use std::path::Path;
use std::sync::Arc;

use model::Clock;

use super::functions;
use super::{Message, Notice, NotifyError};
use crate::config::Config;
use crate::template::{Mode, TemplateSet};

const DEFAULT: &str = include_str!("templates/default.tmpl");
const EMAIL: &str = include_str!("templates/email.tmpl");
/// Largest template file read, in bytes.
const MAX_TEMPLATE_BYTES: u64 = 4 << 20;

/// Parsed templates and what every message says besides its alerts.
#[derive(Debug)]
pub struct Templates {
    set: TemplateSet,
    external_url: String,
}

impl Templates {
    /// The defaults and the files that the configuration's patterns match, in their order. A pattern that
    /// matches nothing is no error.
    ///
    /// # Errors
    /// A file cannot be read or does not parse.
    pub fn load(
        config: &Config,
        external_url: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Templates, NotifyError> {
        let mut set = TemplateSet::new(functions::table(clock));
        for (name, text) in [("default.tmpl", DEFAULT), ("email.tmpl", EMAIL)] {
            add(&mut set, name, name, text)?;
        }
        for pattern in &config.templates {
            let whole = config.resolve_path(pattern);
            let bad = |message: String| NotifyError::File {
                what: pattern.clone(),
                message,
            };
            for path in glob::glob(&whole.to_string_lossy()).map_err(|e| bad(e.to_string()))? {
                let path = path.map_err(|e| bad(e.to_string()))?;
                let name = path
                    .file_name()
                    .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                add(&mut set, &name, &path.to_string_lossy(), &read(&path)?)?;
            }
        }
        Ok(Templates {
            set,
            external_url: external_url.to_owned(),
        })
    }

    /// Checks that a receiver's field parses.
    pub(super) fn check(&self, field: &str, text: &str) -> Result<(), String> {
        let parsed = crate::template::Template::parse_with("", text, Some(self.set.functions()), &[]);
        parsed.map(drop).map_err(|error| format!("{field}: {error}"))
    }

    /// Expands a receiver's field.
    pub(super) fn render(&self, text: &str, mode: Mode, message: &Arc<Message>) -> Result<String, String> {
        self.set
            .render(text, mode, &message.value())
            .map_err(|error| error.to_string())
    }

    /// The message for a notice, route labels expanded.
    pub(super) fn message(&self, notice: &Notice<'_>, max_alerts: usize) -> Arc<Message> {
        let mut message = Arc::new(Message::new(notice, &self.external_url, max_alerts));
        if notice.route_labels.is_empty() {
            return message;
        }
        let data = message.value();
        let mut labels = super::Kv::default();
        for (name, text) in notice.route_labels {
            match self.set.render(text, Mode::Text, &data) {
                Ok(value) => {
                    labels.0.insert(name.clone(), value);
                }
                Err(error) => tracing::error!(label = name, %error, "route label was not expanded"),
            }
        }
        Arc::make_mut(&mut message).route_labels = labels;
        message
    }
}

fn add(set: &mut TemplateSet, name: &str, what: &str, text: &str) -> Result<(), NotifyError> {
    set.add(name, text).map_err(|error| NotifyError::Template {
        what: what.to_owned(),
        error,
    })
}

fn read(path: &Path) -> Result<String, NotifyError> {
    let failed = |message: String| NotifyError::File {
        what: path.display().to_string(),
        message,
    };
    let len = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
    if len > MAX_TEMPLATE_BYTES {
        return Err(failed(format!("file is larger than {MAX_TEMPLATE_BYTES} bytes")));
    }
    std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))
}
