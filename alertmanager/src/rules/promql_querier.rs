//! Queries of rules, answered by the PromQL engine over a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::metrics::{MetricStore, Samples, SelectHints, Walk};
use model::{Matcher, labels::METRIC_NAME};
use parking_lot::Mutex;
use promql::{Engine, Expr, InstantSample, ParserOptions, QueryContext, SampleValue, Value};
use rustc_hash::FxHashMap;

use super::alerting::FOR_STATE_METRIC;
use super::{Answer, ForState, Querier};
use crate::alert::ALERT_NAME;

/// How many parsed expressions are kept. Beyond it all are forgotten: that happens after many reloads, or with
/// templates that make up queries.
const MAX_PARSED: usize = 10_000;

/// A [`Querier`] over the engine. Each expression is parsed once.
pub struct PromqlQuerier {
    engine: Engine,
    store: Arc<dyn MetricStore>,
    language: ParserOptions,
    parsed: Mutex<FxHashMap<Box<str>, Arc<Expr>>>,
    cancel: Arc<AtomicBool>,
}

impl PromqlQuerier {
    /// Queries of `language` go to `store`, within the engine's bounds.
    pub fn new(engine: Engine, language: ParserOptions, store: Arc<dyn MetricStore>) -> Self {
        PromqlQuerier {
            engine,
            store,
            language,
            parsed: Mutex::default(),
            cancel: Arc::default(),
        }
    }

    fn parsed(&self, text: &str) -> Result<Arc<Expr>, String> {
        if let Some(expr) = self.parsed.lock().get(text) {
            return Ok(expr.clone());
        }
        let expr = Arc::new(promql::parse_with(text, &self.language).map_err(|e| e.to_string())?);
        let mut parsed = self.parsed.lock();
        if parsed.len() >= MAX_PARSED {
            parsed.clear();
        }
        parsed.insert(text.into(), expr.clone());
        Ok(expr)
    }
}

impl Querier for PromqlQuerier {
    fn answer(&self, expr: &str, at_ms: i64) -> Result<Answer, String> {
        let expr = self.parsed(expr)?;
        let context = QueryContext {
            cancel: self.cancel.clone(),
            ..QueryContext::default()
        };
        let result = self.engine.instant_expr(&*self.store, &expr, at_ms, &context);
        let mut answer = Answer::default();
        match result.map_err(|e| e.to_string())?.value {
            Value::Vector(series) => {
                for InstantSample { labels, value, .. } in series {
                    match value {
                        SampleValue::Float(value) => answer.floats.push((labels, value)),
                        SampleValue::Histogram(histogram) => {
                            answer.histograms.push((labels, Arc::new((&*histogram).into())));
                        }
                    }
                }
            }
            Value::Scalar(sample) => answer.floats.push((model::Labels::empty(), sample.value)),
            Value::String { .. } | Value::Matrix(_) => {
                return Err("rule result is not a vector or scalar".to_owned());
            }
        }
        Ok(answer)
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
            ..SelectHints::default()
        };
        let set = snapshot.select(&matchers, &hints).map_err(|e| e.to_string())?;
        let mut samples = Samples::default();
        let mut found = Vec::new();
        let mut walk = Walk::new(&*set);
        while let Some(labels) = walk.next(&mut samples).map_err(|e| e.to_string())? {
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

    fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}
