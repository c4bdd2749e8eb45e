//! `/federate`: the newest sample of each selected series in the text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};
use model::metrics::{Sample, Samples, SelectHints, is_stale_nan};
use model::{Labels, Matcher, StoreError};

use super::envelope::{ApiError, ErrorType};
use super::params::Params;
use super::{PrometheusState, json};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /federate`
pub(super) async fn federate(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let sets = params.matcher_sets()?;
    if sets.is_empty() {
        return Err(ApiError::new(ErrorType::BadData, "no match[] parameter provided"));
    }
    let end_ms = state.clock.now_ms();
    let newest = {
        let state = state.clone();
        let lookback_ms = state.lookback_delta_ms;
        state
            .pool
            .clone()
            .run(move || newest(&state, &sets, end_ms - lookback_ms, end_ms))
            .await??
    };
    let types: BTreeMap<String, &'static str> = state
        .metrics
        .metadata()
        .into_iter()
        .map(|(family, m)| (family, m.metric_type.as_str()))
        .collect();
    let mut out = String::new();
    let mut family = "";
    for (labels, sample) in &newest {
        let name = labels.metric_name();
        if name != family {
            let kind = types
                .get(name)
                .copied()
                .filter(|kind| matches!(*kind, "counter" | "gauge"));
            let _ = writeln!(out, "# TYPE {name} {}", kind.unwrap_or("untyped"));
            family = name;
        }
        line(&mut out, labels, *sample);
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], out).into_response())
}

fn newest(
    state: &PrometheusState,
    sets: &[Vec<Matcher>],
    start_ms: i64,
    end_ms: i64,
) -> Result<BTreeMap<Labels, Sample>, StoreError> {
    let snapshot = Arc::clone(&state.metrics).snapshot(start_ms, end_ms)?;
    let hints = SelectHints {
        start_ms,
        end_ms,
        step_ms: 0,
        max_series: 0,
    };
    let mut found = BTreeMap::new();
    let mut samples = Samples::default();
    for matchers in sets {
        let mut series = snapshot.select(matchers, &hints)?;
        while let Some(labels) = series.next(&mut samples)? {
            let last = samples.iter().last().filter(|s| !is_stale_nan(s.value));
            if let Some(sample) = last.filter(|_| labels.get(METRIC_NAME).is_some()) {
                found.insert(labels, sample);
            }
        }
    }
    Ok(found)
}

fn line(out: &mut String, labels: &Labels, sample: Sample) {
    let name = labels.metric_name();
    let bare = is_legacy_metric_name(name);
    let mut pieces = Vec::new();
    if !bare {
        pieces.push(format!("\"{}\"", escape(name)));
    }
    for (label, value) in labels.iter().filter(|(n, _)| *n != METRIC_NAME) {
        let quote = if is_legacy_label_name(label) { "" } else { "\"" };
        pieces.push(format!("{quote}{}{quote}=\"{}\"", escape(label), escape(value)));
    }
    // A federated series without an instance keeps none, instead of taking the federating server's.
    if labels.get("instance").is_none() {
        pieces.push("instance=\"\"".to_owned());
    }
    let _ = write!(out, "{}{{{}}} ", if bare { name } else { "" }, pieces.join(","));
    json::float(out, sample.value);
    let _ = writeln!(out, " {}", sample.timestamp_ms);
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
