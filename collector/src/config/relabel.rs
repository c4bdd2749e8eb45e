//! `relabel_configs`: one rule, checked as upstream checks it. Applying it is [`crate::relabel`]'s part.

use regex::Regex;
use serde::Deserialize;

use super::list;

const DEFAULT_REGEX: &str = "(.*)";
const DEFAULT_SEPARATOR: &str = ";";
const DEFAULT_REPLACEMENT: &str = "$1";

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Action {
    /// Sets the target label to the replacement where the regex matches.
    #[default]
    Replace,
    /// Keeps what the regex matches.
    Keep,
    /// Drops what the regex matches.
    Drop,
    /// Keeps where the source labels equal the target label.
    KeepEqual,
    /// Drops where the source labels equal the target label.
    DropEqual,
    /// Sets the target label to a hash of the source labels, modulo the modulus.
    HashMod,
    /// Copies labels whose name the regex matches.
    LabelMap,
    /// Removes labels whose name the regex matches.
    LabelDrop,
    /// Removes labels whose name the regex does not match.
    LabelKeep,
    /// Sets the target label to the source labels in lower case.
    Lowercase,
    /// Sets the target label to the source labels in upper case.
    Uppercase,
}

impl Action {
    /// The spelling in files, which is in any letter case there.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Replace => "replace",
            Action::Keep => "keep",
            Action::Drop => "drop",
            Action::KeepEqual => "keepequal",
            Action::DropEqual => "dropequal",
            Action::HashMod => "hashmod",
            Action::LabelMap => "labelmap",
            Action::LabelDrop => "labeldrop",
            Action::LabelKeep => "labelkeep",
            Action::Lowercase => "lowercase",
            Action::Uppercase => "uppercase",
        }
    }

    const ALL: [Action; 11] = [
        Action::Replace,
        Action::Keep,
        Action::Drop,
        Action::KeepEqual,
        Action::DropEqual,
        Action::HashMod,
        Action::LabelMap,
        Action::LabelDrop,
        Action::LabelKeep,
        Action::Lowercase,
        Action::Uppercase,
    ];

    fn parse(text: &str) -> Result<Action, String> {
        let lower = text.to_ascii_lowercase();
        let found = Action::ALL.into_iter().find(|action| action.as_str() == lower);
        found.ok_or_else(|| match text {
            "" => "relabel action cannot be empty".to_owned(),
            other => format!("unknown relabel action \"{other}\""),
        })
    }

    fn needs_target(self) -> bool {
        use Action::{DropEqual, HashMod, KeepEqual, Lowercase, Replace, Uppercase};
        matches!(
            self,
            Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual
        )
    }
}

/// A regular expression anchored at both ends, equal to another of the same text.
#[derive(Debug, Clone)]
pub struct AnchoredRegex {
    text: String,
    regex: Regex,
}

impl AnchoredRegex {
    /// Compiles `text` as Prometheus does.
    ///
    /// # Errors
    /// The text is no regular expression, or too large a one.
    pub fn new(text: &str) -> Result<AnchoredRegex, model::MatcherError> {
        Ok(AnchoredRegex {
            text: text.to_owned(),
            regex: model::matcher::anchored_regex(text)?,
        })
    }

    /// The source text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The compiled form.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// Whether it is the default, which matches everything.
    pub fn is_default(&self) -> bool {
        self.text == DEFAULT_REGEX
    }
}

impl PartialEq for AnchoredRegex {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for AnchoredRegex {}

/// One rule of `relabel_configs`, `metric_relabel_configs` or `alert_relabel_configs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Raw")]
pub struct RelabelConfig {
    /// The labels whose values are joined.
    pub source_labels: Vec<String>,
    /// What joins them.
    pub separator: String,
    /// What the joined value, or the labels' names, must match.
    pub regex: AnchoredRegex,
    /// For [`Action::HashMod`], not 0 there.
    pub modulus: u64,
    /// The label that is written; may hold `$1` for [`Action::Replace`].
    pub target_label: String,
    /// What is written, with `$1` or `${name}` for what the regex captured.
    pub replacement: String,
    /// What is done.
    pub action: Action,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    source_labels: Option<Vec<String>>,
    separator: Option<String>,
    #[serde(default, deserialize_with = "list::null_is_empty")]
    regex: Option<String>,
    modulus: Option<u64>,
    target_label: Option<String>,
    replacement: Option<String>,
    #[serde(default, deserialize_with = "list::null_is_empty")]
    action: Option<String>,
}

impl TryFrom<Raw> for RelabelConfig {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let regex = AnchoredRegex::new(raw.regex.as_deref().unwrap_or(DEFAULT_REGEX));
        let config = RelabelConfig {
            source_labels: raw.source_labels.unwrap_or_default(),
            separator: raw.separator.unwrap_or_else(|| DEFAULT_SEPARATOR.to_owned()),
            regex: regex.map_err(|e| format!("regex: {e}"))?,
            modulus: raw.modulus.unwrap_or(0),
            target_label: raw.target_label.unwrap_or_default(),
            replacement: raw.replacement.unwrap_or_else(|| DEFAULT_REPLACEMENT.to_owned()),
            action: raw.action.as_deref().map_or(Ok(Action::Replace), Action::parse)?,
        };
        config.check()?;
        Ok(config)
    }
}

impl RelabelConfig {
    fn check(&self) -> Result<(), String> {
        let name = self.action.as_str();
        if self.action == Action::HashMod && self.modulus == 0 {
            return Err("relabel configuration for hashmod requires non-zero modulus".to_owned());
        }
        if self.action.needs_target() && self.target_label.is_empty() {
            return Err(format!(
                "relabel configuration for {name} action requires 'target_label' value"
            ));
        }
        if self.source_labels.iter().any(String::is_empty) {
            return Err("\"\" is not a valid label name".to_owned());
        }
        let untouched_replacement = self.replacement == DEFAULT_REPLACEMENT;
        let untouched = self.modulus == 0 && self.separator == DEFAULT_SEPARATOR && untouched_replacement;
        match self.action {
            Action::Lowercase | Action::Uppercase if !untouched_replacement => {
                Err(format!("'replacement' can not be set for {name} action"))
            }
            Action::LabelMap if self.replacement.is_empty() => {
                Err(format!("\"\" is invalid 'replacement' for {name} action"))
            }
            Action::KeepEqual | Action::DropEqual if !(untouched && self.regex.is_default()) => Err(format!(
                "{name} action requires only 'source_labels' and `target_label`, and no other fields"
            )),
            Action::LabelDrop | Action::LabelKeep
                if !(untouched && self.source_labels.is_empty() && self.target_label.is_empty()) =>
            {
                Err(format!(
                    "{name} action requires only 'regex', and no other fields"
                ))
            }
            _ => Ok(()),
        }
    }
}
