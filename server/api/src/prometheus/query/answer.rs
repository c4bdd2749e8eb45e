//! What a query's result becomes: cut to the limit, with the statistics that were asked for.

use std::time::{Duration, Instant};

use axum::response::Response;
use promql::{QueryError, QueryResult, Value};
use serde_json::json;

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
}

impl Shape {
    pub(super) fn new(params: &Params, limit: usize) -> Shape {
        Shape {
            limit,
            stats: params.get("stats").unwrap_or("").to_owned(),
        }
    }

    /// What the logs say of the query.
    pub(super) fn outcome(
        &self,
        result: &Result<QueryResult, QueryError>,
        queued: Duration,
        took: Duration,
    ) -> Outcome {
        match result {
            Ok(result) => Outcome {
                error: None,
                stats: statistics(queued, took),
                samples: 0,
                series: series(&result.value),
            },
            Err(error) => Outcome {
                error: Some(error.to_string()),
                stats: statistics(queued, took),
                ..Outcome::default()
            },
        }
    }

    /// The answer to the client, of a query that began to wait at `began`.
    pub(super) fn answer(&self, mut result: QueryResult, queued: Duration, began: Instant) -> Response {
        if self.limit > 0 && cut(&mut result.value, self.limit) {
            result.warnings.push("results truncated due to limit".to_owned());
        }
        result.warnings.extend(self.stats_warning());
        let statistics = (!self.stats.is_empty()).then(|| statistics(queued, began.elapsed()));
        let data = |pen: &mut json::Pen| {
            pen.text("{");
            json::value(pen, &result.value);
            if let Some(statistics) = statistics {
                pen.text(",\"stats\":");
                pen.text(&statistics.to_string());
            }
            pen.text("}");
        };
        success_with(data, &result.warnings, &result.infos)
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

/// Prometheus' `stats`: times in seconds.
fn statistics(queued: Duration, took: Duration) -> serde_json::Value {
    let evaluated = took.saturating_sub(queued).as_secs_f64();
    json!({
        "timings": {
            "evalTotalTime": evaluated,
            "resultSortTime": 0.0,
            "queryPreparationTime": 0.0,
            "innerEvalTime": evaluated,
            "execQueueTime": queued.as_secs_f64(),
            "execTotalTime": took.as_secs_f64(),
        },
    })
}
