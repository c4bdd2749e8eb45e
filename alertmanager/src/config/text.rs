//! Scalars that are checked while they are read, so that the error carries their place.

use std::collections::BTreeMap;
use std::fmt;

use model::{MatchOp, Matcher};
use serde::Deserialize;

use crate::matchers;

/// Text that must not reach logs.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A label name of the old, unquoted kind, which `match` and its kin are limited to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct LegacyName(pub(super) String);

impl TryFrom<String> for LegacyName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if model::labels::is_legacy_label_name(&name) {
            Ok(LegacyName(name))
        } else {
            Err(format!("invalid label name \"{name}\""))
        }
    }
}

/// A regular expression, kept in the anchored form that Alertmanager prints in group keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct AnchoredRegex(String);

impl TryFrom<String> for AnchoredRegex {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        model::matcher::anchored_regex(&pattern).map_err(|e| e.to_string())?;
        Ok(AnchoredRegex(format!("^(?:{pattern})$")))
    }
}

/// An element of a list of matchers: one or several matchers.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct MatcherText(Vec<Matcher>);

impl TryFrom<String> for MatcherText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        matchers::parse_matchers(&text)
            .map(MatcherText)
            .map_err(|e| e.to_string())
    }
}

/// `match:`, `match_re:` and `matchers:` of a route, and the same of an inhibition rule's two sides, made one.
pub(super) fn combine(
    equal: &BTreeMap<LegacyName, Option<String>>,
    regex: &BTreeMap<String, AnchoredRegex>,
    lists: &[MatcherText],
) -> Result<matchers::Matchers, String> {
    let mut all = Vec::new();
    for (LegacyName(name), value) in equal {
        all.push(Matcher::equal(name, value.as_deref().unwrap_or("")));
    }
    for (name, AnchoredRegex(pattern)) in regex {
        all.push(Matcher::new(name, MatchOp::Regex, pattern).map_err(|e| e.to_string())?);
    }
    all.extend(lists.iter().flat_map(|MatcherText(list)| list.iter().cloned()));
    Ok(matchers::Matchers::new(all))
}
