//! The notification log: what each receiver was last told about each group.
//!
//! Pure. It decides whether a group has news for a receiver. Kept on disk by the shell, it is what makes a
//! restart neither repeat nor lose a notification. Costs: one entry (two sorted lists of fingerprints) a group
//! and way of reaching a receiver.

use std::collections::HashMap;

use crate::alert::Fingerprint;

/// How long an entry is kept at most.
pub const RETENTION_MS: i64 = 120 * 3_600_000;
/// How long an entry is kept at least, however short the repeat interval: while a receiver cannot be reached the
/// log must go on knowing that it was told of a fire.
pub const MIN_RETENTION_MS: i64 = 24 * 3_600_000;

/// Whom an entry concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogKey {
    /// The group's key.
    pub group: String,
    /// `receiver/kind/index`.
    pub receiver: String,
}

/// What a receiver was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The alerts that fired, sorted.
    pub firing: Vec<Fingerprint>,
    /// The alerts that had ended, sorted.
    pub resolved: Vec<Fingerprint>,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// When the entry can be forgotten.
    pub expires_ms: i64,
}

/// Why a notification goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The receiver knows nothing of the group, or only that it was resolved.
    FirstNotification,
    /// Alerts have joined the group.
    NewAlerts,
    /// Some alerts ended.
    SomeResolved,
    /// The last alerts ended.
    AllResolved,
    /// Nothing changed for the repeat interval.
    Repeat,
}

impl Reason {
    /// As the webhook's `notification_reason` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::FirstNotification => "first notification",
            Reason::NewAlerts => "new alerts added",
            Reason::SomeResolved => "some alerts resolved",
            Reason::AllResolved => "all alerts resolved",
            Reason::Repeat => "repeat interval elapsed",
        }
    }
}

/// Whether a group has news for a receiver, and which. `firing` and `resolved` are the group's alerts now; both
/// and the lists of `entry` are sorted. The rules are those of Alertmanager's deduplication stage.
pub fn news(
    entry: Option<&LogEntry>,
    firing: &[Fingerprint],
    resolved: &[Fingerprint],
    send_resolved: bool,
    repeat_interval_ms: i64,
    now_ms: i64,
) -> Option<Reason> {
    let Some(entry) = entry else {
        return (!firing.is_empty()).then_some(Reason::FirstNotification);
    };
    if !is_subset(firing, &entry.firing) {
        return Some(if entry.firing.is_empty() {
            Reason::FirstNotification
        } else {
            Reason::NewAlerts
        });
    }
    if firing.is_empty() {
        // Told even where resolved alerts are not sent: the log must forget what fired. And where the receiver
        // never heard of the alerts that came and went, their end is no news.
        return (!entry.firing.is_empty()).then_some(Reason::AllResolved);
    }
    if send_resolved && !is_subset(resolved, &entry.resolved) {
        return Some(Reason::SomeResolved);
    }
    (entry.at_ms < now_ms.saturating_sub(repeat_interval_ms)).then_some(Reason::Repeat)
}

fn is_subset(these: &[Fingerprint], of: &[Fingerprint]) -> bool {
    these
        .iter()
        .all(|fingerprint| of.binary_search(fingerprint).is_ok())
}

/// All entries.
#[derive(Debug, Default)]
pub struct NotificationLog {
    entries: HashMap<LogKey, LogEntry>,
}

impl NotificationLog {
    /// The log as it was kept.
    pub fn restore(entries: impl IntoIterator<Item = (LogKey, LogEntry)>) -> NotificationLog {
        NotificationLog {
            entries: entries.into_iter().collect(),
        }
    }

    /// What a receiver was last told about a group.
    pub fn get(&self, key: &LogKey) -> Option<&LogEntry> {
        self.entries.get(key)
    }

    /// All entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&LogKey, &LogEntry)> {
        self.entries.iter()
    }

    /// Takes down what a receiver was told at `now_ms`. The lists are sorted.
    pub fn record(
        &mut self,
        key: LogKey,
        firing: Vec<Fingerprint>,
        resolved: Vec<Fingerprint>,
        repeat_interval_ms: i64,
        now_ms: i64,
    ) {
        let keep = repeat_interval_ms
            .saturating_mul(2)
            .clamp(MIN_RETENTION_MS, RETENTION_MS);
        let expires_ms = now_ms.saturating_add(keep);
        self.entries.insert(
            key,
            LogEntry {
                firing,
                resolved,
                at_ms: now_ms,
                expires_ms,
            },
        );
    }

    /// Forgets what has expired; says whether there was any.
    pub fn collect(&mut self, now_ms: i64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|_, entry| entry.expires_ms > now_ms);
        self.entries.len() != before
    }
}

#[cfg(test)]
mod tests;
