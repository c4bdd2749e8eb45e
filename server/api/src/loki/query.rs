//! `/loki/api/v1/query_range` and `/loki/api/v1/query`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use log_indexer::logql;
use model::logs::{LogQuery, LogStore};

use super::LokiState;
use super::error::LokiError;
use super::{params, streams};
use crate::prometheus::envelope::ApiError;
use crate::prometheus::params::Params;

/// Loki's answer to a log query at one instant.
const NOT_INSTANT: &str = "log queries are not supported as an instant query type, please change your query to a range \
                           query type";

pub(super) async fn range(
    State(state): State<LokiState>,
    headers: HeaderMap,
    params: Result<Params, ApiError>,
) -> Result<Response, LokiError> {
    let params = params?;
    let categorized = streams::wants_categorized(&headers);
    let selector = logql::parse(params.get("query").unwrap_or_default())?;
    let span = params::range(&params, state.clock.now_ns(), params::QUERY_SINCE_MS)?;
    if params.get("interval").is_some_and(|text| text.parse() != Ok(0.0)) {
        return Err(LokiError::bad_request(
            "parameter 'interval' is not supported yet: all lines are returned",
        ));
    }
    let query = LogQuery {
        matchers: selector.matchers,
        filters: selector.filters,
        text: None,
        trace_id: None,
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        limit: params::limit(&params)?,
        direction: params::direction(&params)?,
    };
    let ask = move |logs: &dyn LogStore| {
        let answer = streams::answer(&logs.query(&query)?, categorized);
        answer
            .map(json)
            .map_err(|e| LokiError::bad_request(e.to_string()))
    };
    state.ask(ask).await
}

pub(super) async fn instant(
    State(state): State<LokiState>,
    params: Result<Params, ApiError>,
) -> Result<Response, LokiError> {
    let params = params?;
    let text = params.get("query").unwrap_or_default();
    let Some(value) = logql::eval_literal(text) else {
        logql::parse(text)?;
        return Err(LokiError::bad_request(NOT_INSTANT));
    };
    let time_ns = params::time(&params, "time")?.unwrap_or(state.clock.now_ns());
    let seconds = time_ns.div_euclid(1_000_000) as f64 / 1000.0;
    let value = promql::format_float(value);
    Ok(json(format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[{seconds},"{value}"]}}],"stats":{{}}}}}}"#
    )))
}

/// JSON text as an answer.
pub(super) fn json(body: String) -> Response {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json; charset=UTF-8")],
        body,
    )
        .into_response()
}
