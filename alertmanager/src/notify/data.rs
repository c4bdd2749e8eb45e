//! What a message says: the webhook's JSON (version 4) and the data of templates are the same thing.

mod object;

use std::collections::BTreeMap;

use model::Labels;
use serde::{Serialize, Serializer};

use super::Notice;
use crate::alert::{Alert, AlertStatus};
use crate::template::{Value, format_time};

pub(super) use object::strings;

/// A message about a group. Field names and order are those of Alertmanager's webhook.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The receiver's name, with characters of regular expressions escaped.
    pub receiver: String,
    /// `firing` while any alert fires.
    pub status: &'static str,
    /// The alerts.
    pub alerts: Vec<MessageAlert>,
    /// Why now.
    #[serde(rename = "notification_reason")]
    pub notification_reason: String,
    /// The labels that define the group.
    pub group_labels: Kv,
    /// The labels that all alerts have.
    pub common_labels: Kv,
    /// The annotations that all alerts have.
    pub common_annotations: Kv,
    /// The labels of the route.
    pub route_labels: Kv,
    /// Where people reach this server.
    #[serde(rename = "externalURL")]
    pub external_url: String,
    /// The version of this format.
    pub version: &'static str,
    /// The group's key.
    pub group_key: String,
    /// How many alerts were left out.
    pub truncated_alerts: usize,
}

/// An alert of a message.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageAlert {
    /// `firing` or `resolved`.
    pub status: &'static str,
    /// Its labels.
    pub labels: Kv,
    /// Its annotations.
    pub annotations: Kv,
    /// When it began, milliseconds since the epoch.
    #[serde(serialize_with = "rfc3339")]
    pub starts_at: i64,
    /// When it ended; 0 while it fires.
    #[serde(serialize_with = "rfc3339")]
    pub ends_at: i64,
    /// Where its cause can be looked at.
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// Names and values, in order of name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kv(pub BTreeMap<String, String>);

impl From<&Labels> for Kv {
    fn from(labels: &Labels) -> Self {
        Kv(labels
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

impl Serialize for Kv {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

/// RFC 3339 in UTC with as many digits as needed; 0 is Go's zero time, the year 1.
fn rfc3339<S: Serializer>(at_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_ms(*at_ms))
}

fn format_ms(at_ms: i64) -> String {
    match time_value(at_ms) {
        Value::Time(at) => format_time(&at, "2006-01-02T15:04:05.999999999Z07:00"),
        _ => String::new(),
    }
}

fn time_value(at_ms: i64) -> Value {
    Value::time_ms(if at_ms == 0 {
        crate::template::ZERO_TIME_MS
    } else {
        at_ms
    })
}

impl Message {
    /// The message for a notice, with at most `max_alerts` alerts where that is not 0. Route labels are filled in
    /// by the caller, who can render them.
    pub fn new(notice: &Notice<'_>, external_url: &str, max_alerts: usize) -> Message {
        let shown = match max_alerts {
            0 => notice.alerts,
            max => notice.alerts.get(..max).unwrap_or(notice.alerts),
        };
        let alerts: Vec<MessageAlert> = shown
            .iter()
            .map(|alert| MessageAlert::new(alert, notice.at_ms))
            .collect();
        let firing = alerts
            .iter()
            .any(|alert| alert.status == AlertStatus::Firing.as_str());
        Message {
            receiver: quote_meta(notice.receiver),
            status: if firing {
                AlertStatus::Firing
            } else {
                AlertStatus::Resolved
            }
            .as_str(),
            notification_reason: notice.reason.to_owned(),
            group_labels: Kv::from(notice.group_labels),
            common_labels: common(alerts.iter().map(|alert| &alert.labels)),
            common_annotations: common(alerts.iter().map(|alert| &alert.annotations)),
            route_labels: Kv::default(),
            external_url: external_url.to_owned(),
            version: "4",
            group_key: notice.group_key.to_owned(),
            truncated_alerts: notice.alerts.len() - shown.len(),
            alerts,
        }
    }
}

impl MessageAlert {
    fn new(alert: &Alert, at_ms: i64) -> MessageAlert {
        MessageAlert {
            status: alert.status(at_ms).as_str(),
            labels: Kv::from(&alert.labels),
            annotations: Kv::from(&alert.annotations),
            starts_at: alert.starts_at_ms,
            ends_at: alert.ends_at_ms,
            generator_url: alert.generator_url.clone(),
            fingerprint: alert.fingerprint().to_string(),
        }
    }
}

/// The pairs that all have.
fn common<'a>(mut all: impl Iterator<Item = &'a Kv>) -> Kv {
    let Some(first) = all.next() else {
        return Kv::default();
    };
    let mut common = first.clone();
    for other in all {
        common.0.retain(|name, value| other.0.get(name) == Some(value));
    }
    common
}

/// Go's `regexp.QuoteMeta`, which escapes fewer characters than the regex crate.
fn quote_meta(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
