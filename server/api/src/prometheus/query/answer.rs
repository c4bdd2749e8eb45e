//! What a query's result becomes: cut to the limit, with the statistics that were asked for.

use std::time::Duration;

use axum::response::Response;
use promql::{QueryError, QueryResult, QueryStats, Value};
use serde_json::json;

use super::Telling;
use crate::prometheus::envelope::success_with;
use crate::prometheus::json;
use crate::prometheus::params::Params;
use crate::queries::Outcome;

/// What the client wants of the answer.
pub(super) struct Shape {
    /// At most so many series; 0 for all.
    limit: usize,
    /// The parameter `stats`.
    stats: String,
    /// Whether statistics tell of each step.
    by_step: bool,
}

impl Shape {
    pub(super) fn new(params: &Params, limit: usize, per_step_stats: bool) -> Shape {
        let stats = params.get("stats").unwrap_or("").to_owned();
        Shape {
            limit,
            by_step: per_step_stats && stats == "all",
            stats,
        }
    }

    /// Prometheus' `stats`: times in seconds.
    fn statistics(&self, stats: &QueryStats, queued: Duration) -> serde_json::Value {
        let (timings, queued) = (&stats.timings, queued.as_secs_f64());
        let mut samples = json!({
            "totalQueryableSamples": stats.total_queryable_samples,
            "samplesRead": stats.samples_read,
            "peakSamples": stats.peak_samples,
        });
        if self.by_step {
            samples["totalQueryableSamplesPerStep"] = by_step(&stats.total_queryable_samples_per_step);
            samples["samplesReadPerStep"] = by_step(&stats.samples_read_per_step);
        }
        json!({
            "timings": {
                "evalTotalTime": timings.eval_total,
                "resultSortTime": timings.result_sort,
                "queryPreparationTime": timings.query_preparation,
                "innerEvalTime": timings.inner_eval,
                "execQueueTime": queued,
                "execTotalTime": queued + timings.exec_total,
            },
            "samples": samples,
        })
    }

    /// Anything but `true` and `all` means `true`, and is warned of, as in Prometheus.
    fn stats_warning(&self) -> Option<String> {
        let text = self.stats.as_str();
        (!matches!(text, "" | "true" | "all")).then(|| {
            format!(
                "value {text:?} for parameter \"stats\" is deprecated and will be rejected in the next major \
                 release, use \"true\" or \"all\""
            )
        })
    }
}

impl Telling<QueryResult> for Shape {
    fn outcome(&self, result: &Result<QueryResult, QueryError>, queued: Duration) -> Outcome {
        let stats = result.as_ref().ok().and_then(|result| result.stats.as_ref());
        Outcome {
            error: result.as_ref().err().map(ToString::to_string),
            stats: stats.map_or(serde_json::Value::Null, |stats| self.statistics(stats, queued)),
            samples: stats.map_or(0, |stats| stats.samples_read),
            series: result.as_ref().map_or(0, |result| series(&result.value)),
        }
    }

    fn answer(&self, mut result: QueryResult, queued: Duration) -> Response {
        if self.limit > 0 && cut(&mut result.value, self.limit) {
            result.warnings.push("results truncated due to limit".to_owned());
        }
        result.warnings.extend(self.stats_warning());
        let stats = result.stats.as_ref().filter(|_| !self.stats.is_empty());
        let data = |pen: &mut json::Pen| {
            pen.text("{");
            json::value(pen, &result.value);
            if let Some(stats) = stats {
                pen.text(",\"stats\":");
                pen.text(&self.statistics(stats, queued).to_string());
            }
            pen.text("}");
        };
        success_with(data, &result.warnings, &result.infos)
    }
}

/// Whether there was more than `limit`.
fn cut(value: &mut Value, limit: usize) -> bool {
    let before = series(value);
    match value {
        Value::Vector(samples) => samples.truncate(limit),
        Value::Matrix(series) => series.truncate(limit),
        Value::Scalar(_) | Value::String { .. } => {}
    }
    series(value) < before
}

fn series(value: &Value) -> usize {
    match value {
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
        Value::Scalar(_) | Value::String { .. } => 1,
    }
}

/// `[[1700000000,3],…]`
fn by_step(counts: &[(i64, u64)]) -> serde_json::Value {
    let pairs = counts
        .iter()
        .map(|(ms, count)| json!([*ms as f64 / 1000.0, count]));
    pairs.collect()
}
