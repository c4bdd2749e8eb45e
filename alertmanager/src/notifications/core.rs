//! All state, and every decision on it. No waiting, no disk, no socket.

use std::sync::Arc;

use super::alerts::{AlertStore, Stored};
use crate::alert::{Alert, AlertStatus, Fingerprint};
use crate::config::Config;
use crate::dispatch::{Dispatcher, Flush, Inserted};
use crate::inhibit::Inhibitor;
use crate::mute;
use crate::nflog::{self, LogKey, NotificationLog, Reason};
use crate::silence::{NewSilence, SilenceError, Silences};

/// What is kept on disk.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) alerts: Vec<Stored>,
    pub(super) silences: Silences,
    pub(super) log: NotificationLog,
}

/// Which files are out of date.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Changed {
    pub(super) alerts: bool,
    pub(super) silences: bool,
    pub(super) log: bool,
}

/// What is to be told to a receiver in one way.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Which of the receiver's ways.
    pub(super) integration: usize,
    pub(super) key: LogKey,
    /// What is told; empty where only the log is to know.
    pub(super) alerts: Vec<Arc<Alert>>,
    pub(super) firing: Vec<Fingerprint>,
    pub(super) resolved: Vec<Fingerprint>,
    pub(super) reason: Reason,
}

pub(super) struct Core {
    pub(super) config: Arc<Config>,
    pub(super) alerts: AlertStore,
    pub(super) dispatcher: Dispatcher,
    pub(super) inhibitor: Inhibitor,
    pub(super) silences: Silences,
    pub(super) log: NotificationLog,
    pub(super) changed: Changed,
    /// Counts configurations: a flush of an earlier one has no group to come back to.
    pub(super) generation: u64,
}

impl Core {
    /// Goes on from what was kept.
    pub(super) fn restore(config: Arc<Config>, kept: Kept, now_ms: i64) -> Core {
        let mut core = Core {
            dispatcher: Dispatcher::new(config.routes.clone()),
            inhibitor: Inhibitor::default(),
            alerts: AlertStore::restore(kept.alerts),
            silences: kept.silences,
            log: kept.log,
            changed: Changed::default(),
            generation: 0,
            config: config.clone(),
        };
        core.replace_config(config, now_ms);
        core
    }

    /// Routes every alert anew.
    pub(super) fn replace_config(&mut self, config: Arc<Config>, now_ms: i64) {
        self.generation += 1;
        self.dispatcher = Dispatcher::new(config.routes.clone());
        self.inhibitor = Inhibitor::new(config.inhibit_rules.iter().cloned());
        self.config = config;
        for stored in self.alerts.iter() {
            self.inhibitor.insert(&stored.alert);
            self.dispatcher.insert(&stored.alert, now_ms);
        }
    }

    /// Takes reports; gives how many had to be dropped.
    pub(super) fn accept(&mut self, alerts: Vec<Alert>, now_ms: i64) -> u64 {
        let mut dropped = 0;
        for alert in alerts {
            let Some(accepted) = self.alerts.accept(alert, self.config.resolve_timeout_ms, now_ms) else {
                dropped += 1;
                continue;
            };
            self.changed.alerts |= accepted.is_news;
            self.inhibitor.insert(&accepted.alert);
            if self.dispatcher.insert(&accepted.alert, now_ms) == Inserted::TooManyGroups {
                dropped += 1;
            }
        }
        dropped
    }

    pub(super) fn next_due_ms(&self) -> Option<i64> {
        self.dispatcher.next_due_ms()
    }

    /// The groups whose time has come.
    pub(super) fn plan(&mut self, now_ms: i64) -> Vec<Flush> {
        let flushes = self.dispatcher.plan(now_ms);
        // An alert may have ended without word; the file must say so before the log says that it was told.
        self.changed.alerts |= flushes.iter().any(Flush::has_resolved);
        flushes
    }

    /// What a flush has to tell, and to whom: nothing where the route is muted, the alerts that are neither
    /// inhibited nor silenced otherwise, and only where that is news.
    pub(super) fn deliveries(&self, flush: &Flush) -> Vec<Delivery> {
        let options = &flush.options;
        let muted = mute::muted_by(
            &self.config.time_intervals,
            &options.mute_time_intervals,
            &options.active_time_intervals,
            flush.at_ms,
        );
        let Some(receiver) = self
            .config
            .receivers
            .get(&options.receiver)
            .filter(|_| muted.is_empty())
        else {
            return Vec::new();
        };
        let audible = |alert: &&Arc<Alert>| {
            self.inhibitor.inhibited_by(&alert.labels, flush.at_ms).is_none()
                && self.silences.silenced_by(&alert.labels, flush.at_ms).is_empty()
        };
        let alerts: Vec<Arc<Alert>> = flush.alerts.iter().filter(audible).cloned().collect();
        if alerts.is_empty() {
            return Vec::new();
        }
        let prints = |status| {
            let these = alerts.iter().filter(|alert| alert.status(flush.at_ms) == status);
            let mut prints: Vec<Fingerprint> = these.map(|alert| alert.fingerprint()).collect();
            prints.sort_unstable();
            prints
        };
        let (firing, resolved) = (prints(AlertStatus::Firing), prints(AlertStatus::Resolved));
        let each = receiver
            .integrations
            .iter()
            .enumerate()
            .filter_map(|(integration, how)| {
                let receiver = format!("{}/{}/{integration}", receiver.name, how.kind());
                let key = LogKey {
                    group: flush.key.to_string(),
                    receiver,
                };
                let reason = nflog::news(
                    self.log.get(&key),
                    &firing,
                    &resolved,
                    how.send_resolved(),
                    options.repeat_interval_ms,
                    flush.at_ms,
                )?;
                let told = |alert: &&Arc<Alert>| {
                    how.send_resolved() || alert.status(flush.at_ms) == AlertStatus::Firing
                };
                let alerts = alerts.iter().filter(told).cloned().collect();
                let (firing, resolved) = (firing.clone(), resolved.clone());
                Some(Delivery {
                    integration,
                    key,
                    alerts,
                    firing,
                    resolved,
                    reason,
                })
            });
        each.collect()
    }

    /// Takes down that a delivery was made.
    pub(super) fn record(&mut self, delivery: Delivery, flush: &Flush) {
        let repeat_interval_ms = flush.options.repeat_interval_ms;
        self.log.record(
            delivery.key,
            delivery.firing,
            delivery.resolved,
            repeat_interval_ms,
            flush.at_ms,
        );
        self.changed.log = true;
    }

    /// Takes a flush back.
    pub(super) fn finish(&mut self, flush: &Flush, told: bool, generation: u64) {
        if generation == self.generation {
            self.dispatcher.finish(flush, told);
        }
    }

    /// Forgets what is over for long.
    pub(super) fn collect(&mut self, now_ms: i64) {
        let gone = self.alerts.collect(now_ms);
        self.changed.alerts |= !gone.is_empty();
        for alert in gone {
            self.inhibitor.remove(&alert);
        }
        self.changed.silences |= self.silences.collect(now_ms);
        self.changed.log |= self.log.collect(now_ms);
    }

    pub(super) fn set_silence(&mut self, asked: NewSilence, now_ms: i64) -> Result<String, SilenceError> {
        let id = self.silences.set(asked, now_ms)?;
        self.changed.silences = true;
        Ok(id)
    }

    pub(super) fn expire_silence(&mut self, id: &str, now_ms: i64) -> Result<(), SilenceError> {
        self.silences.expire(id, now_ms)?;
        self.changed.silences = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
