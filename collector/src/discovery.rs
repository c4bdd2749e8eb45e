//! Discovery: what could be scraped, as groups of labelled addresses that come, change and go.
//!
//! Each discoverer is a task that sends [`Update`]s over a channel to its job's pool; fixed lists need no task.
//! A group replaces the one of the same source; an empty one takes it away.

mod file;
mod kubernetes;

use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::{Discovery, StaticConfig};

/// Targets from one place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetGroup {
    /// Where from, unique within a discoverer.
    pub source: String,
    /// Labels of all of them.
    pub labels: Vec<(String, String)>,
    /// Labels of each, `__address__` among them.
    pub targets: Vec<Vec<(String, String)>>,
}

/// What a discoverer has to say. Its first word tells that it has looked, even where it found nothing.
#[derive(Debug)]
pub struct Update {
    /// Who says it.
    pub discoverer: u64,
    /// Groups that are new, changed or, if empty, gone.
    pub groups: Vec<TargetGroup>,
}

/// The groups of `static_configs`.
pub fn fixed_groups(configs: &[StaticConfig]) -> Vec<TargetGroup> {
    configs
        .iter()
        .enumerate()
        .map(|(i, config)| fixed_group(i.to_string(), config))
        .collect()
}

fn fixed_group(source: String, config: &StaticConfig) -> TargetGroup {
    let address = |target: &String| vec![("__address__".to_owned(), target.clone())];
    TargetGroup {
        source,
        labels: config
            .labels
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        targets: config.targets.iter().map(address).collect(),
    }
}

/// Starts the task of a discoverer that needs one. It ends when it is aborted or nobody listens any more.
pub fn spawn(
    id: u64,
    config: &Discovery,
    base_dir: &Path,
    updates: mpsc::Sender<Update>,
) -> Option<JoinHandle<()>> {
    let out = Outlet { id, updates };
    let base_dir = base_dir.to_owned();
    match config.clone() {
        Discovery::Static(_) => None,
        Discovery::File(config) => Some(tokio::spawn(file::run(config, base_dir, out))),
        Discovery::Kubernetes(config) => Some(tokio::spawn(kubernetes::run(*config, base_dir, out))),
    }
}

/// Where a discoverer's findings go.
#[derive(Clone)]
struct Outlet {
    id: u64,
    updates: mpsc::Sender<Update>,
}

impl Outlet {
    /// Sends groups on; false where nobody listens any more.
    async fn send(&self, groups: Vec<TargetGroup>) -> bool {
        self.updates
            .send(Update {
                discoverer: self.id,
                groups,
            })
            .await
            .is_ok()
    }
}
