//! `query_exemplars`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::Matcher;
use model::exemplar::SeriesExemplars;

use super::envelope::{ApiError, success_raw};
use super::params::Params;
use super::{PrometheusState, json};

/// No answer has more.
const MAX_EXEMPLARS: u64 = 100_000;

/// `GET|POST /query_exemplars`: the exemplars of all series that the query selects.
pub(super) async fn exemplars(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let start_ms = params.time_ms("start", i64::MIN)?;
    let end_ms = params.time_ms("end", state.clock.now_ms())?;
    if end_ms < start_ms {
        return Err(ApiError::parameter(
            "end",
            "end timestamp must not be before start timestamp",
        ));
    }
    let expr = promql::parse(params.get("query").unwrap_or(""))?;
    let selectors: Vec<Vec<Matcher>> = expr
        .selectors()
        .into_iter()
        .map(|selector| selector.matchers.clone())
        .collect();
    let store = Arc::clone(&state.exemplars);
    let work = move || {
        let found = store.select_exemplars(&selectors, start_ms, end_ms, MAX_EXEMPLARS)?;
        Ok(success_raw(&answer(&found), &[], &[]))
    };
    state.pool.run_within(state.query_timeout, work).await?
}

fn answer(found: &[SeriesExemplars]) -> String {
    let mut out = String::from("[");
    for (i, series) in found.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str("{\"seriesLabels\":");
        json::labels(&mut out, &series.labels);
        out.push_str(",\"exemplars\":[");
        for (i, exemplar) in series.exemplars.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str("{\"labels\":");
            json::labels(&mut out, &exemplar.labels);
            out.push_str(",\"value\":\"");
            json::float(&mut out, exemplar.value);
            out.push_str("\",\"timestamp\":");
            json::timestamp(&mut out, exemplar.timestamp_ms);
            out.push('}');
        }
        out.push_str("]}");
    }
    out.push(']');
    out
}
