//! `query_exemplars`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::Matcher;
use model::exemplar::SeriesExemplars;

use super::PrometheusState;
use super::envelope::{ApiError, ErrorType, success_with};
use super::json::{self, Pen};
use super::params::Params;

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
        let why = "end timestamp must not be before start timestamp";
        return Err(ApiError::new(ErrorType::BadData, why));
    }
    let expr = promql::parse_with(params.get("query").unwrap_or(""), &state.parser);
    let expr = expr.map_err(|e| ApiError::new(ErrorType::BadData, e.to_string()))?;
    let selectors: Vec<Vec<Matcher>> = expr
        .selectors()
        .into_iter()
        .map(|selector| selector.matchers.clone())
        .collect();
    let store = Arc::clone(&state.exemplars);
    let work = move || {
        let found = store.select_exemplars(&selectors, start_ms, end_ms, MAX_EXEMPLARS)?;
        Ok(success_with(|pen| answer(pen, &found), &[], &[]))
    };
    state.pool.run_within(state.query_timeout, work).await?
}

fn answer(pen: &mut Pen, found: &[SeriesExemplars]) {
    pen.text("[");
    json::separated(pen, found, |pen, series| {
        pen.text("{\"seriesLabels\":");
        json::labels(pen, &series.labels);
        pen.text(",\"exemplars\":[");
        json::separated(pen, &series.exemplars, |pen, exemplar| {
            pen.text("{\"labels\":");
            json::labels(pen, &exemplar.labels);
            pen.text(",\"value\":");
            json::quoted_float(pen, exemplar.value);
            pen.text(",\"timestamp\":");
            json::timestamp(pen, exemplar.timestamp_ms);
            pen.text("}");
        });
        pen.text("]}");
    });
    pen.text("]");
}
