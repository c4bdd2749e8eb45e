//! `/federate`: the newest sample of each selected series in the text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};
use model::metrics::{Sample, Samples, SelectHints, Walk, is_stale_nan};
use model::{Labels, Matcher, StoreError};

use super::envelope::ApiError;
use super::params::Params;
use super::{PrometheusState, json};

const INSTANCE: &str = "instance";
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /federate`. Without a selector nothing is selected, as in Prometheus.
pub(super) async fn federate(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let sets = params.matcher_sets()?;
    let (pool, timeout) = (state.pool.clone(), state.query_timeout);
    let text = pool.run_within(timeout, move || text(&state, &sets)).await??;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// The page: families by name, each under one `TYPE`.
fn text(state: &PrometheusState, sets: &[Vec<Matcher>]) -> Result<String, StoreError> {
    if sets.is_empty() {
        return Ok(String::new());
    }
    let end_ms = state.clock.now_ms();
    let newest = newest(state, sets, end_ms - state.lookback_delta_ms, end_ms)?;
    let mut newest: Vec<(Labels, Sample)> = newest.into_iter().collect();
    // Labels sort by their first name, which need not be that of the metric.
    newest.sort_by(|(one, _), (two, _)| one.metric_name().cmp(two.metric_name()));
    let types: BTreeMap<String, &'static str> = state
        .metrics
        .metadata()
        .into_iter()
        .map(|(family, m)| (family, m.metric_type.as_str()))
        .collect();
    let added = state.external_labels.read().clone();
    let mut added: BTreeMap<&str, &str> = added.iter().collect();
    // A federated series without an instance keeps none, instead of taking the federating server's.
    added.entry(INSTANCE).or_default();
    let mut out = String::new();
    let mut family = "";
    for (labels, sample) in &newest {
        let name = labels.metric_name();
        if name != family {
            let kind = types.get(name).copied();
            let kind = kind.filter(|kind| matches!(*kind, "counter" | "gauge"));
            let _ = writeln!(out, "# TYPE {name} {}", kind.unwrap_or("untyped"));
            family = name;
        }
        line(&mut out, labels, &added, *sample);
    }
    Ok(out)
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
        ..SelectHints::default()
    };
    let mut found = BTreeMap::new();
    let mut samples = Samples::default();
    for matchers in sets {
        let series = snapshot.select(matchers, &hints)?;
        let mut walk = Walk::new(&*series);
        while let Some(labels) = walk.next(&mut samples)? {
            let last = samples.iter().last().filter(|s| !is_stale_nan(s.value));
            if let Some(sample) = last.filter(|_| labels.get(METRIC_NAME).is_some()) {
                found.insert(labels, sample);
            }
        }
    }
    Ok(found)
}

fn line(out: &mut String, labels: &Labels, added: &BTreeMap<&str, &str>, sample: Sample) {
    let name = labels.metric_name();
    let bare = is_legacy_metric_name(name);
    let mut pieces = Vec::new();
    if !bare {
        pieces.push(format!("\"{}\"", escape(name)));
    }
    let own = labels.iter().filter(|(n, _)| *n != METRIC_NAME);
    let absent = added.iter().filter(|(n, _)| labels.get(n).is_none());
    for (label, value) in own.chain(absent.map(|(n, v)| (*n, *v))) {
        let quote = if is_legacy_label_name(label) { "" } else { "\"" };
        pieces.push(format!("{quote}{}{quote}=\"{}\"", escape(label), escape(value)));
    }
    let _ = write!(out, "{}{{{}}} ", if bare { name } else { "" }, pieces.join(","));
    let mut pen = json::Pen::default();
    json::float(&mut pen, sample.value);
    out.push_str(&pen.into_string());
    let _ = writeln!(out, " {}", sample.timestamp_ms);
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
