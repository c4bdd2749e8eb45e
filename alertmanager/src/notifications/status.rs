//! How things stand, for the API: alerts, groups and receivers with what mutes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Labels;

use super::Notifications;
use super::core::Core;
use crate::alert::{Alert, AlertStatus, Fingerprint};
use crate::mute;

/// Whether anybody is told of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// Its receivers are told.
    Active,
    /// It is silenced or inhibited.
    Suppressed,
}

impl AlertState {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Active => "active",
            AlertState::Suppressed => "suppressed",
        }
    }
}

/// A firing alert and what becomes of it.
#[derive(Debug, Clone)]
pub struct AlertView {
    /// The alert.
    pub alert: Arc<Alert>,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Whether anybody is told.
    pub state: AlertState,
    /// Ids of the silences that mute it.
    pub silenced_by: Vec<String>,
    /// The alerts that inhibit it.
    pub inhibited_by: Vec<Fingerprint>,
    /// Names of the times that mute its route; only filled in within a group.
    pub muted_by: Vec<String>,
    /// Names of the receivers it is routed to.
    pub receivers: Vec<Arc<str>>,
}

/// A group and its firing alerts.
#[derive(Debug, Clone)]
pub struct GroupView {
    /// The group's key.
    pub key: Arc<str>,
    /// The labels that its alerts share.
    pub labels: Labels,
    /// The labels of its route, templates not expanded.
    pub route_labels: BTreeMap<String, String>,
    /// Who is told.
    pub receiver: Arc<str>,
    /// The alerts.
    pub alerts: Vec<AlertView>,
}

/// A receiver.
#[derive(Debug, Clone)]
pub struct ReceiverView {
    /// Its name.
    pub name: Arc<str>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Notifications {
    /// Every firing alert, in order of labels.
    pub fn firing_alerts(&self) -> Vec<AlertView> {
        let now_ms = self.0.clock.now_ms();
        let core = self.0.core.lock();
        let firing = core
            .alerts
            .iter()
            .filter(|stored| stored.alert.status(now_ms) == AlertStatus::Firing);
        let mut views: Vec<AlertView> = firing.map(|stored| core.view(&stored.alert, now_ms)).collect();
        drop(core);
        views.sort_by(|a, b| a.alert.labels.cmp(&b.alert.labels));
        views
    }

    /// Every group that has a firing alert, in order of labels and receiver.
    pub fn groups(&self) -> Vec<GroupView> {
        let now_ms = self.0.clock.now_ms();
        let core = self.0.core.lock();
        let mut views = Vec::new();
        for group in core.dispatcher.groups() {
            let options = &group.options;
            let intervals = &core.config.time_intervals;
            let (mute, active) = (&options.mute_time_intervals, &options.active_time_intervals);
            let muted_by = mute::muted_by(intervals, mute, active, now_ms);
            let firing = group
                .alerts
                .values()
                .filter(|alert| alert.status(now_ms) == AlertStatus::Firing);
            let alerts: Vec<AlertView> = firing
                .map(|alert| AlertView {
                    muted_by: muted_by.clone(),
                    ..core.view(alert, now_ms)
                })
                .collect();
            if !alerts.is_empty() {
                views.push(GroupView {
                    key: group.key.clone(),
                    labels: group.labels.clone(),
                    route_labels: options.labels.clone(),
                    receiver: options.receiver.clone(),
                    alerts,
                });
            }
        }
        drop(core);
        views.sort_by(|a, b| (&a.labels, &a.receiver, &a.key).cmp(&(&b.labels, &b.receiver, &b.key)));
        views
    }

    /// Every receiver, by name.
    pub fn receivers(&self) -> Vec<ReceiverView> {
        let config = self.0.core.lock().config.clone();
        let view = |receiver: &crate::config::Receiver| ReceiverView {
            name: receiver.name.clone(),
            labels: receiver.labels.clone(),
        };
        config.receivers.values().map(view).collect()
    }
}

impl Core {
    fn view(&self, alert: &Arc<Alert>, now_ms: i64) -> AlertView {
        let silenced_by = self.silences.silenced_by(&alert.labels, now_ms);
        let inhibited_by: Vec<_> = self
            .inhibitor
            .inhibited_by(&alert.labels, now_ms)
            .into_iter()
            .collect();
        let suppressed = !silenced_by.is_empty() || !inhibited_by.is_empty();
        let mut receivers: Vec<Arc<str>> = Vec::new();
        for route in self.config.routes.matching(&alert.labels) {
            if !receivers.contains(&route.options.receiver) {
                receivers.push(route.options.receiver.clone());
            }
        }
        AlertView {
            alert: alert.clone(),
            fingerprint: alert.fingerprint(),
            state: if suppressed {
                AlertState::Suppressed
            } else {
                AlertState::Active
            },
            silenced_by,
            inhibited_by,
            muted_by: Vec::new(),
            receivers,
        }
    }
}
