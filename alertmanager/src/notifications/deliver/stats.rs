//! Counts for Masthead's own metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What one way of reaching one receiver has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IntegrationStats {
    /// Notifications that were delivered or given up.
    pub notifications: u64,
    /// Notifications that were given up.
    pub notifications_failed: u64,
    /// Attempts.
    pub requests: u64,
    /// Attempts that failed.
    pub requests_failed: u64,
}

/// What has been taken and delivered since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryStats {
    /// Reports of alerts that were taken.
    pub alerts_received: u64,
    /// Reports of alerts for which there was no room.
    pub alerts_dropped: u64,
    /// By `receiver/kind/index`.
    pub integrations: BTreeMap<String, IntegrationStats>,
}

#[derive(Default)]
pub(in super::super) struct Stats {
    alerts_received: AtomicU64,
    alerts_dropped: AtomicU64,
    integrations: Mutex<BTreeMap<String, IntegrationStats>>,
}

impl Stats {
    pub(in super::super) fn count_alerts(&self, received: u64, dropped: u64) {
        self.alerts_received.fetch_add(received, Ordering::Relaxed);
        self.alerts_dropped.fetch_add(dropped, Ordering::Relaxed);
    }

    pub(super) fn attempted(&self, receiver: &str, ok: bool) {
        self.update(receiver, |stats| {
            stats.requests += 1;
            stats.requests_failed += u64::from(!ok);
        });
    }

    pub(super) fn finished(&self, receiver: &str, ok: bool) {
        self.update(receiver, |stats| {
            stats.notifications += 1;
            stats.notifications_failed += u64::from(!ok);
        });
    }

    fn update(&self, receiver: &str, update: impl FnOnce(&mut IntegrationStats)) {
        let mut all = self.integrations.lock();
        match all.get_mut(receiver) {
            Some(stats) => update(stats),
            None => update(all.entry(receiver.to_owned()).or_default()),
        }
    }

    pub(in super::super) fn snapshot(&self) -> DeliveryStats {
        DeliveryStats {
            alerts_received: self.alerts_received.load(Ordering::Relaxed),
            alerts_dropped: self.alerts_dropped.load(Ordering::Relaxed),
            integrations: self.integrations.lock().clone(),
        }
    }
}
