//! What the HTTP API and the metrics say of rules: an immutable picture, published after each evaluation.

use model::Labels;

use super::{ActiveAlert, AlertState};

/// How a rule's last evaluation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not evaluated yet.
    #[default]
    Unknown,
    /// Well.
    Good,
    /// It failed.
    Bad,
}

impl Health {
    /// As the HTTP API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Good => "ok",
            Health::Bad => "err",
        }
    }
}

/// A group as it was after its last evaluation.
#[derive(Debug, Clone, Default)]
pub struct GroupStatus {
    /// The group's name.
    pub name: String,
    /// The file's path.
    pub file: String,
    /// Milliseconds.
    pub interval_ms: i64,
    /// 0 for none.
    pub limit: usize,
    /// Milliseconds since the epoch; `None` before the first evaluation.
    pub last_evaluation_ms: Option<i64>,
    /// How long the last evaluation took, seconds.
    pub evaluation_time_s: f64,
    /// The rules in their order.
    pub rules: Vec<RuleStatus>,
    /// Counters.
    pub stats: GroupStats,
}

/// The counters of a group since it was started: what Prometheus offers as `prometheus_rule_group_*` and
/// `prometheus_rule_evaluation*`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GroupStats {
    /// Evaluations of rules.
    pub evaluations: u64,
    /// Evaluations of rules that failed.
    pub evaluation_failures: u64,
    /// Seconds spent in evaluations of rules.
    pub evaluation_seconds: f64,
    /// Evaluations of the group, missed ones included.
    pub iterations: u64,
    /// Evaluations of the group that were left out because the one before took too long.
    pub iterations_missed: u64,
    /// Samples of the last evaluation.
    pub last_samples: u64,
}

/// A rule as it was after its last evaluation.
#[derive(Debug, Clone)]
pub struct RuleStatus {
    /// The metric or the alert.
    pub name: String,
    /// PromQL in canonical form.
    pub query: String,
    /// The labels it adds, templates unexpanded.
    pub labels: Labels,
    /// How the last evaluation went.
    pub health: Health,
    /// Why it failed.
    pub last_error: Option<String>,
    /// Milliseconds since the epoch; `None` before the first evaluation.
    pub last_evaluation_ms: Option<i64>,
    /// Seconds.
    pub evaluation_time_s: f64,
    /// What only alerting rules have.
    pub alerting: Option<AlertingStatus>,
}

/// What only alerting rules have.
#[derive(Debug, Clone)]
pub struct AlertingStatus {
    /// The gravest state of the alerts.
    pub state: AlertState,
    /// `for`, milliseconds.
    pub for_ms: i64,
    /// `keep_firing_for`, milliseconds.
    pub keep_firing_for_ms: i64,
    /// Templates, unexpanded.
    pub annotations: Labels,
    /// Pending and firing alerts.
    pub alerts: Vec<ActiveAlert>,
}
