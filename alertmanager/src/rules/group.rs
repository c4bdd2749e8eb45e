//! A group: its rules, evaluated one after the other at one time, each seeing what those before it wrote.
//!
//! Blocking and without a clock of its own, but for measuring itself. An evaluation appends at most one batch a
//! rule; series that a rule wrote last time and not this time get a staleness marker.

use std::sync::Arc;

use model::metrics::{MetricRow, MetricSink, STALE_NAN, SeriesRef};
use model::{Clock, Labels};

use super::runtime::{Context, Runtime, row};
use super::status::{GroupStats, GroupStatus, Health};
use super::{Expander, Querier, RuleGroup, template_functions};
use crate::AlertSink;
use crate::template::Functions;

/// How many evaluations after a restart look for the past of alerts: in the first one, targets may not have been
/// scraped yet.
const RESTORING_EVALUATIONS: u64 = 2;

/// What all groups share.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The interval of groups that name none, milliseconds.
    pub evaluation_interval_ms: i64,
    /// How far in the past the queries of groups that say nothing look, milliseconds.
    pub query_offset_ms: i64,
    /// Labels added to every alert that lacks them, and visible to templates.
    pub external_labels: Labels,
    /// The address under which this server is known, without a slash at the end.
    pub external_url: String,
    /// How often a firing alert is sent again, milliseconds.
    pub resend_delay_ms: i64,
    /// How long ago an alert may have been seen last for its state to be restored, milliseconds.
    pub outage_tolerance_ms: i64,
    /// How long a restored alert that was nearly due waits at least, milliseconds.
    pub for_grace_period_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            evaluation_interval_ms: 60_000,
            query_offset_ms: 0,
            external_labels: Labels::empty(),
            external_url: String::new(),
            resend_delay_ms: 60_000,
            outage_tolerance_ms: 3_600_000,
            for_grace_period_ms: 600_000,
        }
    }
}

/// With whom a group deals.
#[derive(Clone)]
pub struct Outputs {
    /// Answers the queries.
    pub querier: Arc<dyn Querier>,
    /// Takes the samples.
    pub sink: Arc<dyn MetricSink>,
    /// Takes the alerts.
    pub alerts: Arc<dyn AlertSink>,
}

/// A group with the state of its rules.
pub struct Group {
    file: String,
    spec: RuleGroup,
    settings: Settings,
    functions: Arc<Functions>,
    rules: Vec<Runtime>,
    /// Series of rules that are gone; they end at the next evaluation.
    orphans: Vec<Labels>,
    /// How many evaluations are still to look for the past of alerts.
    restoring: u64,
    last_evaluation_ms: Option<i64>,
    evaluation_time_s: f64,
    stats: GroupStats,
}

impl Group {
    /// A group that has not been evaluated. With `restoring`, its alerts' past is looked for in the store, as
    /// after a restart of the process.
    pub fn new(file: &str, spec: RuleGroup, settings: Settings, restoring: bool) -> Group {
        Group {
            file: file.to_owned(),
            rules: spec.rules.iter().map(Runtime::new).collect(),
            functions: Arc::new(template_functions(&settings.external_url)),
            spec,
            settings,
            orphans: Vec::new(),
            restoring: if restoring { RESTORING_EVALUATIONS } else { 0 },
            last_evaluation_ms: None,
            evaluation_time_s: 0.0,
            stats: GroupStats::default(),
        }
    }

    /// The file and the name: what identifies a group.
    pub fn key(&self) -> (&str, &str) {
        (&self.file, &self.spec.name)
    }

    /// How often it is evaluated, milliseconds; at least 1.
    pub fn interval_ms(&self) -> i64 {
        self.spec
            .interval_ms
            .unwrap_or(self.settings.evaluation_interval_ms)
            .max(1)
    }

    /// Goes on from where an older version of the group was: rules of the same name and labels keep their alerts
    /// and series, in their order where there are several. The series of all others end.
    pub fn take_over(&mut self, mut old: Group) {
        for new in &mut self.rules {
            let same = |r: &Runtime| {
                r.spec.name == new.spec.name
                    && r.spec.labels == new.spec.labels
                    && r.alerting.is_some() == new.alerting.is_some()
            };
            let Some(at) = old.rules.iter().position(same) else {
                continue;
            };
            let known = old.rules.remove(at);
            new.written = known.written;
            new.health = known.health;
            new.last_error = known.last_error;
            new.last_evaluation_ms = known.last_evaluation_ms;
            if let (Some(new), Some(known)) = (&mut new.alerting, known.alerting) {
                new.active = known.active;
            }
        }
        self.orphans.append(&mut old.orphans);
        self.orphans
            .extend(old.rules.into_iter().flat_map(|r| r.written.into_keys()));
        self.restoring = old.restoring;
        self.last_evaluation_ms = old.last_evaluation_ms;
        self.stats = old.stats;
    }

