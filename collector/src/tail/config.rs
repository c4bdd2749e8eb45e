//! The section `logs` of the configuration.

use std::collections::BTreeMap;

use serde::Deserialize;

/// ```yaml
/// logs:
///   files:
///     - paths: [/var/log/pods/*/*/*.log]
///       exclude: [/var/log/pods/kube-system_*/*/*.log]
///       format: cri
///       labels: {cluster: home}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogsConfig {
    /// Groups of files; a file belongs to the first group that matches it.
    #[serde(deserialize_with = "yaml::or_default")]
    pub files: Vec<LogFiles>,
}

/// Files that are followed in the same way.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFiles {
    /// Which files: `*` within one level, `**` over several, `?`, `[a-z]`.
    pub paths: Vec<Pattern>,
    /// Which of them not.
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub exclude: Vec<Pattern>,
    /// Labels of the stream, besides `filename`.
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub labels: BTreeMap<LabelName, String>,
    /// How lines are wrapped.
    #[serde(default)]
    pub format: Format,
}

/// How the lines of a file are wrapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Not at all; the time is that of reading.
    #[default]
    Raw,
    /// As container runtimes of Kubernetes do: `<time> stdout|stderr P|F <text>`.
    Cri,
    /// As Docker's `json-file` driver does: `{"log": …, "stream": …, "time": …}`.
    Docker,
}

/// A pattern of paths that has been checked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(glob::Pattern);

impl Pattern {
    /// Whether `path` matches, `*` and `?` standing for no separator.
    pub fn matches(&self, path: &std::path::Path) -> bool {
        self.0.matches_path_with(path, MATCH)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The options of matching: as shells do, but hidden files count.
pub(super) const MATCH: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Pattern, String> {
        glob::Pattern::new(&text)
            .map(Pattern)
            .map_err(|e| format!("invalid pattern {text:?}: {e}"))
    }
}

/// The name of a label of a stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct LabelName(String);

impl LabelName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LabelName {
    type Error = String;

    fn try_from(name: String) -> Result<LabelName, String> {
        if model::labels::is_legacy_label_name(&name) {
            Ok(LabelName(name))
        } else {
            Err(format!("invalid label name {name:?}"))
        }
    }
}
