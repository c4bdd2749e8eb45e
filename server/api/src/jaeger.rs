//! Jaeger's query API over the span store: what Jaeger's UI and Grafana's Jaeger data source call.
//!
//! Parameters, JSON shapes and error texts are those of Jaeger 2 (the classic `/api` routes, which its main line
//! has dropped and clients still call). Nothing is adjusted on the way out: clock skew is shown as it was sent.

mod duration;
mod envelope;
mod params;
mod processes;
mod ui;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use model::Clock;
use model::spans::{Dependency, SpanStore, Trace, TraceId};

use crate::Pool;
use envelope::{Refusal, answer, answer_counted, answer_with_errors};
use params::{Ask, Params};

/// What the surface needs.
#[derive(Clone)]
pub struct JaegerState {
    /// Whom to ask.
    pub spans: Arc<dyn SpanStore>,
    /// Where store calls run.
    pub pool: Pool,
    /// No question takes longer, as far as the client waits.
    pub query_timeout: Duration,
    /// Where the time comes from, for ranges that a request leaves open.
    pub clock: Arc<dyn Clock>,
}

/// The routes under `/api` that Jaeger's UI and Grafana's Jaeger data source call.
pub fn routes(state: JaegerState) -> Router {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operations_of))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{trace_id}", get(trace))
        .route("/api/dependencies", get(dependencies))
        .with_state(state)
}

impl JaegerState {
    /// Asks the store on the pool. The answer is written there too: it can be large.
    async fn ask(
        &self,
        question: impl FnOnce(&dyn SpanStore) -> Result<Response, Refusal> + Send + 'static,
    ) -> Result<Response, Refusal> {
        let spans = Arc::clone(&self.spans);
        let work = move || question(&*spans);
        self.pool.run_within(self.query_timeout, work).await?
    }
}

async fn services(State(state): State<JaegerState>) -> Result<Response, Refusal> {
    state.ask(|spans| Ok(answer_counted(&spans.services()?))).await
}

/// The names alone, each once, whatever the kind of the spans.
async fn operations_of(
    State(state): State<JaegerState>,
    Path(service): Path<String>,
) -> Result<Response, Refusal> {
    let ask = move |spans: &dyn SpanStore| {
        let mut operations = spans.operations(&service, None)?;
        operations.dedup_by(|a, b| a.name == b.name);
        let names: Vec<&str> = operations.iter().map(|o| o.name.as_str()).collect();
        Ok(answer_counted(&names))
    };
    state.ask(ask).await
}

async fn operations(
    State(state): State<JaegerState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let params = Params::new(query.as_deref());
    let service = params.required("service")?.to_owned();
    let kind = params.get("spanKind").map(str::to_owned);
    let ask = move |spans: &dyn SpanStore| {
        let operations = spans.operations(&service, kind.as_deref())?;
        let shown: Vec<ui::Operation<'_>> = operations.iter().map(ui::Operation::from).collect();
        Ok(answer_counted(&shown))
    };
    state.ask(ask).await
}

async fn search(State(state): State<JaegerState>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    match Params::new(query.as_deref()).search(state.clock.now_ns())? {
        Ask::Search(query) => {
            state
                .ask(move |spans| Ok(answer(&shown(&spans.find_traces(&query)?))))
                .await
        }
        Ask::Ids(ids) => state.ask(move |spans| by_ids(spans, &ids)).await,
    }
}

fn by_ids(spans: &dyn SpanStore, ids: &[TraceId]) -> Result<Response, Refusal> {
    let traces = spans.traces(ids)?;
    let found: HashSet<TraceId> = traces.iter().map(|trace| trace.trace_id).collect();
    let missing = ids.iter().filter(|id| !found.contains(id));
    let errors = missing.map(|id| envelope::Problem::missing(*id)).collect();
    Ok(answer_with_errors(&shown(&traces), errors))
}

async fn trace(State(state): State<JaegerState>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let id = params::trace_id(&id)?;
    let ask = move |spans: &dyn SpanStore| {
        let trace = spans.trace(id)?.ok_or_else(Refusal::trace_not_found)?;
        Ok(answer(&shown(&[trace])))
    };
    state.ask(ask).await
}

async fn dependencies(
    State(state): State<JaegerState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let params = Params::new(query.as_deref());
    let (start_ns, end_ns) = params.dependency_range(state.clock.now_ns())?;
    let service = params.get("service").map(str::to_owned);
    let ask = move |spans: &dyn SpanStore| {
        let mut links = spans.dependencies(start_ns, end_ns)?;
        let concerns =
            |service: &String, link: &Dependency| link.parent == *service || link.child == *service;
        links.retain(|link| service.as_ref().is_none_or(|service| concerns(service, link)));
        let shown: Vec<ui::Dependency<'_>> = links.iter().map(ui::Dependency::from).collect();
        Ok(answer(&shown))
    };
    state.ask(ask).await
}

fn shown(traces: &[Trace]) -> Vec<ui::Trace<'_>> {
    traces.iter().map(ui::Trace::from).collect()
}

#[cfg(test)]
mod tests;