    /// The series it wrote last and that nobody has ended yet.
    pub fn series(&self) -> Vec<Labels> {
        let written = self.rules.iter().flat_map(|r| r.written.keys());
        written.chain(&self.orphans).cloned().collect()
    }

    /// Notes evaluations that could not be made in time.
    pub fn note_missed(&mut self, count: u64) {
        self.stats.iterations += count;
        self.stats.iterations_missed += count;
    }

    /// Evaluates every rule at `now_ms`.
    pub fn evaluate(&mut self, now_ms: i64, outputs: &Outputs, clock: &dyn Clock) {
        let began_ns = clock.now_ns();
        let offset_ms = self.spec.query_offset_ms.unwrap_or(self.settings.query_offset_ms);
        let query_ms = now_ms.saturating_sub(offset_ms);
        let expander = Expander::new(
            self.functions.clone(),
            outputs.querier.clone(),
            now_ms,
            &self.settings.external_labels,
            &self.settings.external_url,
        );
        let context = Context {
            now_ms,
            query_ms,
            interval_ms: self.interval_ms(),
            limit: self.spec.limit,
            restoring: self.restoring > 0,
            settings: &self.settings,
            expander: &expander,
            outputs,
        };
        let mut samples = 0;
        for rule in &mut self.rules {
            let rule_began_ns = clock.now_ns();
            let result = rule.evaluate(&context);
            rule.evaluation_time_s = seconds(clock.now_ns() - rule_began_ns);
            rule.last_evaluation_ms = Some(now_ms);
            self.stats.evaluations += 1;
            self.stats.evaluation_seconds += rule.evaluation_time_s;
            match &result {
                Ok(count) => samples += count,
                Err(why) => {
                    self.stats.evaluation_failures += 1;
                    let (group, name) = (&self.spec.name, &rule.spec.name);
                    tracing::warn!(
                        file = self.file,
                        group,
                        rule = name,
                        error = why,
                        "evaluating rule failed"
                    );
                }
            }
            rule.health = if result.is_ok() { Health::Good } else { Health::Bad };
            rule.last_error = result.err();
        }
        self.end_orphans(query_ms, &*outputs.sink);
        self.restoring = self.restoring.saturating_sub(1);
        self.stats.iterations += 1;
        self.stats.last_samples = samples;
        self.last_evaluation_ms = Some(now_ms);
        self.evaluation_time_s = seconds(clock.now_ns() - began_ns);
    }

    fn end_orphans(&mut self, at_ms: i64, sink: &dyn MetricSink) {
        let orphans = std::mem::take(&mut self.orphans);
        let live = |labels: &Labels| self.rules.iter().any(|r| r.written.contains_key(labels));
        let ending: Vec<Labels> = orphans.into_iter().filter(|labels| !live(labels)).collect();
        end_series(ending, at_ms, sink);
    }

    /// The picture for the API.
    pub fn status(&self) -> GroupStatus {
        GroupStatus {
            name: self.spec.name.clone(),
            file: self.file.clone(),
            interval_ms: self.interval_ms(),
            limit: self.spec.limit,
            last_evaluation_ms: self.last_evaluation_ms,
            evaluation_time_s: self.evaluation_time_s,
            rules: self.rules.iter().map(Runtime::status).collect(),
            stats: self.stats,
        }
    }
}

/// Writes a staleness marker for each series.
pub(super) fn end_series(series: Vec<Labels>, at_ms: i64, sink: &dyn MetricSink) {
    if series.is_empty() {
        return;
    }
    let mut rows: Vec<MetricRow> = series
        .into_iter()
        .map(|labels| row(labels, SeriesRef::UNKNOWN, at_ms, STALE_NAN))
        .collect();
    if let Err(why) = sink.append(&mut rows) {
        tracing::warn!(error = %why, "ending the series of removed rules failed");
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations are far below 2^53 nanoseconds"
)]
fn seconds(ns: i64) -> f64 {
    ns.max(0) as f64 / 1e9
}
