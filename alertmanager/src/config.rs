//! `alertmanager.yml`, the format of Alertmanager 0.34: read, checked as `amtool check-config` checks it, and
//! turned into what the notifications run on.
//!
//! Every error names its line. Receivers of kinds that Masthead does not offer are refused by name; global
//! settings that only concern such receivers are accepted and ignored. Costs: read once at start and at reload.

mod email;
mod global;
mod http;
mod inhibit;
mod receiver;
mod route;
mod text;
mod time_interval;
mod validate;
mod webhook;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use yaml::{Located, PromDuration, YamlError, or_default};

pub use email::{EmailConfig, HostPort, ThreadBy, Threading};
pub use http::{Authorization, BasicAuth, HttpConfig, TlsConfig, TlsVersion};
pub use receiver::{Integration, Receiver};
pub use text::Secret;
pub use webhook::WebhookConfig;
pub(crate) use webhook::check_url;

use crate::inhibit::InhibitRule;
use crate::mute::TimeInterval;
use crate::route::Tree;

/// Largest configuration file read, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// Why a configuration cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {message}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The operating system's words.
        message: String,
    },
    /// The text is no valid configuration; the place is in the error.
    #[error("{0}")]
    Invalid(YamlError),
}

impl From<YamlError> for ConfigError {
    fn from(error: YamlError) -> Self {
        ConfigError::Invalid(error)
    }
}

/// A checked configuration with every default and every inherited value filled in.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long an alert without an end fires after it was last heard of, in milliseconds.
    pub resolve_timeout_ms: i64,
    /// Where alerts go.
    pub routes: Arc<Tree>,
    /// Which alerts mute which.
    pub inhibit_rules: Vec<InhibitRule>,
    /// Who is told, by name.
    pub receivers: BTreeMap<Arc<str>, Receiver>,
    /// Named times for muting and activating routes; a name is in force when any of its intervals is.
    pub time_intervals: BTreeMap<String, Vec<TimeInterval>>,
    /// Glob patterns of template files, relative to [`Config::base_dir`].
    pub templates: Vec<String>,
    /// The folder of the configuration file; relative paths in it start here.
    pub base_dir: PathBuf,
}

impl Config {
    /// Reads and checks a configuration; relative paths in it start at the working directory.
    ///
    /// # Errors
    /// The text is no valid configuration.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        Self::parse_in(text, Path::new(""))
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// The file cannot be read, is larger than [`MAX_CONFIG_BYTES`], or is no valid configuration.
    pub fn load(path: &Path) -> Result<Config, ConfigError> {
        let failed = |message: String| ConfigError::Read {
            path: path.to_owned(),
            message,
        };
        let len = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
        if len > MAX_CONFIG_BYTES {
            return Err(failed(format!("file is larger than {MAX_CONFIG_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
        Self::parse_in(&text, path.parent().unwrap_or(Path::new("")))
    }

    fn parse_in(text: &str, base_dir: &Path) -> Result<Config, ConfigError> {
        let raw: Option<RawConfig> = yaml::from_str(text)?;
        Ok(validate::resolve(raw.unwrap_or_default(), base_dir)?)
    }

    /// A path of the configuration made whole.
    pub fn resolve_path(&self, path: &str) -> PathBuf {
        self.base_dir.join(path)
    }
}

/// The document as it is written.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawConfig {
    #[serde(deserialize_with = "or_default")]
    global: global::Global,
    #[serde(deserialize_with = "or_default")]
    templates: Vec<String>,
    route: Option<Located<route::RawRoute>>,
    #[serde(deserialize_with = "or_default")]
    receivers: Vec<Located<receiver::RawReceiver>>,
    #[serde(deserialize_with = "or_default")]
    inhibit_rules: Vec<inhibit::RawInhibitRule>,
    #[serde(deserialize_with = "or_default")]
    mute_time_intervals: Vec<time_interval::RawNamed>,
    #[serde(deserialize_with = "or_default")]
    time_intervals: Vec<time_interval::RawNamed>,
    tracing: Option<Located<serde::de::IgnoredAny>>,
    event_recorder: Option<Located<serde::de::IgnoredAny>>,
}

/// The duration in milliseconds, or `default`.
fn millis_or(duration: Option<PromDuration>, default_ms: i64) -> i64 {
    duration.map_or(default_ms, PromDuration::as_millis)
}

#[cfg(test)]
mod tests;
