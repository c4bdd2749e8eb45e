//! Inhibition: a firing source alert mutes target alerts that share the values of some labels with it.
//!
//! Pure. Every rule keeps the alerts that match its source side, indexed by the labels that must be equal, so
//! that asking whether an alert is inhibited costs one lookup for each rule whose target side it matches.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Labels;
use rustc_hash::FxHashMap;

use crate::alert::{Alert, AlertStatus, Fingerprint};
use crate::matchers::Matchers;

/// A rule as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InhibitRule {
    /// Its name, or "".
    pub name: String,
    /// Which alerts mute.
    pub source: Matchers,
    /// Which alerts are muted.
    pub target: Matchers,
    /// Labels whose values both must share, sorted; absent on both sides counts as shared.
    pub equal: Vec<String>,
}

impl InhibitRule {
    fn shared(&self, labels: &Labels) -> Labels {
        labels.filtered(|name| self.equal.binary_search_by(|n| (**n).cmp(name)).is_ok())
    }
}

/// The rules and the alerts that may be their sources.
#[derive(Debug, Default)]
pub struct Inhibitor {
    rules: Vec<RuleState>,
}

#[derive(Debug)]
struct RuleState {
    rule: InhibitRule,
    sources: FxHashMap<Labels, BTreeMap<Fingerprint, Arc<Alert>>>,
}

impl Inhibitor {
    /// An inhibitor that has not seen any alert yet.
    pub fn new(rules: impl IntoIterator<Item = InhibitRule>) -> Inhibitor {
        let rules = rules.into_iter().map(|rule| RuleState {
            rule,
            sources: FxHashMap::default(),
        });
        Inhibitor {
            rules: rules.collect(),
        }
    }

    /// Takes note of a new or changed alert.
    pub fn insert(&mut self, alert: &Arc<Alert>) {
        for state in &mut self.rules {
            if state.rule.source.matches(&alert.labels) {
                let shared = state.rule.shared(&alert.labels);
                state
                    .sources
                    .entry(shared)
                    .or_default()
                    .insert(alert.fingerprint(), alert.clone());
            }
        }
    }

    /// Forgets an alert.
    pub fn remove(&mut self, alert: &Alert) {
        for state in &mut self.rules {
            let shared = state.rule.shared(&alert.labels);
            if let Some(sources) = state.sources.get_mut(&shared) {
                sources.remove(&alert.fingerprint());
                if sources.is_empty() {
                    state.sources.remove(&shared);
                }
            }
        }
    }

    /// The firing alert that mutes an alert with `labels` at `now_ms`. An alert that matches both sides of a rule
    /// is not muted by others that do, so alerts never mute themselves or each other.
    pub fn inhibited_by(&self, labels: &Labels, now_ms: i64) -> Option<Fingerprint> {
        self.rules
            .iter()
            .filter(|state| state.rule.target.matches(labels))
            .find_map(|state| {
                let rule = &state.rule;
                let both_sides = rule.source.matches(labels);
                let sources = state.sources.get(&rule.shared(labels))?;
                let mutes = |alert: &Alert| {
                    alert.status(now_ms) == AlertStatus::Firing
                        && !(both_sides && rule.target.matches(&alert.labels))
                };
                sources
                    .iter()
                    .find(|(_, alert)| mutes(alert))
                    .map(|(fingerprint, _)| *fingerprint)
            })
    }
}

#[cfg(test)]
mod tests;
