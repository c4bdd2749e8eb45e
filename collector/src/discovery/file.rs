//! `file_sd_configs`: files of target groups, read again when they change.
//!
//! Change is noticed by looking every few seconds at time and size, which costs a stat a file and works on every
//! file system, mounted ConfigMaps included. A file that does not parse leaves its last good groups in place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::{Outlet, TargetGroup, fixed_group};
use crate::config::{FileSdConfig, StaticConfig};

/// How often files are looked at, unless the refresh interval is shorter still.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// A larger file is refused.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// What is known of a file.
#[derive(Debug, Default)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    sources: BTreeSet<String>,
}

pub(super) async fn run(config: FileSdConfig, base_dir: PathBuf, out: Outlet) {
    let mut known: BTreeMap<PathBuf, Known> = BTreeMap::new();
    let refresh = config.refresh_interval.0;
    let mut read_all_at = Instant::now();
    let mut first = true;
    loop {
        let all = Instant::now() >= read_all_at;
        if all {
            read_all_at = Instant::now() + refresh;
        }
        let (config, base_dir) = (config.clone(), base_dir.clone());
        let look = tokio::task::spawn_blocking(move || {
            let groups = look(&config, &base_dir, &mut known, all);
            (known, groups)
        });
        let Ok((state, groups)) = look.await else { return };
        known = state;
        if (first || !groups.is_empty()) && !out.send(groups).await {
            return;
        }
        first = false;
        tokio::time::sleep(LOOK_INTERVAL.min(refresh)).await;
    }
}

/// The groups that changed since the last look.
fn look(
    config: &FileSdConfig,
    base_dir: &Path,
    known: &mut BTreeMap<PathBuf, Known>,
    all: bool,
) -> Vec<TargetGroup> {
    let found: BTreeSet<PathBuf> = config
        .files
        .iter()
        .flat_map(|pattern| expand(base_dir, pattern))
        .collect();
    let mut changed = Vec::new();
    let gone: Vec<PathBuf> = known
        .keys()
        .filter(|path| !found.contains(*path))
        .cloned()
        .collect();
    for state in gone.into_iter().filter_map(|path| known.remove(&path)) {
        changed.extend(state.sources.into_iter().map(empty));
    }
    for path in found {
        let state = known.entry(path.clone()).or_default();
        let stamp = stamp(&path);
        if !all && stamp.is_some() && stamp == state.stamp {
            continue;
        }
        match read(&path) {
            Ok(groups) => {
                state.stamp = stamp;
                let sources: BTreeSet<String> = groups.iter().map(|group| group.source.clone()).collect();
                changed.extend(state.sources.difference(&sources).cloned().map(empty));
                state.sources = sources;
                changed.extend(groups);
            }
            Err(error) if stamp != state.stamp => {
                state.stamp = stamp;
                tracing::error!(path = %path.display(), error, "a file of targets cannot be used");
            }
            Err(_) => {}
        }
    }
    changed
}

fn empty(source: String) -> TargetGroup {
    TargetGroup {
        source,
        ..TargetGroup::default()
    }
}

fn expand(base_dir: &Path, pattern: &str) -> Vec<PathBuf> {
    let full = base_dir.join(pattern);
    match glob::glob(&full.to_string_lossy()) {
        Ok(paths) => paths.flatten().collect(),
        Err(error) => {
            tracing::error!(pattern, %error, "a pattern of file names cannot be used");
            Vec::new()
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Reads one file of groups.
fn read(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("it is larger than {MAX_FILE_BYTES} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let groups: Vec<StaticConfig> = if json {
        serde_json::from_str(&text).map_err(|e| e.to_string())?
    } else {
        yaml::from_str::<Option<Vec<StaticConfig>>>(&text)
            .map_err(|e| e.to_string())?
            .unwrap_or_default()
    };
    let name = path.to_string_lossy();
    let labelled = groups.iter().enumerate().map(|(i, config)| {
        let mut group = fixed_group(format!("{name}:{i}"), config);
        group
            .labels
            .push(("__meta_filepath".to_owned(), name.clone().into_owned()));
        group
    });
    Ok(labelled.collect())
}
