//! The records of the files, as JSON shows them. Times are milliseconds since the epoch.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Labels, MatchOp, Matcher};
use serde::{Deserialize, Serialize};

use super::super::alerts::Stored;
use crate::alert::{Alert, Fingerprint};
use crate::matchers::Matchers;
use crate::nflog::{LogEntry, LogKey};
use crate::silence::Silence;

/// The first record of a file.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) written_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AlertRecord {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at_ms: i64,
    ends_at_ms: i64,
    end_is_timeout: bool,
    updated_at_ms: i64,
    generator_url: String,
}

fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl From<&Stored> for AlertRecord {
    fn from(stored: &Stored) -> Self {
        let alert = &stored.alert;
        AlertRecord {
            labels: pairs(&alert.labels),
            annotations: pairs(&alert.annotations),
            starts_at_ms: alert.starts_at_ms,
            ends_at_ms: alert.ends_at_ms,
            end_is_timeout: stored.end_is_timeout,
            updated_at_ms: alert.updated_at_ms,
            generator_url: alert.generator_url.clone(),
        }
    }
}

impl AlertRecord {
    /// The alert after a restart. One that fired when the file was written fires on for as long as it then would
    /// have, and at least for the resolve timeout: its sender needs time to vouch for it again. If it does not,
    /// the alert ends, and whoever was told of it is told of its end.
    pub(super) fn restore(self, written_at_ms: i64, now_ms: i64, resolve_timeout_ms: i64) -> Stored {
        let left_ms = self.ends_at_ms.saturating_sub(written_at_ms);
        let ends_at_ms = if left_ms > 0 {
            now_ms.saturating_add(left_ms.max(resolve_timeout_ms))
        } else {
            self.ends_at_ms
        };
        let alert = Alert {
            labels: Labels::from_pairs(self.labels),
            annotations: Labels::from_pairs(self.annotations),
            starts_at_ms: self.starts_at_ms,
            ends_at_ms,
            generator_url: self.generator_url,
            updated_at_ms: self.updated_at_ms,
        };
        Stored {
            alert: Arc::new(alert),
            end_is_timeout: left_ms > 0 || self.end_is_timeout,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SilenceRecord {
    id: String,
    matchers: Vec<MatcherRecord>,
    starts_at_ms: i64,
    ends_at_ms: i64,
    updated_at_ms: i64,
    created_by: String,
    comment: String,
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct MatcherRecord {
    name: String,
    op: String,
    value: String,
}

impl From<&Silence> for SilenceRecord {
    fn from(silence: &Silence) -> Self {
        let record = |matcher: &Matcher| MatcherRecord {
            name: matcher.name.clone(),
            op: matcher.op.as_str().to_owned(),
            value: matcher.value.clone(),
        };
        SilenceRecord {
            id: silence.id.clone(),
            matchers: silence.matchers.iter().map(record).collect(),
            starts_at_ms: silence.starts_at_ms,
            ends_at_ms: silence.ends_at_ms,
            updated_at_ms: silence.updated_at_ms,
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
            annotations: silence.annotations.clone(),
        }
    }
}

impl SilenceRecord {
    /// The silence; `None` where a matcher means nothing to this version. A silence without one of its matchers
    /// would mute more than was asked for.
    pub(super) fn restore(self) -> Option<Silence> {
        let matcher = |record: MatcherRecord| {
            let ops = [
                MatchOp::Equal,
                MatchOp::NotEqual,
                MatchOp::Regex,
                MatchOp::NotRegex,
            ];
            let op = ops.into_iter().find(|op| op.as_str() == record.op)?;
            Matcher::new(record.name, op, record.value).ok()
        };
        let Some(matchers) = self.matchers.into_iter().map(matcher).collect::<Option<Vec<_>>>() else {
            tracing::error!(
                id = self.id,
                "silence is dropped: one of its matchers is not understood"
            );
            return None;
        };
        Some(Silence {
            id: self.id,
            matchers: Matchers::new(matchers),
            starts_at_ms: self.starts_at_ms,
            ends_at_ms: self.ends_at_ms,
            updated_at_ms: self.updated_at_ms,
            created_by: self.created_by,
            comment: self.comment,
            annotations: self.annotations,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct LogRecord {
    group: String,
    receiver: String,
    firing: Vec<u64>,
    resolved: Vec<u64>,
    at_ms: i64,
    expires_ms: i64,
}

impl From<(&LogKey, &LogEntry)> for LogRecord {
    fn from((key, entry): (&LogKey, &LogEntry)) -> Self {
        let numbers = |prints: &[Fingerprint]| prints.iter().map(|print| print.0).collect();
        LogRecord {
            group: key.group.clone(),
            receiver: key.receiver.clone(),
            firing: numbers(&entry.firing),
            resolved: numbers(&entry.resolved),
            at_ms: entry.at_ms,
            expires_ms: entry.expires_ms,
        }
    }
}

impl LogRecord {
    pub(super) fn restore(self) -> (LogKey, LogEntry) {
        let prints = |numbers: Vec<u64>| numbers.into_iter().map(Fingerprint).collect();
        let entry = LogEntry {
            firing: prints(self.firing),
            resolved: prints(self.resolved),
            at_ms: self.at_ms,
            expires_ms: self.expires_ms,
        };
        (
            LogKey {
                group: self.group,
                receiver: self.receiver,
            },
            entry,
        )
    }
}
