//! The alerts that are known, by fingerprint, and how two reports of the same alert become one.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::alert::{Alert, AlertStatus, Fingerprint};

/// How many alerts there can be.
pub const MAX_ALERTS: usize = 200_000;
/// How long an alert is remembered after its end.
const KEEP_RESOLVED_MS: i64 = 15 * 60_000;

/// An alert and whether its end is only what follows if nobody reports it again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) alert: Arc<Alert>,
    pub(super) end_is_timeout: bool,
}

/// All alerts.
#[derive(Debug, Default)]
pub(super) struct AlertStore {
    by_fingerprint: FxHashMap<Fingerprint, Stored>,
}

/// What a report changed.
pub(super) struct Accepted {
    pub(super) alert: Arc<Alert>,
    /// Whether more changed than the time until which it is known to fire.
    pub(super) is_news: bool,
}

impl AlertStore {
    /// The store as it was kept.
    pub(super) fn restore(stored: Vec<Stored>) -> AlertStore {
        let by_fingerprint = stored
            .into_iter()
            .map(|stored| (stored.alert.fingerprint(), stored))
            .collect();
        AlertStore { by_fingerprint }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.by_fingerprint.values()
    }

    /// Takes a report; `None` where it is no alert or there are too many.
    pub(super) fn accept(&mut self, alert: Alert, resolve_timeout_ms: i64, now_ms: i64) -> Option<Accepted> {
        if alert.labels.is_empty() {
            return None;
        }
        let report = normalize(alert, resolve_timeout_ms, now_ms);
        let fingerprint = report.alert.fingerprint();
        let before = self.by_fingerprint.get(&fingerprint);
        if before.is_none() && self.by_fingerprint.len() >= MAX_ALERTS {
            return None;
        }
        let merged = match before {
            Some(before) if overlap(&before.alert, &report.alert) => merge(before, &report, now_ms),
            _ => report,
        };
        let is_news = before.is_none_or(|before| {
            before.alert.status(now_ms) != merged.alert.status(now_ms)
                || before.alert.starts_at_ms != merged.alert.starts_at_ms
                || before.alert.annotations != merged.alert.annotations
        });
        let alert = merged.alert.clone();
        self.by_fingerprint.insert(fingerprint, merged);
        Some(Accepted { alert, is_news })
    }

    /// Forgets alerts that ended a while ago and gives them.
    pub(super) fn collect(&mut self, now_ms: i64) -> Vec<Arc<Alert>> {
        let mut gone = Vec::new();
        self.by_fingerprint.retain(|_, stored| {
            let ends_at_ms = stored.alert.ends_at_ms;
            let over = ends_at_ms != 0 && ends_at_ms.saturating_add(KEEP_RESOLVED_MS) <= now_ms;
            if over {
                gone.push(stored.alert.clone());
            }
            !over
        });
        gone
    }
}

/// Fills in the times that a report leaves open.
fn normalize(mut alert: Alert, resolve_timeout_ms: i64, now_ms: i64) -> Stored {
    alert.updated_at_ms = now_ms;
    if alert.starts_at_ms == 0 {
        alert.starts_at_ms = if alert.ends_at_ms == 0 {
            now_ms
        } else {
            alert.ends_at_ms
        };
    }
    let end_is_timeout = alert.ends_at_ms == 0;
    if end_is_timeout {
        alert.ends_at_ms = now_ms.saturating_add(resolve_timeout_ms);
    } else {
        alert.starts_at_ms = alert.starts_at_ms.min(alert.ends_at_ms);
    }
    Stored {
        alert: Arc::new(alert),
        end_is_timeout,
    }
}

/// Whether two reports speak of the same stretch of time.
fn overlap(before: &Alert, report: &Alert) -> bool {
    let within = |at_ms: i64| at_ms > before.starts_at_ms && at_ms < before.ends_at_ms;
    within(report.ends_at_ms) || within(report.starts_at_ms) || report.starts_at_ms == before.starts_at_ms
}

/// The newer report, with the earliest start. Of two ends that have passed the later counts; a stated end that is
/// still to come outlives a mere timeout.
fn merge(before: &Stored, report: &Stored, now_ms: i64) -> Stored {
    let mut merged = Alert::clone(&report.alert);
    let mut end_is_timeout = report.end_is_timeout;
    merged.starts_at_ms = merged.starts_at_ms.min(before.alert.starts_at_ms);
    let later = before.alert.ends_at_ms > merged.ends_at_ms;
    let before_counts = match merged.status(now_ms) {
        AlertStatus::Resolved => before.alert.status(now_ms) == AlertStatus::Resolved,
        AlertStatus::Firing => !before.end_is_timeout,
    };
    if later && before_counts {
        merged.ends_at_ms = before.alert.ends_at_ms;
        end_is_timeout = before.end_is_timeout;
    }
    Stored {
        alert: Arc::new(merged),
        end_is_timeout,
    }
}

#[cfg(test)]
mod tests;
