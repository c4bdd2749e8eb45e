//! `route:`, the tree as it is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use yaml::{Located, PromDuration, YamlError, or_default};

use super::text::{AnchoredRegex, LegacyName, MatcherText, combine};
use crate::matchers::is_valid_label_name;
use crate::route::{GroupBy, RouteOptions, TreeBuilder};

/// The name that stands for every label in `group_by`.
const ALL_LABELS: &str = "...";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRoute {
    pub(super) receiver: Option<Located<String>>,
    group_by: Option<Located<Vec<String>>>,
    #[serde(rename = "match", deserialize_with = "or_default")]
    match_equal: BTreeMap<LegacyName, Option<String>>,
    #[serde(deserialize_with = "or_default")]
    match_re: BTreeMap<String, AnchoredRegex>,
    #[serde(deserialize_with = "or_default")]
    matchers: Vec<MatcherText>,
    #[serde(deserialize_with = "or_default")]
    pub(super) mute_time_intervals: Vec<Located<String>>,
    #[serde(deserialize_with = "or_default")]
    pub(super) active_time_intervals: Vec<Located<String>>,
    #[serde(rename = "continue", deserialize_with = "or_default")]
    pub(super) continues: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) routes: Vec<Located<RawRoute>>,
    group_wait: Option<PromDuration>,
    group_interval: Option<Located<PromDuration>>,
    repeat_interval: Option<Located<PromDuration>>,
    #[serde(deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
}

impl RawRoute {
    /// Whether the node selects alerts.
    pub(super) fn has_matchers(&self) -> bool {
        !self.match_equal.is_empty() || !self.match_re.is_empty() || !self.matchers.is_empty()
    }

    /// What a node says about itself alone, checked.
    pub(super) fn check(&self) -> Result<(), YamlError> {
        if let Some(list) = &self.group_by {
            check_group_by(list)?;
        }
        for (interval, name) in [
            (&self.group_interval, "group_interval"),
            (&self.repeat_interval, "repeat_interval"),
        ] {
            if let Some(zero) = interval
                .as_ref()
                .filter(|interval| interval.value.as_millis() == 0)
            {
                return Err(YamlError::at(zero, format!("{name} cannot be zero")));
            }
        }
        self.routes.iter().try_for_each(|child| child.value.check())
    }

    /// Adds the node and its children to the tree.
    pub(super) fn build(
        &self,
        parent: Option<usize>,
        inherited: &RouteOptions,
        tree: &mut TreeBuilder,
    ) -> Result<(), YamlError> {
        let mut options = inherited.clone();
        if let Some(receiver) = self.receiver.as_ref().filter(|name| !name.value.is_empty()) {
            options.receiver = Arc::from(&*receiver.value);
        }
        if let Some(list) = &self.group_by {
            options.group_by = group_by(&list.value);
        }
        let millis = |value: &Option<Located<PromDuration>>| value.as_ref().map(|at| at.value.as_millis());
        options.group_wait_ms = super::millis_or(self.group_wait, options.group_wait_ms);
        options.group_interval_ms = millis(&self.group_interval).unwrap_or(options.group_interval_ms);
        options.repeat_interval_ms = millis(&self.repeat_interval).unwrap_or(options.repeat_interval_ms);
        // Times of day concern the node that names them and no other.
        options.mute_time_intervals = self
            .mute_time_intervals
            .iter()
            .map(|at| at.value.clone())
            .collect();
        options.active_time_intervals = self
            .active_time_intervals
            .iter()
            .map(|at| at.value.clone())
            .collect();
        options.labels.extend(self.labels.clone());
        let matchers =
            combine(&self.match_equal, &self.match_re, &self.matchers).map_err(YamlError::general)?;
        let id = tree.add(parent, matchers, self.continues, options.clone());
        self.routes
            .iter()
            .try_for_each(|child| child.value.build(Some(id), &options, tree))
    }
}

fn check_group_by(list: &Located<Vec<String>>) -> Result<(), YamlError> {
    let names = &list.value;
    if let Some(bad) = names.iter().find(|name| !is_valid_label_name(name)) {
        return Err(YamlError::at(
            list,
            format!("invalid label name \"{bad}\" in group_by list"),
        ));
    }
    if names.iter().any(|name| name == ALL_LABELS) && names.iter().any(|name| name != ALL_LABELS) {
        let message = "cannot have wildcard group_by (`...`) and other labels at the same time";
        return Err(YamlError::at(list, message));
    }
    let twice = names
        .iter()
        .enumerate()
        .find(|(i, name)| names[..*i].contains(name) && *name != ALL_LABELS);
    match twice {
        Some((_, name)) => Err(YamlError::at(
            list,
            format!("duplicated label \"{name}\" in group_by"),
        )),
        None => Ok(()),
    }
}

fn group_by(names: &[String]) -> GroupBy {
    if names.iter().any(|name| name == ALL_LABELS) {
        return GroupBy::All;
    }
    let mut names = names.to_vec();
    names.sort();
    GroupBy::Names(names)
}
