//! `format_query` and `parse_query`: what the parser makes of a query, without running it.

use axum::extract::State;
use axum::response::Response;

use crate::prometheus::PrometheusState;
use crate::prometheus::envelope::{ApiError, success};
use crate::prometheus::params::Params;

/// `GET|POST /format_query`: the query over several lines where it is long.
pub(in crate::prometheus) async fn format(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let expr = promql::parse_with(params.get("query").unwrap_or(""), &state.parser)?;
    Ok(success(&promql::prettify(&expr)))
}

/// `GET|POST /parse_query`: the tree.
pub(in crate::prometheus) async fn parse(
    State(state): State<PrometheusState>,
    params: Params,
) -> Result<Response, ApiError> {
    let expr = promql::parse_with(params.get("query").unwrap_or(""), &state.parser)?;
    Ok(success(&promql::to_json(&expr)?))
}
