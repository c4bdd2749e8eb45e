//! `query_explain`: the parts of a query, with what was expected of each and what it cost.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::Response;
use promql::{Explained, Expr, PlanNode, QueryContext, QueryError};

use super::{Telling, asked, run, steps};
use crate::Client;
use crate::prometheus::PrometheusState;
use crate::prometheus::envelope::{ApiError, success_with};
use crate::prometheus::json::{self, Pen};
use crate::prometheus::params::Params;
use crate::queries::Outcome;

/// `GET|POST /query_explain`: with the parameters of `query`, or with `start`, `end` and `step` those of `query_range`.
/// `analyze=false` leaves out what only evaluating the query tells.
pub(in crate::prometheus) async fn explain(
    State(state): State<PrometheusState>,
    method: Method,
    uri: Uri,
    client: Option<Extension<Client>>,
    params: Params,
) -> Result<Response, ApiError> {
    let analyze = !matches!(params.get("analyze"), Some("0" | "false"));
    let (when, times) = match params.get("step") {
        None => {
            let time_ms = params.time_ms("time", state.clock.now_ms())?;
            (promql::Asked::Instant(time_ms), (time_ms, time_ms, 0))
        }
        Some(_) => {
            let (start_ms, end_ms, step_ms) = steps(&params)?;
            let range = promql::Asked::Range {
                start_ms,
                end_ms,
                step_ms,
            };
            (range, (start_ms, end_ms, step_ms))
        }
    };
    let asked = asked(&params, (method, uri, client), times);
    let (engine, metrics) = (Arc::clone(&state.engine), Arc::clone(&state.metrics));
    let work =
        move |expr: &Expr, context: &QueryContext| engine.explain(&*metrics, expr, when, context, analyze);
    run(&state, &params, asked, Plan, work).await
}

/// The answer is the plan alone.
struct Plan;

impl Telling<Explained> for Plan {
    fn outcome(&self, result: &Result<Explained, QueryError>, _: Duration) -> Outcome {
        Outcome {
            error: result.as_ref().err().map(ToString::to_string),
            ..Outcome::default()
        }
    }

    fn answer(&self, explained: Explained, _: Duration) -> Response {
        let result = explained.result.as_ref();
        let warnings = result.map_or(&[][..], |r| &r.warnings);
        let infos = result.map_or(&[][..], |r| &r.infos);
        success_with(|pen| node(pen, &explained.plan), warnings, infos)
    }
}

/// `position` is where the node stands in the text, in bytes; times are in seconds.
fn node(pen: &mut Pen, of: &PlanNode) {
    pen.text("{\"text\":");
    json::string(pen, &of.text);
    pen.text(&format!(
        ",\"kind\":\"{}\",\"position\":[{},{}]",
        of.kind, of.span.start, of.span.end
    ));
    if let Some(series) = of.estimated_series {
        pen.text(&format!(",\"estimatedSeries\":{series}"));
    }
    if let Some(cost) = &of.measured {
        pen.text(&format!(
            ",\"series\":{},\"samples\":{},\"totalTime\":{},\"ownTime\":{},\"shared\":{}",
            cost.series, cost.samples, cost.total_seconds, cost.own_seconds, cost.shared
        ));
    }
    pen.text(",\"children\":[");
    json::separated(pen, &of.parts, node);
    pen.text("]}");
}
