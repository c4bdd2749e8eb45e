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

/// What a flush may have to tell, to everybody alike.
#[derive(Debug)]
pub(super) struct Audible {
    /// The alerts that are neither inhibited nor silenced; never none.
    alerts: Vec<Arc<Alert>>,
    firing: Vec<Fingerprint>,
    resolved: Vec<Fingerprint>,
    /// The ways in which the receiver is told.
    pub(super) ways: Vec<Way>,
}

/// One of the ways to reach a receiver.
#[derive(Debug)]
pub(super) struct Way {
    /// Which of the receiver's ways.
    pub(super) integration: usize,
    pub(super) key: LogKey,
    send_resolved: bool,
}

impl Audible {
    /// The alerts that are told in one way; none where only the log is to know.
    pub(super) fn told(&self, way: &Way, flush: &Flush) -> Vec<Arc<Alert>> {
        let told =
            |alert: &&Arc<Alert>| way.send_resolved || alert.status(flush.at_ms) == AlertStatus::Firing;
        self.alerts.iter().filter(told).cloned().collect()
    }
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

    /// What a flush may have to tell, and to whom: nothing where the route is muted, the alerts that are neither
    /// inhibited nor silenced otherwise. Whether it is news to each is for [`Core::news`] to say.
    pub(super) fn audible(&self, flush: &Flush) -> Option<Audible> {
        let options = &flush.options;
        let muted = mute::muted_by(
            &self.config.time_intervals,
            &options.mute_time_intervals,
            &options.active_time_intervals,
            flush.at_ms,
        );
        if !muted.is_empty() {
            return None;
        }
        let receiver = self.config.receivers.get(&options.receiver)?;
        let audible = |alert: &&Arc<Alert>| {
            self.inhibitor.inhibited_by(&alert.labels, flush.at_ms).is_none()
                && self.silences.silenced_by(&alert.labels, flush.at_ms).is_empty()
        };
        let alerts: Vec<Arc<Alert>> = flush.alerts.iter().filter(audible).cloned().collect();
        if alerts.is_empty() {
            return None;
        }
        let prints = |status| {
            let these = alerts.iter().filter(|alert| alert.status(flush.at_ms) == status);
            let mut prints: Vec<Fingerprint> = these.map(|alert| alert.fingerprint()).collect();
            prints.sort_unstable();
            prints
        };
        let ways = receiver.integrations.iter().enumerate();
        let ways = ways.map(|(integration, how)| Way {
            integration,
            key: LogKey {
                group: flush.key.to_string(),
                receiver: format!("{}/{}/{integration}", receiver.name, how.kind()),
            },
            send_resolved: how.send_resolved(),
        });
        Some(Audible {
            firing: prints(AlertStatus::Firing),
            resolved: prints(AlertStatus::Resolved),
            ways: ways.collect(),
            alerts,
        })
    }

    /// Why a receiver is to be told in one way, by what the log says it was told last. Whoever asks must have the
    /// turn of the way: a request that is under way is in the log only when it is answered.
    pub(super) fn news(&self, audible: &Audible, way: &Way, flush: &Flush) -> Option<Reason> {
        nflog::news(
            self.log.get(&way.key),
            &audible.firing,
            &audible.resolved,
            way.send_resolved,
            flush.options.repeat_interval_ms,
            flush.at_ms,
        )
    }

    /// Takes down that a receiver was told in one way.
    pub(super) fn record(&mut self, audible: &Audible, way: &Way, flush: &Flush) {
        self.log.record(
            way.key.clone(),
            audible.firing.clone(),
            audible.resolved.clone(),
            flush.options.repeat_interval_ms,
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
