//! Queries of rules, answered by the PromQL engine over a store.

use std::sync::Arc;

use model::metrics::{MetricStore, Samples, SelectHints};
use model::{Matcher, labels::METRIC_NAME};
use promql::{Engine, QueryContext, Value};

use super::alerting::FOR_STATE_METRIC;
use super::{ForState, Querier, Vector};
use crate::alert::ALERT_NAME;

/// A [`Querier`] over the engine.
pub struct PromqlQuerier {
    engine: Engine,
    store: Arc<dyn MetricStore>,
}

impl PromqlQuerier {
    /// Queries go to `store`, within the engine's bounds.
    pub fn new(engine: Engine, store: Arc<dyn MetricStore>) -> Self {
        PromqlQuerier { engine, store }
    }
}

impl Querier for PromqlQuerier {
    fn instant(&self, expr: &str, at_ms: i64) -> Result<Vector, String> {
        let result = self
            .engine
            .instant(&*self.store, expr, at_ms, &QueryContext::default());
        match result.map_err(|e| e.to_string())?.value {
            Value::Vector(series) => Ok(series.into_iter().map(|s| (s.labels, s.sample.value)).collect()),
            Value::Scalar(sample) => Ok(vec![(model::Labels::empty(), sample.value)]),
            Value::String { .. } | Value::Matrix(_) => {
                Err("rule result is not a vector or scalar".to_owned())
            }
        }
    }

    fn for_state(&self, name: &str, from_ms: i64, to_ms: i64) -> Result<Vec<ForState>, String> {
        let snapshot = self.store.snapshot(from_ms, to_ms).map_err(|e| e.to_string())?;
        let matchers = [
            Matcher::equal(METRIC_NAME, FOR_STATE_METRIC),
            Matcher::equal(ALERT_NAME, name),
        ];
        let hints = SelectHints {
            start_ms: from_ms,
            end_ms: to_ms,
            step_ms: 0,
            max_series: 0,
        };
        let mut set = snapshot.select(&matchers, &hints).map_err(|e| e.to_string())?;
        let mut samples = Samples::default();
        let mut found = Vec::new();
        while let Some(labels) = set.next(&mut samples).map_err(|e| e.to_string())? {
            if let (Some(&at_ms), Some(&active_since_s)) = (samples.timestamps.last(), samples.values.last())
            {
                found.push(ForState {
                    labels: labels.without_name(),
                    at_ms,
                    active_since_s,
                });
            }
        }
        Ok(found)
    }
}
