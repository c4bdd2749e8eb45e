//! Relabelling: a list of rules applied to one label set, in order. A function of data; costs a regex match and
//! a few small strings a rule, which the scrape cache pays once a series, not once a sample.
//!
//! Semantics: <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config>.

use md5::{Digest, Md5};
use model::{Labels, LabelsBuilder};

use crate::config::{Action, RelabelConfig};

/// Applies the rules; `None` where one of them drops the label set.
pub fn process(configs: &[RelabelConfig], labels: Labels) -> Option<Labels> {
    if configs.is_empty() {
        return Some(labels);
    }
    let mut builder = labels.to_builder();
    process_builder(configs, &mut builder).then(|| builder.build())
}

/// As [`process`] on a set under construction; whether it is kept.
pub fn process_builder(configs: &[RelabelConfig], labels: &mut LabelsBuilder) -> bool {
    configs.iter().all(|config| apply(config, labels))
}

fn apply(config: &RelabelConfig, labels: &mut LabelsBuilder) -> bool {
    let joined = join(config, labels);
    let target = config.target_label.as_str();
    match config.action {
        Action::Keep => return config.regex.regex().is_match(&joined),
        Action::Drop => return !config.regex.regex().is_match(&joined),
        Action::KeepEqual => return labels.get(target).unwrap_or("") == joined,
        Action::DropEqual => return labels.get(target).unwrap_or("") != joined,
        Action::Replace => replace(config, &joined, labels),
        Action::Lowercase => set(labels, target, &joined.to_lowercase()),
        Action::Uppercase => set(labels, target, &joined.to_uppercase()),
        Action::HashMod => set(labels, target, &hash_mod(&joined, config.modulus).to_string()),
        Action::LabelMap => label_map(config, labels),
        Action::LabelDrop => retain(labels, |name| !config.regex.regex().is_match(name)),
        Action::LabelKeep => retain(labels, |name| config.regex.regex().is_match(name)),
    }
    true
}

fn join(config: &RelabelConfig, labels: &LabelsBuilder) -> String {
    let mut joined = String::new();
    for (i, name) in config.source_labels.iter().enumerate() {
        if i > 0 {
            joined.push_str(&config.separator);
        }
        joined.push_str(labels.get(name).unwrap_or(""));
    }
    joined
}

fn set(labels: &mut LabelsBuilder, name: &str, value: &str) {
    labels.set(name, value);
}

fn replace(config: &RelabelConfig, joined: &str, labels: &mut LabelsBuilder) {
    let Some(captures) = config.regex.regex().captures(joined) else {
        return;
    };
    let expand = |template: &str| {
        let mut out = String::new();
        captures.expand(template, &mut out);
        out
    };
    let target = expand(&config.target_label);
    if !target.is_empty() {
        labels.set(&target, &expand(&config.replacement));
    }
}

/// The last 8 bytes of the MD5 sum, big endian, as upstream: sharded setups agree on who scrapes what.
fn hash_mod(text: &str, modulus: u64) -> u64 {
    let sum = Md5::digest(text.as_bytes());
    let tail = sum
        .iter()
        .skip(8)
        .fold(0u64, |hash, byte| (hash << 8) | u64::from(*byte));
    tail.checked_rem(modulus).unwrap_or(0)
}

fn label_map(config: &RelabelConfig, labels: &mut LabelsBuilder) {
    let regex = config.regex.regex();
    let mapped = labels.iter().filter_map(|(name, value)| {
        let captures = regex.captures(name)?;
        let mut to = String::new();
        captures.expand(&config.replacement, &mut to);
        Some((to, value.to_owned()))
    });
    let mapped: Vec<(String, String)> = mapped.collect();
    for (name, value) in mapped.iter().filter(|(name, _)| !name.is_empty()) {
        labels.set(name, value);
    }
}

fn retain(labels: &mut LabelsBuilder, keep: impl Fn(&str) -> bool) {
    let gone: Vec<String> = labels
        .iter()
        .map(|(name, _)| name)
        .filter(|n| !keep(n))
        .map(str::to_owned)
        .collect();
    for name in &gone {
        labels.del(name);
    }
}

#[cfg(test)]
mod tests;
