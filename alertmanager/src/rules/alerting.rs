//! An alerting rule: the state machine of its alerts. A function of time and of the query's result.
//!
//! inactive → pending (as long as `for`) → firing (and on for `keep_firing_for`) → resolved, kept for a while so
//! that its end is sent more than once.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Labels;
use model::labels::METRIC_NAME;

use super::config::{Rule, RuleKind};
use super::expand::Text;
use super::{Expander, Vector};
use crate::alert::{ALERT_NAME, Alert};

/// The series of pending and firing alerts.
pub(super) const ALERTS_METRIC: &str = "ALERTS";
/// The series that says since when an alert is active.
pub(super) const FOR_STATE_METRIC: &str = "ALERTS_FOR_STATE";
/// The label of [`ALERTS_METRIC`] that names the state.
const STATE_LABEL: &str = "alertstate";
/// How long a resolved alert is kept, so that its end reaches a receiver that was away.
const RESOLVED_RETENTION_MS: i64 = 15 * 60_000;
/// A firing alert ends by itself when it was not sent again so many times in a row.
const MISSED_SENDS: i64 = 4;

/// Where an alert stands. In order of gravity: a rule's state is that of its gravest alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// Not, or not any more.
    Inactive,
    /// For less than `for`.
    Pending,
    /// Sent to the notifications.
    Firing,
}

impl AlertState {
    /// As the HTTP API and the label `alertstate` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// One alert of a rule. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveAlert {
    /// Its identity.
    pub labels: Labels,
    /// As expanded at the last evaluation that saw it.
    pub annotations: Labels,
    /// Where it stands.
    pub state: AlertState,
    /// The value at the last evaluation that saw it.
    pub value: f64,
    /// Since when the result has it.
    pub active_at_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: Option<i64>,
    /// When it ended.
    pub resolved_at_ms: Option<i64>,
    /// Since when it fires only by `keep_firing_for`.
    pub keep_firing_since_ms: Option<i64>,
    /// When it was last sent.
    pub last_sent_at_ms: Option<i64>,
}

/// An alert went from one state to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Which alert.
    pub labels: Labels,
    /// From where.
    pub from: AlertState,
    /// To where.
    pub to: AlertState,
}

/// Why a result could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Two elements would be the same alert or series.
    #[error("vector contains metrics with the same labelset after applying {0} labels")]
    DuplicateLabelset(&'static str),
    /// The group's limit.
    #[error("exceeded limit of {limit} with {count} {what}")]
    Limit {
        /// The bound.
        limit: usize,
        /// How many there were.
        count: usize,
        /// Of what.
        what: &'static str,
    },
}

/// A rule and its alerts.
#[derive(Debug, Clone)]
pub struct AlertingRule {
    name: String,
    expr: Arc<str>,
    for_ms: i64,
    keep_firing_for_ms: i64,
    labels: Vec<(String, Text)>,
    annotations: Vec<(String, Text)>,
    pub(super) active: BTreeMap<Labels, ActiveAlert>,
}

impl AlertingRule {
    /// A rule without alerts; `None` for a recording rule. Texts that are not templates were refused when the
    /// file was read; here they would be taken literally.
    pub fn new(rule: &Rule) -> Option<Self> {
        let RuleKind::Alerting {
            for_ms,
            keep_firing_for_ms,
            annotations,
        } = &rule.kind
        else {
            return None;
        };
        let parse = |(name, text): &(String, String)| {
            let template = format!("__alert_{}", rule.name);
            let parsed = Text::parse(&template, text, None).unwrap_or_else(|_| Text::Literal(text.clone()));
            (name.clone(), parsed)
        };
        Some(AlertingRule {
            name: rule.name.clone(),
            expr: rule.expr.as_str().into(),
            for_ms: *for_ms,
            keep_firing_for_ms: *keep_firing_for_ms,
            labels: rule.labels.iter().map(parse).collect(),
            annotations: annotations.iter().map(parse).collect(),
            active: BTreeMap::new(),
        })
    }

    /// `alertname`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long the result must be there, milliseconds.
    pub fn for_ms(&self) -> i64 {
        self.for_ms
    }

    /// The alerts, resolved ones that are still kept included.
    pub fn alerts(&self) -> impl Iterator<Item = &ActiveAlert> {
        self.active.values()
    }

    /// The gravest state of its alerts.
    pub fn state(&self) -> AlertState {
        self.alerts()
            .map(|a| a.state)
            .max()
            .unwrap_or(AlertState::Inactive)
    }

    /// Takes the query's result at `now_ms` and moves every alert. `limit` bounds how many may be active.
    ///
    /// # Errors
    /// Nothing changes on [`EvalError::DuplicateLabelset`]; on [`EvalError::Limit`] all alerts are forgotten.
    pub fn eval(
        &mut self,
        now_ms: i64,
        result: &Vector,
        expander: &Expander,
        limit: usize,
    ) -> Result<Vec<Transition>, EvalError> {
        let seen = self.seen(now_ms, result, expander)?;
        let mut transitions = Vec::new();
        for (labels, alert) in &seen {
            match self
                .active
                .get_mut(labels)
                .filter(|known| known.state != AlertState::Inactive)
            {
                Some(known) => {
                    known.value = alert.value;
                    known.annotations = alert.annotations.clone();
                }
                None => {
                    transitions.push(transition(labels, AlertState::Inactive, AlertState::Pending));
                    self.active.insert(labels.clone(), alert.clone());
                }
            }
        }
        let (for_ms, keep_ms) = (self.for_ms, self.keep_firing_for_ms);
        self.active.retain(|labels, alert| {
            let from = alert.state;
            let kept = match seen.contains_key(labels) {
                true => {
                    alert.stays(now_ms, for_ms);
                    true
                }
                false => alert.goes(now_ms, keep_ms),
            };
            if from != alert.state {
                transitions.push(transition(labels, from, alert.state));
            }
            kept
        });
        let count = self.alerts().filter(|a| a.state != AlertState::Inactive).count();
        if limit > 0 && count > limit {
            self.active.clear();
            return Err(EvalError::Limit {
                limit,
                count,
                what: "alerts",
            });
        }
        Ok(transitions)
    }

