//! `inhibit_rules:`, in the old and the new form.

use std::collections::BTreeMap;

use serde::Deserialize;
use yaml::{Located, YamlError, or_default};

use super::text::{AnchoredRegex, LegacyName, MatcherText, combine};
use crate::inhibit::InhibitRule;
use crate::matchers::is_valid_label_name;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawInhibitRule {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    source_match: BTreeMap<LegacyName, Option<String>>,
    #[serde(deserialize_with = "or_default")]
    source_match_re: BTreeMap<String, AnchoredRegex>,
    #[serde(deserialize_with = "or_default")]
    source_matchers: Vec<MatcherText>,
    #[serde(deserialize_with = "or_default")]
    target_match: BTreeMap<LegacyName, Option<String>>,
    #[serde(deserialize_with = "or_default")]
    target_match_re: BTreeMap<String, AnchoredRegex>,
    #[serde(deserialize_with = "or_default")]
    target_matchers: Vec<MatcherText>,
    #[serde(deserialize_with = "or_default")]
    equal: Vec<Located<String>>,
}

impl RawInhibitRule {
    /// Checks a rule.
    pub(super) fn resolve(&self) -> Result<InhibitRule, YamlError> {
        if let Some(bad) = self.equal.iter().find(|name| !is_valid_label_name(&name.value)) {
            return Err(YamlError::at(
                bad,
                format!("invalid label name \"{}\" in equal list", bad.value),
            ));
        }
        let source = combine(&self.source_match, &self.source_match_re, &self.source_matchers);
        let target = combine(&self.target_match, &self.target_match_re, &self.target_matchers);
        let mut equal: Vec<String> = self.equal.iter().map(|name| name.value.clone()).collect();
        equal.sort();
        equal.dedup();
        Ok(InhibitRule {
            name: self.name.clone(),
            source: source.map_err(YamlError::general)?,
            target: target.map_err(YamlError::general)?,
            equal,
        })
    }
}
