//! From the labels of a page to those of the store: the target's labels, the rules of metric relabelling, the limits.
//! Asked once for each series that a target begins to show.

use model::{Labels, LabelsBuilder};

use super::process::{Rules, ScrapeError};
use crate::config::ValidationScheme;
use crate::exposition::RawLabels;
use crate::relabel;

/// The labels under which a series is stored; `None` where a rule drops it.
pub(super) fn final_labels(raw: &RawLabels<'_>, rules: &Rules<'_>) -> Result<Option<Labels>, ScrapeError> {
    let mut labels = LabelsBuilder::default();
    labels.set(model::labels::METRIC_NAME, &raw.name);
    for (name, value) in &raw.pairs {
        labels.set(name, value);
    }
    if rules.honor_labels {
        // A label that the page gives as empty is absent in the end, and the target's does not fill in for it.
        let absent = |name: &str| raw.pairs.iter().all(|(n, _)| n != name);
        for (name, value) in rules.target.iter().filter(|(name, _)| absent(name)) {
            labels.set(name, value);
        }
    } else {
        set_target_labels(&mut labels, rules.target);
    }
    if !relabel::process_builder(rules.metric_relabel, &mut labels) {
        return Ok(None);
    }
    let labels = labels.build();
    if labels.is_empty() {
        return Ok(None);
    }
    check_labels(&labels, rules)?;
    Ok(Some(labels))
}

/// The target's labels win; the page's of the same name are kept as `exported_…`.
fn set_target_labels(labels: &mut LabelsBuilder, target: &Labels) {
    let mut conflicts: Vec<(&str, String)> = Vec::new();
    for (name, value) in target.iter() {
        if let Some(exposed) = labels.get(name) {
            conflicts.push((name, exposed.to_owned()));
        }
        labels.set(name, value);
    }
    conflicts.sort_by_key(|(name, _)| name.len());
    for (name, exposed) in conflicts {
        let mut new_name = format!("exported_{name}");
        while labels.get(&new_name).is_some() {
            new_name.insert_str(0, "exported_");
        }
        labels.set(&new_name, &exposed);
    }
}

fn check_labels(labels: &Labels, rules: &Rules<'_>) -> Result<(), ScrapeError> {
    let refuse = |text: String| Err(ScrapeError::Series(text));
    let metric = labels.metric_name();
    if metric.is_empty() {
        return refuse(format!("missing metric name (__name__ label) in {labels}"));
    }
    if rules.validation_scheme == ValidationScheme::Legacy {
        let legacy = |(name, _): (&str, &str)| model::labels::is_legacy_label_name(name);
        if !model::labels::is_legacy_metric_name(metric) || !labels.iter().all(legacy) {
            return refuse(format!("invalid metric name or label names: {labels}"));
        }
    }
    let limits = &rules.limits;
    let over = |len: usize, limit: u64| limit > 0 && len as u64 > limit;
    if over(labels.len(), limits.labels) {
        return refuse(format!(
            "label_limit exceeded (metric: {metric:.50}, number of labels: {}, limit: {})",
            labels.len(),
            limits.labels
        ));
    }
    for (name, value) in labels.iter() {
        if over(name.len(), limits.label_name_length) {
            return refuse(format!(
                "label_name_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, limit: {})",
                limits.label_name_length
            ));
        }
        if over(value.len(), limits.label_value_length) {
            return refuse(format!(
                "label_value_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, value: {value:.50}, limit: {})",
                limits.label_value_length
            ));
        }
    }
    Ok(())
}