    /// The alerts of a result, as if each were new.
    fn seen(
        &self,
        now_ms: i64,
        result: &Vector,
        expander: &Expander,
    ) -> Result<BTreeMap<Labels, ActiveAlert>, EvalError> {
        let mut seen = BTreeMap::new();
        for (metric, value) in result {
            let element = expander.element(metric, *value);
            let mut labels = metric.to_builder();
            labels.del(METRIC_NAME);
            for (name, text) in &self.labels {
                labels.set(name, &element.expand(text));
            }
            labels.set(ALERT_NAME, &self.name);
            let annotations = self
                .annotations
                .iter()
                .map(|(name, text)| (name, element.expand(text)));
            let alert = ActiveAlert {
                labels: labels.build(),
                annotations: Labels::from_pairs(annotations),
                state: AlertState::Pending,
                value: *value,
                active_at_ms: now_ms,
                fired_at_ms: None,
                resolved_at_ms: None,
                keep_firing_since_ms: None,
                last_sent_at_ms: None,
            };
            if seen.insert(alert.labels.clone(), alert).is_some() {
                return Err(EvalError::DuplicateLabelset("alert"));
            }
        }
        Ok(seen)
    }

    /// `ALERTS` and `ALERTS_FOR_STATE` of the alerts that are pending or firing.
    pub fn series(&self) -> Vector {
        let mut series = Vec::new();
        for alert in self.alerts().filter(|a| a.state != AlertState::Inactive) {
            let mut labels = alert.labels.to_builder();
            labels.set(METRIC_NAME, FOR_STATE_METRIC);
            #[expect(clippy::cast_precision_loss, reason = "seconds fit a float's 53 bits")]
            let since = alert.active_at_ms.div_euclid(1000) as f64;
            series.push((labels.build(), since));
            labels
                .set(METRIC_NAME, ALERTS_METRIC)
                .set(STATE_LABEL, alert.state.as_str());
            series.push((labels.build(), 1.0));
        }
        series
    }

    /// The alerts to send at `now_ms`: firing ones every `resend_ms`, those just resolved, and these again while
    /// they are kept. A firing alert is given an end past the next few sends, so that it does not outlive us.
    pub fn due(&mut self, now_ms: i64, resend_ms: i64, interval_ms: i64, external_url: &str) -> Vec<Alert> {
        let mut due = Vec::new();
        for alert in self
            .active
            .values_mut()
            .filter(|a| a.needs_sending(now_ms, resend_ms))
        {
            alert.last_sent_at_ms = Some(now_ms);
            let valid_until = now_ms.saturating_add(MISSED_SENDS.saturating_mul(resend_ms.max(interval_ms)));
            due.push(Alert {
                labels: alert.labels.clone(),
                annotations: alert.annotations.clone(),
                starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
                ends_at_ms: alert.resolved_at_ms.unwrap_or(valid_until),
                generator_url: format!("{external_url}{}", super::link_for_expression(&self.expr, true)),
                updated_at_ms: now_ms,
            });
        }
        due
    }
}

fn transition(labels: &Labels, from: AlertState, to: AlertState) -> Transition {
    Transition {
        labels: labels.clone(),
        from,
        to,
    }
}

impl ActiveAlert {
    /// The result still has it.
    fn stays(&mut self, now_ms: i64, for_ms: i64) {
        self.keep_firing_since_ms = None;
        self.fire_when_due(now_ms, for_ms);
    }

    /// Pending becomes firing once `for` has passed.
    pub(super) fn fire_when_due(&mut self, now_ms: i64, for_ms: i64) {
        if self.state == AlertState::Pending && now_ms.saturating_sub(self.active_at_ms) >= for_ms {
            self.state = AlertState::Firing;
            self.fired_at_ms = Some(now_ms);
        }
    }

    /// The result does not have it; says whether to keep it.
    fn goes(&mut self, now_ms: i64, keep_firing_for_ms: i64) -> bool {
        match self.state {
            AlertState::Pending => {
                self.state = AlertState::Inactive;
                false
            }
            AlertState::Firing => {
                if keep_firing_for_ms > 0 {
                    let since = *self.keep_firing_since_ms.get_or_insert(now_ms);
                    if now_ms.saturating_sub(since) < keep_firing_for_ms {
                        return true;
                    }
                }
                self.state = AlertState::Inactive;
                self.resolved_at_ms = Some(now_ms);
                true
            }
            AlertState::Inactive => {
                let resolved = self.resolved_at_ms.unwrap_or(now_ms);
                now_ms.saturating_sub(resolved) <= RESOLVED_RETENTION_MS
            }
        }
    }

    fn needs_sending(&self, now_ms: i64, resend_ms: i64) -> bool {
        match (self.state, self.last_sent_at_ms) {
            (AlertState::Pending, _) => false,
            (_, None) => true,
            (_, Some(sent)) => {
                self.resolved_at_ms.is_some_and(|resolved| resolved > sent)
                    || sent.saturating_add(resend_ms) < now_ms
            }
        }
    }
}
