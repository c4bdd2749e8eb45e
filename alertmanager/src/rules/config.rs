//! The format of rule files, and what a valid one says.
//!
//! Source: Prometheus' documentation of recording and alerting rules, version 3.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use promql::ParserOptions;
use serde::Deserialize;
use yaml::{Located, PromDuration, YamlError};

use super::RuleError;
use super::validate::validate;

/// How many bytes a rule file may have.
const MAX_FILE_BYTES: u64 = 32 << 20;

/// The rules of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleFile {
    /// The path as it was given.
    pub path: String,
    /// The groups in their order.
    pub groups: Vec<RuleGroup>,
}

impl RuleFile {
    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|g| g.rules.len()).sum()
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rules that have the name and the labels of an earlier one: valid, but probably not meant.
    pub fn duplicates(&self) -> Vec<&Rule> {
        let mut seen = BTreeSet::new();
        let rules = self.groups.iter().flat_map(|g| &g.rules);
        rules.filter(|r| !seen.insert((&r.name, &r.labels))).collect()
    }
}

/// Rules that are evaluated together, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleGroup {
    /// Unique in its file.
    pub name: String,
    /// Milliseconds; the global evaluation interval where it is absent.
    pub interval_ms: Option<i64>,
    /// How far in the past queries look, milliseconds; the global offset where it is absent.
    pub query_offset_ms: Option<i64>,
    /// At most so many alerts or series a rule; 0 for no bound.
    pub limit: usize,
    /// The rules in their order, the group's labels merged into theirs.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The metric it writes or the alert it raises.
    pub name: String,
    /// PromQL in canonical form.
    pub expr: String,
    /// Labels to add, sorted by name. Those of alerts are templates.
    pub labels: Vec<(String, String)>,
    /// Which of the two it is.
    pub kind: RuleKind,
}

/// What a rule makes of its query's result.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// New series.
    Recording,
    /// Alerts.
    Alerting {
        /// How long the result must be there before the alert fires, milliseconds.
        for_ms: i64,
        /// How long the alert goes on after the result is gone, milliseconds.
        keep_firing_for_ms: i64,
        /// Templates of what the alert says, sorted by name.
        annotations: Vec<(String, String)>,
    },
}

/// Which names labels and metrics may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameValidation {
    /// Any UTF-8.
    #[default]
    Utf8,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, for metrics also `:`.
    Legacy,
}

/// What rules may be written in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Syntax {
    /// Names of what they record and of labels.
    pub names: NameValidation,
    /// Their expressions.
    pub language: ParserOptions,
}

/// Reads and checks a file.
///
/// # Errors
/// All that is wrong with it; a file that cannot be read or is not YAML of the right shape gives one error.
pub fn load(path: &Path, syntax: Syntax) -> Result<RuleFile, Vec<RuleError>> {
    let shown = path.display().to_string();
    let too_large = || format!("file exceeds {MAX_FILE_BYTES} bytes");
    let text = match std::fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_FILE_BYTES => Err(too_large()),
        Ok(_) => std::fs::read_to_string(path).map_err(|e| e.to_string()),
        Err(e) => Err(e.to_string()),
    };
    match text {
        Ok(text) => parse(&shown, &text, syntax),
        Err(message) => Err(vec![about_file(&shown, &YamlError::general(message))]),
    }
}

/// Checks the text of a file; `path` is what errors call it. Only the first document is read, as in Prometheus.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &str, text: &str, syntax: Syntax) -> Result<RuleFile, Vec<RuleError>> {
    let first = first_document(text);
    let raw = yaml::from_str::<Option<RawFile>>(first).map_err(|e| vec![about_file(path, &e)])?;
    validate(path, raw.unwrap_or_default(), syntax)
}

/// The text up to the line that begins a second document.
fn first_document(text: &str) -> &str {
    let mut at = 0;
    let mut content = false;
    for line in text.split_inclusive('\n') {
        let marker = line.trim_end() == "---" || line.starts_with("--- ");
        if marker && content {
            return text.get(..at).unwrap_or(text);
        }
        content |= !marker && !line.trim().is_empty() && !line.starts_with(['#', '%']);
        at += line.len();
    }
    text
}

fn about_file(path: &str, error: &YamlError) -> RuleError {
    RuleError {
        file: path.to_owned(),
        line: error.line,
        column: error.column,
        group: String::new(),
        rule: None,
        message: error.message.clone(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub(super) groups: Vec<RawGroup>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGroup {
    #[serde(default)]
    pub(super) name: Option<Located<String>>,
    #[serde(default)]
    pub(super) interval: Option<PromDuration>,
    #[serde(default)]
    pub(super) query_offset: Option<PromDuration>,
    #[serde(default)]
    pub(super) limit: Option<Located<i64>>,
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub(super) labels: RawLabels,
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub(super) rules: Vec<Located<RawRule>>,
}

pub(super) type RawLabels = BTreeMap<String, Option<Located<String>>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    #[serde(default)]
    pub(super) record: Option<Located<String>>,
    #[serde(default)]
    pub(super) alert: Option<Located<String>>,
    #[serde(default)]
    pub(super) expr: Option<Located<String>>,
    #[serde(default, rename = "for")]
    pub(super) for_: Option<PromDuration>,
    #[serde(default)]
    pub(super) keep_firing_for: Option<PromDuration>,
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub(super) labels: RawLabels,
    #[serde(default, deserialize_with = "yaml::or_default")]
    pub(super) annotations: RawLabels,
}
