//! A recording rule: the result of a query under a new name.

use std::collections::BTreeSet;

use model::Labels;
use model::labels::METRIC_NAME;

use super::config::Rule;
use super::{Answer, EvalError};

/// The series to store for a query's result.
///
/// # Errors
/// Two elements would be the same series, or there are more than `limit` (0 for no bound).
pub(super) fn series(rule: &Rule, result: Answer, limit: usize) -> Result<Answer, EvalError> {
    let mut seen = BTreeSet::new();
    let mut renamed = |labels: Labels| {
        let mut labels = labels.to_builder();
        labels.set(METRIC_NAME, &rule.name);
        for (name, text) in &rule.labels {
            labels.set(name, text);
        }
        let labels = labels.build();
        match seen.insert(labels.clone()) {
            true => Ok(labels),
            false => Err(EvalError::DuplicateLabelset("rule")),
        }
    };
    let mut series = Answer::default();
    for (labels, value) in result.floats {
        series.floats.push((renamed(labels)?, value));
    }
    for (labels, histogram) in result.histograms {
        series.histograms.push((renamed(labels)?, histogram));
    }
    if limit > 0 && seen.len() > limit {
        return Err(EvalError::Limit {
            limit,
            count: seen.len(),
            what: "series",
        });
    }
    Ok(series)
}
