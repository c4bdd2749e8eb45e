//! `global`: what holds for every job that says nothing else.

use std::collections::BTreeMap;

use model::Labels;
use serde::Deserialize;
use yaml::PromDuration;

use super::{ByteSize, EscapingScheme, ScrapeProtocol, ValidationScheme};

const DEFAULT_INTERVAL: PromDuration = PromDuration::from_secs(60);
const DEFAULT_TIMEOUT: PromDuration = PromDuration::from_secs(10);

/// The labels that tell this server's data from another's, in files as a map. `$NAME` and `${NAME}` in a value stand
/// for variables of the environment, `$$` for a dollar; a variable that is not set is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "Option<BTreeMap<String, String>>")]
pub struct ExternalLabels(pub Labels);

impl TryFrom<Option<BTreeMap<String, String>>> for ExternalLabels {
    type Error = String;

    fn try_from(map: Option<BTreeMap<String, String>>) -> Result<Self, String> {
        check_label_names(map.iter().flatten().map(|(name, _)| name))?;
        let from_environment = |name: &str| {
            let value = std::env::var(name).ok();
            if value.is_none() {
                tracing::warn!(
                    name,
                    "external_labels name a variable that is not set; it is taken for empty"
                );
            }
            value.unwrap_or_default()
        };
        let labels = map.into_iter().flatten();
        let labels = labels.map(|(name, value)| (name, expand(&value, from_environment)));
        Ok(ExternalLabels(Labels::from_pairs(labels)))
    }
}

/// Replaces `$name` and `${name}` by what `lookup` gives and `$$` by a dollar. A dollar before anything else stays.
fn expand(text: &str, lookup: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let braced = behind.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let len = behind
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        rest = if let Some(tail) = behind.strip_prefix('$') {
            out.push('$');
            tail
        } else if let Some((name, tail)) = braced.filter(|(name, _)| !name.is_empty()) {
            out.push_str(&lookup(name));
            tail
        } else if len > 0 {
            let (name, tail) = behind.split_at(len);
            out.push_str(&lookup(name));
            tail
        } else {
            out.push('$');
            behind
        };
    }
    out.push_str(rest);
    out
}

/// As upstream with UTF-8 names: anything but nothing.
pub(super) fn check_label_names<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    match names.into_iter().any(String::is_empty) {
        true => Err("\"\" is not a valid label name".to_owned()),
        false => Ok(()),
    }
}

/// The section `global`, with its defaults filled in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Option<Raw>")]
pub struct GlobalConfig {
    /// How often targets are scraped.
    pub scrape_interval: PromDuration,
    /// How long a scrape may take.
    pub scrape_timeout: PromDuration,
    /// How often rules are evaluated.
    pub evaluation_interval: PromDuration,
    /// By how much rules look back from the time of evaluation.
    pub rule_query_offset: PromDuration,
    /// Labels for what leaves this server.
    pub external_labels: ExternalLabels,
    /// Where queries are logged; none for not at all.
    pub query_log_file: Option<String>,
    pub(super) raw: Raw,
}

/// The fields as they stand in the file.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    scrape_interval: Option<PromDuration>,
    scrape_timeout: Option<PromDuration>,
    pub(super) scrape_protocols: Option<Vec<ScrapeProtocol>>,
    evaluation_interval: Option<PromDuration>,
    rule_query_offset: Option<PromDuration>,
    external_labels: ExternalLabels,
    query_log_file: Option<String>,
    pub(super) scrape_failure_log_file: Option<String>,
    pub(super) body_size_limit: Option<ByteSize>,
    pub(super) sample_limit: Option<u64>,
    pub(super) target_limit: Option<u64>,
    pub(super) label_limit: Option<u64>,
    pub(super) label_name_length_limit: Option<u64>,
    pub(super) label_value_length_limit: Option<u64>,
    pub(super) keep_dropped_targets: Option<u64>,
    pub(super) metric_name_validation_scheme: Option<ValidationScheme>,
    pub(super) metric_name_escaping_scheme: Option<EscapingScheme>,
    pub(super) scrape_native_histograms: Option<bool>,
    pub(super) convert_classic_histograms_to_nhcb: Option<bool>,
    pub(super) always_scrape_classic_histograms: Option<bool>,
    pub(super) extra_scrape_metrics: Option<bool>,
}

impl TryFrom<Option<Raw>> for GlobalConfig {
    type Error = String;

    fn try_from(raw: Option<Raw>) -> Result<Self, String> {
        let raw = raw.unwrap_or_default();
        let nonzero = |d: &PromDuration| !d.0.is_zero();
        let scrape_interval = raw.scrape_interval.filter(nonzero).unwrap_or(DEFAULT_INTERVAL);
        let given_timeout = raw.scrape_timeout.filter(nonzero);
        if given_timeout.is_some_and(|timeout| timeout > scrape_interval) {
            return Err("global scrape timeout greater than scrape interval".to_owned());
        }
        super::job::check_protocols(raw.scrape_protocols.as_deref())?;
        Ok(GlobalConfig {
            scrape_interval,
            scrape_timeout: given_timeout.unwrap_or(DEFAULT_TIMEOUT.min(scrape_interval)),
            evaluation_interval: raw
                .evaluation_interval
                .filter(nonzero)
                .unwrap_or(DEFAULT_INTERVAL),
            rule_query_offset: raw.rule_query_offset.unwrap_or_default(),
            external_labels: raw.external_labels.clone(),
            query_log_file: raw.query_log_file.clone(),
            raw,
        })
    }
}

impl Default for GlobalConfig {
    fn default() -> Self {
        GlobalConfig {
            scrape_interval: DEFAULT_INTERVAL,
            scrape_timeout: DEFAULT_TIMEOUT,
            evaluation_interval: DEFAULT_INTERVAL,
            rule_query_offset: PromDuration::default(),
            external_labels: ExternalLabels::default(),
            query_log_file: None,
            raw: Raw::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_external_labels_are_expanded() {
        let lookup = |name: &str| match name {
            "POD" | "POD_NAME" => format!("<{name}>"),
            _ => String::new(),
        };
        for (text, expanded) in [
            ("a-${POD}-b", "a-<POD>-b"),
            ("$POD_NAME", "<POD_NAME>"),
            ("$POD-1", "<POD>-1"),
            ("$$POD costs 5$", "$POD costs 5$"),
            ("${NONE}x", "x"),
            ("${} $(POD) é$", "${} $(POD) é$"),
        ] {
            assert_eq!(expand(text, lookup), expanded, "{text}");
        }
    }
}
