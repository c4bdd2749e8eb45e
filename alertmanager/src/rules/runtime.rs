//! One rule of a group at work: its query, its alerts, and the series it writes and ends.

use std::sync::Arc;

use model::metrics::{
    HistogramRow, MetricRow, MetricSink, NewSeries, Rejected, STALE_NAN, Sample, SeriesRef,
};
use model::{Histogram, Labels};
use rustc_hash::{FxHashMap, FxHashSet};

use super::restore::{Bounds, restore};
use super::status::{AlertingStatus, Health, RuleStatus};
use super::{AlertState, AlertingRule, Answer, Expander, Outputs, Rule, RuleKind, Settings, recording};

/// A rule and what is known of its last evaluation.
pub(super) struct Runtime {
    pub(super) spec: Rule,
    /// `None` for a recording rule.
    pub(super) alerting: Option<AlertingRule>,
    /// What it wrote last time.
    pub(super) written: FxHashMap<Labels, SeriesRef>,
    pub(super) health: Health,
    pub(super) last_error: Option<String>,
    pub(super) last_evaluation_ms: Option<i64>,
    pub(super) evaluation_time_s: f64,
}

/// What one evaluation of the group gives to each rule.
pub(super) struct Context<'a> {
    pub(super) now_ms: i64,
    pub(super) query_ms: i64,
    pub(super) interval_ms: i64,
    pub(super) limit: usize,
    pub(super) restoring: bool,
    pub(super) settings: &'a Settings,
    pub(super) expander: &'a Expander,
    pub(super) outputs: &'a Outputs,
}

impl Runtime {
    /// A rule that has not been evaluated.
    pub(super) fn new(rule: &Rule) -> Runtime {
        Runtime {
            alerting: AlertingRule::new(rule),
            spec: rule.clone(),
            written: FxHashMap::default(),
            health: Health::Unknown,
            last_error: None,
            last_evaluation_ms: None,
            evaluation_time_s: 0.0,
        }
    }

    /// Queries, moves the alerts, sends those due, and stores; gives the number of samples.
    pub(super) fn evaluate(&mut self, context: &Context<'_>) -> Result<u64, String> {
        let result = context
            .outputs
            .querier
            .answer(&self.spec.expr, context.query_ms)?;
        let series = match &mut self.alerting {
            None => recording::series(&self.spec, result, context.limit).map_err(|e| e.to_string())?,
            Some(rule) => {
                let result = result.into_vector();
                let moved = rule.eval(context.now_ms, &result, context.expander, context.limit);
                for change in moved.map_err(|e| e.to_string())? {
                    let (from, to) = (change.from.as_str(), change.to.as_str());
                    tracing::debug!(alert = %change.labels, from, to, "alert changed");
                }
                if context.restoring {
                    restore_from_store(rule, context);
                }
                send(rule, context);
                Answer {
                    floats: rule.series(),
                    histograms: Vec::new(),
                }
            }
        };
        self.store(series, context)
    }

    /// Appends the series and ends those that the rule does not yield any more.
    fn store(&mut self, series: Answer, context: &Context<'_>) -> Result<u64, String> {
        let at_ms = context.query_ms;
        let sink = &*context.outputs.sink;
        let count = series.floats.len() + series.histograms.len();
        let known = |labels: &Labels| self.written.get(labels).copied().unwrap_or_default();
        let mut rows: Vec<MetricRow> = series
            .floats
            .into_iter()
            .map(|(labels, value)| {
                let series = known(&labels);
                row(labels, series, at_ms, value)
            })
            .collect();
        let floats = rows.len();
        let written_as_histograms = series.histograms.iter().map(|(labels, _)| labels);
        let now: FxHashSet<&Labels> = rows
            .iter()
            .map(|r| &r.labels)
            .chain(written_as_histograms)
            .collect();
        let ending = self.written.iter().filter(|(labels, _)| !now.contains(labels));
        let ending: Vec<MetricRow> = ending
            .map(|(labels, series)| row(labels.clone(), *series, at_ms, STALE_NAN))
            .collect();
        rows.extend(ending);
        let mut rejected: FxHashMap<usize, _> = FxHashMap::default();
        if !rows.is_empty() {
            let report = sink.append(&mut rows).map_err(|e| e.to_string())?;
            rejected.extend(report.rejected.into_iter().filter(|(i, _)| *i < floats));
            rows.truncate(floats);
        }
        let (histograms, refused) = store_histograms(series.histograms, at_ms, sink)?;
        let written = rows
            .into_iter()
            .enumerate()
            .filter(|(i, _)| !rejected.contains_key(i));
        let written = written.map(|(_, row)| (row.labels, row.series));
        self.written = written.chain(histograms).collect();
        let lost = rejected.len() + refused.len();
        match rejected.values().chain(&refused).next() {
            Some(why) => Err(format!(
                "{lost} of {count} samples were not stored: {}",
                why.as_str()
            )),
            None => Ok(u64::try_from(count).unwrap_or(u64::MAX)),
        }
    }

    /// The picture for the API.
    pub(super) fn status(&self) -> RuleStatus {
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

/// One sample on its way to the store.
pub(super) fn row(labels: Labels, series: SeriesRef, timestamp_ms: i64, value: f64) -> MetricRow {
    MetricRow {
        series,
        labels,
        sample: Sample { timestamp_ms, value },
    }
}

/// The series that were written, and why others were not.
type Written = (Vec<(Labels, SeriesRef)>, Vec<Rejected>);

/// Appends distributions.
fn store_histograms(
    histograms: Vec<(Labels, Arc<Histogram>)>,
    timestamp_ms: i64,
    sink: &dyn MetricSink,
) -> Result<Written, String> {
    if histograms.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let new: Vec<NewSeries> = histograms
        .iter()
        .map(|(labels, _)| NewSeries {
            labels: labels.clone(),
            timestamp_ms,
        })
        .collect();
    let mut handles = Vec::with_capacity(new.len());
    sink.create(&new, &mut handles);
    let (mut series, mut rows, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for ((labels, histogram), handle) in histograms.into_iter().zip(handles) {
        match handle {
            Ok(handle) => {
                series.push((labels, handle));
                rows.push(HistogramRow {
                    series: handle,
                    timestamp_ms,
                    histogram,
                });
            }
            Err(why) => refused.push(why),
        }
    }
    let report = sink.append_histograms(&rows).map_err(|e| e.to_string())?;
    let rejected: FxHashMap<usize, Rejected> = report.rejected.into_iter().collect();
    let written = series
        .into_iter()
        .enumerate()
        .filter(|(i, _)| !rejected.contains_key(i));
    let written = written.map(|(_, series)| series).collect();
    refused.extend(rejected.into_values());
    Ok((written, refused))
}
