//! What the API shows of targets.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Labels;
use model::metrics::Metadata;

use super::families::Family;

/// Whether the last scrape went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// It did.
    Up,
    /// It did not.
    Down,
}

impl Health {
    /// The word in the HTTP API.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Up => "up",
            Health::Down => "down",
        }
    }
}

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveTarget {
    /// As discovered.
    pub discovered_labels: Labels,
    /// As stored with every sample.
    pub labels: Labels,
    /// The job's name.
    pub scrape_pool: String,
    /// Where it is fetched from.
    pub scrape_url: String,
    /// The same as seen from other machines.
    pub global_url: String,
    /// What went wrong last time, or "".
    pub last_error: String,
    /// When it was scraped last, milliseconds since the epoch.
    pub last_scrape_ms: Option<i64>,
    /// How long that took, in seconds.
    pub last_scrape_duration_seconds: f64,
    /// Whether it went well.
    pub health: Health,
    /// How often, as Prometheus writes durations.
    pub scrape_interval: String,
    /// How long at most.
    pub scrape_timeout: String,
}

/// A target that a rule dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTarget {
    /// As discovered.
    pub discovered_labels: Labels,
    /// The job's name.
    pub scrape_pool: String,
}

/// All targets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetsStatus {
    /// By job, then by labels.
    pub active: Vec<ActiveTarget>,
    /// A bounded number of each job's.
    pub dropped: Vec<DroppedTarget>,
    /// How many there are of each job.
    pub dropped_counts: BTreeMap<String, usize>,
}

/// What a target's families say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetMetadata {
    /// The target's labels.
    pub target: Labels,
    /// Family and metadata, by name.
    pub families: Vec<(String, Metadata)>,
}

/// The outcome of the last scrape, shared between a loop and the API.
#[derive(Debug, Clone, Default)]
pub(super) struct LastScrape {
    pub(super) error: String,
    pub(super) at_ms: Option<i64>,
    pub(super) duration_seconds: f64,
    pub(super) health: Health,
    pub(super) families: Arc<[Arc<Family>]>,
}
