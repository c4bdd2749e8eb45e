//! An alert as it passes from the rules to the notifications: a label set that fires from one time to another.
//!
//! Identity is the label set. Its [`Fingerprint`] is computed as Prometheus computes it, so that links, logs and
//! webhook receivers that know fingerprints from there find the same ones here.

use std::fmt;

use model::Labels;

/// The label that names the rule an alert comes from.
pub const ALERT_NAME: &str = "alertname";

/// An alert at one time. All times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What identifies it, `alertname` included.
    pub labels: Labels,
    /// What it says to people.
    pub annotations: Labels,
    /// When it began to fire.
    pub starts_at_ms: i64,
    /// When it ended, or when it is to be taken for ended unless it is sent again; 0 while that is open.
    pub ends_at_ms: i64,
    /// Where its cause can be looked at.
    pub generator_url: String,
    /// When its sender last vouched for it.
    pub updated_at_ms: i64,
}

/// Whether an alert still fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlertStatus {
    /// It fires.
    Firing,
    /// It has ended.
    Resolved,
}

impl AlertStatus {
    /// As webhooks and templates spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertStatus::Firing => "firing",
            AlertStatus::Resolved => "resolved",
        }
    }
}

impl Alert {
    /// The status at `now_ms`: resolved once the end is known and not in the future.
    pub fn status(&self, now_ms: i64) -> AlertStatus {
        if self.ends_at_ms != 0 && self.ends_at_ms <= now_ms {
            AlertStatus::Resolved
        } else {
            AlertStatus::Firing
        }
    }

    /// The rule's name, or "".
    pub fn name(&self) -> &str {
        self.labels.get(ALERT_NAME).unwrap_or("")
    }

    /// The fingerprint of the labels.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }
}

/// Whoever takes alerts. Never blocks for long: implementations queue.
pub trait AlertSink: Send + Sync {
    /// Takes a batch: new alerts, alerts that go on, and alerts that ended.
    fn alerts(&self, alerts: Vec<Alert>);
}

/// 64 bits of FNV-1a over the labels in order of name, each name and value followed by the byte 255, which
/// UTF-8 never contains. Not proof against deliberate collisions. Shown as 16 hex digits.
///
/// Source: `LabelSet.Fingerprint` of prometheus/common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of a label set.
    pub fn of(labels: &Labels) -> Fingerprint {
        let mut hash = FNV_OFFSET;
        for (name, value) in labels.iter() {
            for piece in [name, value] {
                for byte in piece.bytes().chain([SEPARATOR]) {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
                }
            }
        }
        Fingerprint(hash)
    }
}

const FNV_OFFSET: u64 = 14_695_981_039_346_656_037;
const FNV_PRIME: u64 = 1_099_511_628_211;
const SEPARATOR: u8 = 255;

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(ends_at_ms: i64) -> Alert {
        Alert {
            labels: Labels::from_pairs([(ALERT_NAME, "Down")]),
            annotations: Labels::empty(),
            starts_at_ms: 10,
            ends_at_ms,
            generator_url: String::new(),
            updated_at_ms: 10,
        }
    }

    #[test]
    fn the_end_decides_the_status() {
        for (ends, now, status) in [
            (0, 1000, AlertStatus::Firing),
            (1001, 1000, AlertStatus::Firing),
            (1000, 1000, AlertStatus::Resolved),
            (999, 1000, AlertStatus::Resolved),
        ] {
            assert_eq!(alert(ends).status(now), status, "ends {ends}, now {now}");
        }
    }

    #[test]
    fn fingerprints_are_those_of_prometheus() {
        assert_eq!(Fingerprint::of(&Labels::empty()).to_string(), "cbf29ce484222325");
        let one = Labels::from_pairs([("ab", "c")]);
        let two = Labels::from_pairs([("a", "bc")]);
        assert_ne!(Fingerprint::of(&one), Fingerprint::of(&two));
    }
}
