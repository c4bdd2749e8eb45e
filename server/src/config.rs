//! The configuration file: prometheus.yml's format, with sections of our own beside Prometheus'.
//!
//! Each section's type lives with whoever acts on it; this is the file around them. Sections of Prometheus that have
//! no effect here are accepted, so that an existing file runs as it is, and warned of, so that nobody relies on them.

mod load;
mod secrets;
mod sources;

use serde::Deserialize;
use serde::de::IgnoredAny;

use collector::config::{ByteSize, GlobalConfig, ScrapeConfig};
use collector::tail::config::LogFiles;
use yaml::{Located, PromDuration};

pub(crate) use load::Loaded;
pub(crate) use secrets::redacted;
pub(crate) use sources::Source;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// Defaults for all jobs and rules.
    #[serde(deserialize_with = "yaml::or_default")]
    pub global: GlobalConfig,
    /// What to scrape.
    #[serde(deserialize_with = "collector::config::scrape_configs")]
    pub scrape_configs: Vec<Located<ScrapeConfig>>,
    /// Files with further `scrape_configs`, by pattern.
    #[serde(deserialize_with = "yaml::or_default")]
    pub scrape_config_files: Vec<Located<String>>,
    /// Rule files, by pattern.
    #[serde(deserialize_with = "yaml::or_default")]
    pub rule_files: Vec<Located<String>>,
    /// Where notifications go.
    #[serde(deserialize_with = "yaml::or_default")]
    pub notifications: NotificationsSection,
    /// How long things are kept.
    #[serde(deserialize_with = "yaml::or_default")]
    pub storage: StorageSection,
    /// Log files that are followed, and how long lines are kept.
    #[serde(deserialize_with = "yaml::or_default")]
    pub logs: LogsSection,
    /// How long spans are kept.
    #[serde(deserialize_with = "yaml::or_default")]
    pub traces: RetentionSection,
    /// Bounds of what OTLP takes.
    #[serde(deserialize_with = "yaml::or_default")]
    pub otlp: OtlpSection,

    alerting: Option<Located<IgnoredAny>>,
    remote_write: Option<Located<Option<Vec<IgnoredAny>>>>,
    remote_read: Option<Located<Option<Vec<IgnoredAny>>>>,
    tracing: Option<Located<IgnoredAny>>,
    runtime: Option<Located<IgnoredAny>>,
}

/// `notifications`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NotificationsSection {
    /// A file in Alertmanager's format, relative to this one.
    pub file: Option<Located<String>>,
}

/// `storage`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageSection {
    /// The store of metrics.
    #[serde(deserialize_with = "yaml::or_default")]
    pub tsdb: TsdbSection,
    exemplars: Option<Located<IgnoredAny>>,
}

/// `storage.tsdb`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TsdbSection {
    /// How much older than its series' newest sample a sample may be.
    pub out_of_order_time_window: Option<PromDuration>,
    /// How long samples are kept.
    #[serde(deserialize_with = "yaml::or_default")]
    pub retention: RetentionBounds,
    /// How long those of some series are kept in place of that; ours.
    #[serde(deserialize_with = "yaml::or_default")]
    pub retention_rules: Vec<Located<RetentionRule>>,
}

/// An entry of `storage.tsdb.retention_rules`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionRule {
    /// Which series, as a selector; the first entry that fits counts.
    #[serde(rename = "match")]
    pub selector: String,
    /// How long they are kept; 0 for good.
    pub time: PromDuration,
}

/// A bound on time, on size, or on both.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionBounds {
    /// Older data is removed.
    pub time: Option<PromDuration>,
    /// The oldest data is removed when all takes more.
    pub size: Option<ByteSize>,
}

/// `logs`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogsSection {
    /// Groups of files that are followed.
    #[serde(deserialize_with = "yaml::or_default")]
    pub files: Vec<LogFiles>,
    /// How long lines are kept.
    #[serde(deserialize_with = "yaml::or_default")]
    pub retention: RetentionBounds,
}

/// `traces`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionSection {
    /// How long spans are kept.
    #[serde(deserialize_with = "yaml::or_default")]
    pub retention: RetentionBounds,
}

/// `otlp`: Prometheus' keys say how OTLP metrics become series and have no effect here yet; `max_body_size` is ours.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OtlpSection {
    /// No push, of whatever protocol, is larger.
    pub max_body_size: Option<ByteSize>,
    promote_all_resource_attributes: Option<Located<IgnoredAny>>,
    promote_resource_attributes: Option<Located<IgnoredAny>>,
    ignore_resource_attributes: Option<Located<IgnoredAny>>,
    promote_scope_metadata: Option<Located<IgnoredAny>>,
    translation_strategy: Option<Located<IgnoredAny>>,
    keep_identifying_resource_attributes: Option<Located<IgnoredAny>>,
    convert_histograms_to_nhcb: Option<Located<IgnoredAny>>,
}

impl ConfigFile {
    /// What the file says that has no effect: line and sentence.
    pub(crate) fn without_effect(&self) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        let mut note = |line: Option<u64>, what: &str| {
            if let Some(line) = line {
                found.push((line, what.to_owned()));
            }
        };
        let line = |section: &Option<Located<IgnoredAny>>| section.as_ref().map(|s| s.referenced.line());
        let list = |section: &Option<Located<Option<Vec<IgnoredAny>>>>| {
            let filled =
                |s: &&Located<Option<Vec<IgnoredAny>>>| s.value.as_ref().is_some_and(|v| !v.is_empty());
            section.as_ref().filter(filled).map(|s| s.referenced.line())
        };
        note(
            line(&self.alerting),
            "alerting: alerts are not sent to other Alertmanagers; see notifications.file",
        );
        note(list(&self.remote_write), "remote_write: samples are not sent on");
        note(
            list(&self.remote_read),
            "remote_read: other servers are not asked",
        );
        note(
            line(&self.tracing),
            "tracing: own traces go into the own store only",
        );
        note(line(&self.runtime), "runtime: there is no Go runtime to set up");
        note(
            line(&self.storage.exemplars),
            "storage.exemplars: exemplars are kept on disk, within 64 MiB and the retention of metrics",
        );
        for (section, name) in [
            (
                &self.otlp.promote_all_resource_attributes,
                "promote_all_resource_attributes",
            ),
            (
                &self.otlp.promote_resource_attributes,
                "promote_resource_attributes",
            ),
            (
                &self.otlp.ignore_resource_attributes,
                "ignore_resource_attributes",
            ),
            (&self.otlp.promote_scope_metadata, "promote_scope_metadata"),
            (&self.otlp.translation_strategy, "translation_strategy"),
            (
                &self.otlp.keep_identifying_resource_attributes,
                "keep_identifying_resource_attributes",
            ),
            (
                &self.otlp.convert_histograms_to_nhcb,
                "convert_histograms_to_nhcb",
            ),
        ] {
            note(line(section), &format!("otlp.{name}: has no effect"));
        }
        found
    }
}
