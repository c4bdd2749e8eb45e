//! A recording rule: the result of a query under a new name.

use std::collections::BTreeSet;

use model::labels::METRIC_NAME;

use super::config::Rule;
use super::{EvalError, Vector};

/// The series to store for a query's result.
///
/// # Errors
/// Two elements would be the same series, or there are more than `limit` (0 for no bound).
pub(super) fn series(rule: &Rule, result: Vector, limit: usize) -> Result<Vector, EvalError> {
    let mut seen = BTreeSet::new();
    let mut series = Vec::with_capacity(result.len());
    for (labels, value) in result {
        let mut labels = labels.to_builder();
        labels.set(METRIC_NAME, &rule.name);
        for (name, text) in &rule.labels {
            labels.set(name, text);
        }
        let labels = labels.build();
        if !seen.insert(labels.clone()) {
            return Err(EvalError::DuplicateLabelset("rule"));
        }
        series.push((labels, value));
    }
    if limit > 0 && series.len() > limit {
        return Err(EvalError::Limit {
            limit,
            count: series.len(),
            what: "series",
        });
    }
    Ok(series)
}
