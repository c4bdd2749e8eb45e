//! Where targets come from: fixed lists, files, Kubernetes.

use std::collections::BTreeMap;

use serde::Deserialize;
use yaml::PromDuration;

use super::KubernetesSdConfig;
use super::global::check_label_names;

const DEFAULT_FILE_REFRESH: PromDuration = PromDuration::from_secs(300);

/// One source of targets.
#[derive(Debug, Clone, PartialEq)]
pub enum Discovery {
    /// `static_configs`
    Static(Vec<StaticConfig>),
    /// One of `file_sd_configs`
    File(FileSdConfig),
    /// One of `kubernetes_sd_configs`, or `kubernetes` with annotations
    Kubernetes(Box<KubernetesSdConfig>),
}

/// Targets that share labels: an element of `static_configs` and of the files that `file_sd_configs` reads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "RawStatic")]
pub struct StaticConfig {
    /// `host:port` of each.
    pub targets: Vec<String>,
    /// Labels of all of them.
    pub labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStatic {
    targets: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

impl TryFrom<RawStatic> for StaticConfig {
    type Error = String;

    fn try_from(raw: RawStatic) -> Result<Self, String> {
        let labels = raw.labels.unwrap_or_default();
        check_label_names(labels.keys())?;
        Ok(StaticConfig {
            targets: raw.targets.unwrap_or_default(),
            labels,
        })
    }
}

/// An element of `file_sd_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawFile")]
pub struct FileSdConfig {
    /// Paths ending in `.json`, `.yml` or `.yaml`, whose last part may hold a `*`.
    pub files: Vec<String>,
    /// After how long the files are read again at the latest.
    pub refresh_interval: PromDuration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    files: Option<Vec<String>>,
    refresh_interval: Option<PromDuration>,
}

impl TryFrom<RawFile> for FileSdConfig {
    type Error = String;

    fn try_from(raw: RawFile) -> Result<Self, String> {
        let files = raw.files.unwrap_or_default();
        if files.is_empty() {
            return Err("file service discovery config must contain at least one path name".to_owned());
        }
        if let Some(bad) = files.iter().find(|path| !is_discovery_path(path)) {
            return Err(format!("path name \"{bad}\" is not valid for file discovery"));
        }
        let interval = raw.refresh_interval.filter(|d| !d.0.is_zero());
        Ok(FileSdConfig {
            files,
            refresh_interval: interval.unwrap_or(DEFAULT_FILE_REFRESH),
        })
    }
}

/// A known ending, and at most one `*`, in the last part of the path.
fn is_discovery_path(path: &str) -> bool {
    let known = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"]
        .iter()
        .any(|end| path.ends_with(end));
    let mut stars = path.match_indices('*').map(|(at, _)| at);
    let last_part = path.rfind('/').map_or(0, |at| at + 1);
    known && stars.next().is_none_or(|at| at >= last_part) && stars.next().is_none()
}
