//! A group: its rules, evaluated one after the other at one time, each seeing what those before it wrote.
//!
//! Blocking and without a clock of its own, but for measuring itself. An evaluation appends at most one batch a
//! rule; series that a rule wrote last time and not this time get a staleness marker.

use std::sync::Arc;

use model::metrics::{MetricRow, MetricSink, STALE_NAN, Sample, SeriesRef};
use model::{Clock, Labels};
use rustc_hash::FxHashMap;

use super::restore::{Bounds, restore};
use super::status::{AlertingStatus, GroupStats, GroupStatus, Health, RuleStatus};
use super::{
    AlertState, AlertingRule, Expander, Querier, Rule, RuleGroup, RuleKind, Vector, recording,
    template_functions,
};
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

/// A rule and what is known of its last evaluation.
struct Runtime {
    spec: Rule,
    /// `None` for a recording rule.
    alerting: Option<AlertingRule>,
    /// What it wrote last time.
    written: FxHashMap<Labels, SeriesRef>,
    health: Health,
    last_error: Option<String>,
    last_evaluation_ms: Option<i64>,
    evaluation_time_s: f64,
}

impl Group {
    /// A group that has not been evaluated. With `restoring`, its alerts' past is looked for in the store, as
    /// after a restart of the process.
    pub fn new(file: &str, spec: RuleGroup, settings: Settings, restoring: bool) -> Group {
        let runtime = |rule: &Rule| Runtime {
            alerting: AlertingRule::new(rule),
            spec: rule.clone(),
            written: FxHashMap::default(),
            health: Health::Unknown,
            last_error: None,
            last_evaluation_ms: None,
            evaluation_time_s: 0.0,
        };
        Group {
            file: file.to_owned(),
            rules: spec.rules.iter().map(runtime).collect(),
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

fn row(labels: Labels, series: SeriesRef, timestamp_ms: i64, value: f64) -> MetricRow {
    MetricRow {
        series,
        labels,
        sample: Sample { timestamp_ms, value },
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations are far below 2^53 nanoseconds"
)]
fn seconds(ns: i64) -> f64 {
    ns.max(0) as f64 / 1e9
}

/// What one evaluation of the group gives to each rule.
struct Context<'a> {
    now_ms: i64,
    query_ms: i64,
    interval_ms: i64,
    limit: usize,
    restoring: bool,
    settings: &'a Settings,
    expander: &'a Expander,
    outputs: &'a Outputs,
}

impl Runtime {
    /// Queries, moves the alerts, sends those due, and stores; gives the number of samples.
    fn evaluate(&mut self, context: &Context<'_>) -> Result<u64, String> {
        let result = context
            .outputs
            .querier
            .instant(&self.spec.expr, context.query_ms)?;
        let series = match &mut self.alerting {
            None => recording::series(&self.spec, result, context.limit).map_err(|e| e.to_string())?,
            Some(rule) => {
                let moved = rule.eval(context.now_ms, &result, context.expander, context.limit);
                for change in moved.map_err(|e| e.to_string())? {
                    let (from, to) = (change.from.as_str(), change.to.as_str());
                    tracing::debug!(alert = %change.labels, from, to, "alert changed");
                }
                if context.restoring {
                    restore_from_store(rule, context);
                }
                send(rule, context);
                rule.series()
            }
        };
        self.store(series, context)
    }

    /// Appends the series and ends those that the rule does not yield any more.
    fn store(&mut self, series: Vector, context: &Context<'_>) -> Result<u64, String> {
        let at_ms = context.query_ms;
        let known = |labels: &Labels| self.written.get(labels).copied().unwrap_or_default();
        let mut rows: Vec<MetricRow> = series
            .into_iter()
            .map(|(labels, value)| {
                let series = known(&labels);
                row(labels, series, at_ms, value)
            })
            .collect();
        let count = rows.len();
        let now: rustc_hash::FxHashSet<&Labels> = rows.iter().map(|r| &r.labels).collect();
        let ending = self.written.iter().filter(|(labels, _)| !now.contains(labels));
        let ending: Vec<MetricRow> = ending
            .map(|(labels, series)| row(labels.clone(), *series, at_ms, STALE_NAN))
            .collect();
        rows.extend(ending);
        if rows.is_empty() {
            return Ok(0);
        }
        let report = context
            .outputs
            .sink
            .append(&mut rows)
            .map_err(|e| e.to_string())?;
        let rejected: FxHashMap<usize, _> = report
            .rejected
            .iter()
            .copied()
            .filter(|(i, _)| *i < count)
            .collect();
        rows.truncate(count);
        let written = rows
            .into_iter()
            .enumerate()
            .filter(|(i, _)| !rejected.contains_key(i));
        self.written = written.map(|(_, row)| (row.labels, row.series)).collect();
        match report.rejected.iter().find(|(i, _)| *i < count) {
            Some((_, why)) => Err(format!(
                "{} of {count} samples were not stored: {}",
                rejected.len(),
                why.as_str()
            )),
            None => Ok(u64::try_from(count).unwrap_or(u64::MAX)),
        }
    }

    fn status(&self) -> RuleStatus {
        let pairs = |pairs: &[(String, String)]| Labels::from_pairs(pairs.iter().map(|(n, v)| (n, v)));
        let alerting = match (&self.spec.kind, &self.alerting) {
            (
                RuleKind::Alerting {
                    for_ms,
                    keep_firing_for_ms,
                    annotations,
                },
                Some(rule),
            ) => Some(AlertingStatus {
                state: rule.state(),
                for_ms: *for_ms,
                keep_firing_for_ms: *keep_firing_for_ms,
                annotations: pairs(annotations),
                alerts: rule
                    .alerts()
                    .filter(|a| a.state != AlertState::Inactive)
                    .cloned()
                    .collect(),
            }),
            _ => None,
        };
        RuleStatus {
            name: self.spec.name.clone(),
            query: self.spec.expr.clone(),
            labels: pairs(&self.spec.labels),
            health: self.health,
            last_error: self.last_error.clone(),
            last_evaluation_ms: self.last_evaluation_ms,
            evaluation_time_s: self.evaluation_time_s,
            alerting,
        }
    }
}

fn restore_from_store(rule: &mut AlertingRule, context: &Context<'_>) {
    if rule.active.is_empty() {
        return;
    }
    let bounds = Bounds {
        outage_tolerance_ms: context.settings.outage_tolerance_ms,
        grace_period_ms: context.settings.for_grace_period_ms,
    };
    // Strictly before now: what this evaluation writes must not be taken for the past.
    let (from, to) = (
        context.now_ms.saturating_sub(bounds.outage_tolerance_ms),
        context.query_ms - 1,
    );
    match context.outputs.querier.for_state(rule.name(), from, to) {
        Ok(past) => restore(rule, context.now_ms, &past, bounds),
        Err(why) => tracing::warn!(
            alert = rule.name(),
            error = why,
            "restoring the state of alerts failed"
        ),
    }
}

fn send(rule: &mut AlertingRule, context: &Context<'_>) {
    let settings = context.settings;
    let mut due = rule.due(
        context.now_ms,
        settings.resend_delay_ms,
        context.interval_ms,
        &settings.external_url,
    );
    for alert in &mut due {
        let mut labels = alert.labels.to_builder();
        for (name, value) in settings
            .external_labels
            .iter()
            .filter(|(n, _)| alert.labels.get(n).is_none())
        {
            labels.set(name, value);
        }
        alert.labels = labels.build();
    }
    if !due.is_empty() {
        context.outputs.alerts.alerts(due);
    }
}
