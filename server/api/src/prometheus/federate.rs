//! `/federate`: the newest sample of each selected series, for another server to scrape.
//!
//! In the text format, or in protocol buffers for those who would rather have them, which are the only form of native
//! histograms; those with bounds of their own are classic histograms in the text. Compressed where that is accepted.

mod histogram;
mod protobuf;
mod text;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use model::histogram::CounterResetHint;
use model::labels::METRIC_NAME;
use model::metrics::{Samples, SelectHints, Walk, is_stale_nan};
use model::{Histogram, Labels, Matcher, StoreError};

use super::PrometheusState;
use super::envelope::{ApiError, ErrorType};
use super::params::Params;

const INSTANCE: &str = "instance";

/// What a series is worth now.
#[derive(Debug, Clone)]
enum Value {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// A series on its way out.
struct Exposed {
    /// Without the name, with what this server adds.
    labels: Vec<(String, String)>,
    timestamp_ms: i64,
    value: Value,
}

/// Series of one name and kind that follow each other.
struct Family {
    name: String,
    kind: &'static str,
    series: Vec<Exposed>,
}

/// `GET /federate`. Without a selector nothing is selected, as in Prometheus.
pub(super) async fn federate(
    State(state): State<PrometheusState>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let sets = params.matcher_sets()?;
    let (pool, timeout) = (state.pool.clone(), state.query_timeout);
    let binary = wants_protobuf(&headers);
    let packed = accepts_gzip(&headers);
    let page = move || -> Result<Vec<u8>, ApiError> {
        let families = families(&state, &sets)?;
        let page = if binary {
            protobuf::page(&families)
        } else {
            text::page(&families).into_bytes()
        };
        if !packed {
            return Ok(page);
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let done = encoder.write_all(&page).and_then(|()| encoder.finish());
        done.map_err(|e| ApiError::new(ErrorType::Internal, e.to_string()))
    };
    let page = pool.run_within(timeout, page).await??;
    let kind = if binary {
        protobuf::CONTENT_TYPE
    } else {
        text::CONTENT_TYPE
    };
    let mut response = ([(header::CONTENT_TYPE, kind)], page).into_response();
    if packed {
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
    }
    Ok(response)
}

/// Whether delimited protocol buffers come before text in `Accept`.
fn wants_protobuf(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut best = (0.0, false);
    for clause in accepted.flat_map(|value| value.split(',')) {
        let mut parts = clause.split(';').map(str::trim);
        let kind = parts.next().unwrap_or("");
        let mut quality = 1.0;
        let (mut delimited, mut family) = (false, false);
        for part in parts {
            match part.split_once('=').unwrap_or((part, "")) {
                ("q", value) => quality = value.parse().unwrap_or(0.0),
                ("encoding", value) => delimited = value == "delimited",
                ("proto", value) => family = value == "io.prometheus.client.MetricFamily",
                _ => {}
            }
        }
        let binary = kind == "application/vnd.google.protobuf" && delimited && family;
        if quality > best.0 && (binary || matches!(kind, "text/plain" | "text/*" | "*/*")) {
            best = (quality, binary);
        }
    }
    best.1
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut clauses = accepted.flat_map(|value| value.split(','));
    clauses.any(|clause| {
        let (coding, rest) = clause.split_once(';').unwrap_or((clause, ""));
        coding.trim() == "gzip" && !matches!(rest.trim(), "q=0" | "q=0.0")
    })
}

/// The families by name, each as long as its kind is one.
fn families(state: &PrometheusState, sets: &[Vec<Matcher>]) -> Result<Vec<Family>, StoreError> {
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    let end_ms = state.clock.now_ms();
    let newest = newest(state, sets, end_ms - state.lookback_delta_ms, end_ms)?;
    let mut newest: Vec<(Labels, (i64, Value))> = newest.into_iter().collect();
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
    let mut families: Vec<Family> = Vec::new();
    for (labels, (timestamp_ms, value)) in newest {
        let name = labels.metric_name();
        let kind = match &value {
            Value::Float(_) => types
                .get(name)
                .copied()
                .filter(|t| matches!(*t, "counter" | "gauge")),
            Value::Histogram(h) if h.reset_hint == CounterResetHint::Gauge => Some("gaugehistogram"),
            Value::Histogram(_) => Some("histogram"),
        };
        let kind = kind.unwrap_or("untyped");
        let exposed = Exposed {
            labels: outside(&labels, &added),
            timestamp_ms,
            value,
        };
        match families.last_mut() {
            Some(family) if family.name == name && family.kind == kind => family.series.push(exposed),
            _ => families.push(Family {
                name: name.to_owned(),
                kind,
                series: vec![exposed],
            }),
        }
    }
    Ok(families)
}

/// The labels of a series but its name, then those that are added where it lacks them.
fn outside(labels: &Labels, added: &BTreeMap<&str, &str>) -> Vec<(String, String)> {
    let own = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let absent = added.iter().filter(|(name, _)| labels.get(name).is_none());
    own.chain(absent.map(|(name, value)| (*name, *value)))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn newest(
    state: &PrometheusState,
    sets: &[Vec<Matcher>],
    start_ms: i64,
    end_ms: i64,
) -> Result<BTreeMap<Labels, (i64, Value)>, StoreError> {
    let snapshot = Arc::clone(&state.metrics).snapshot(start_ms, end_ms)?;
    let hints = SelectHints {
        start_ms,
        end_ms,
        newest_only: true,
        ..SelectHints::default()
    };
    let mut found = BTreeMap::new();
    let mut samples = Samples::default();
    for matchers in sets {
        let series = snapshot.select(matchers, &hints)?;
        let mut walk = Walk::new(&*series);
        while let Some(labels) = walk.next(&mut samples)? {
            if let Some(last) = last(&samples).filter(|_| labels.get(METRIC_NAME).is_some()) {
                found.insert(labels, last);
            }
        }
    }
    Ok(found)
}

/// The newest sample, unless it says that the series has ended.
fn last(samples: &Samples) -> Option<(i64, Value)> {
    let float = samples
        .iter()
        .last()
        .map(|s| (s.timestamp_ms, Value::Float(s.value)));
    let histogram = samples.histograms.last();
    let histogram = histogram.map(|(ms, h)| (*ms, Value::Histogram(Arc::clone(h))));
    let newest = float.into_iter().chain(histogram).max_by_key(|(ms, _)| *ms)?;
    let stale = match &newest.1 {
        Value::Float(value) => is_stale_nan(*value),
        Value::Histogram(histogram) => histogram.is_stale(),
    };
    (!stale).then_some(newest)
}
