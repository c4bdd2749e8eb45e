//! Jaeger's query API over the span store: what Jaeger's UI and Grafana's Jaeger data source call.
//!
//! Parameters, JSON shapes and error texts are those of Jaeger 2 (the classic `/api` routes, which its main line
//! has dropped and clients still call). Nothing is adjusted on the way out: clock skew is shown as it was sent.

mod duration;
mod envelope;
mod params;
mod ui;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use model::spans::{SpanStore, Trace};
use model::{Clock, StoreError};

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
    /// Asks the store on the pool.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn SpanStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let spans = Arc::clone(&self.spans);
        Ok(self.pool.run(move || question(&*spans)).await??)
    }
}

async fn services(State(state): State<JaegerState>) -> Result<Response, Refusal> {
    let services = state.ask(|spans| spans.services()).await?;
    Ok(answer_counted(&services))
}

/// The names alone, each once, whatever the kind of the spans.
async fn operations_of(
    State(state): State<JaegerState>,
    Path(service): Path<String>,
) -> Result<Response, Refusal> {
    let mut operations = state.ask(move |spans| spans.operations(&service, None)).await?;
    operations.dedup_by(|a, b| a.name == b.name);
    let names: Vec<&str> = operations
        .iter()
        .map(|operation| operation.name.as_str())
        .collect();
    Ok(answer_counted(&names))
}

async fn operations(
    State(state): State<JaegerState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let params = Params::new(query.as_deref());
    let service = params.required("service")?.to_owned();
    let kind = params.get("spanKind").map(str::to_owned);
    let operations = state
        .ask(move |spans| spans.operations(&service, kind.as_deref()))
        .await?;
    Ok(answer_counted(
        &operations.iter().map(ui::Operation::from).collect::<Vec<_>>(),
    ))
}

async fn search(State(state): State<JaegerState>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    match Params::new(query.as_deref()).search(state.clock.now_ns())? {
        Ask::Search(query) => {
            let traces = state.ask(move |spans| spans.find_traces(&query)).await?;
            Ok(answer(&shown(&traces)))
        }
        Ask::Ids(ids) => {
            let wanted = ids.clone();
            let found: Vec<Option<Trace>> = state
                .ask(move |spans| wanted.iter().map(|id| spans.trace(*id)).collect())
                .await?;
            let missing = ids.iter().zip(&found).filter(|(_, trace)| trace.is_none());
            let errors = missing.map(|(id, _)| envelope::Problem::missing(*id)).collect();
            let traces: Vec<Trace> = found.into_iter().flatten().collect();
            Ok(answer_with_errors(&shown(&traces), errors))
        }
    }
}

async fn trace(State(state): State<JaegerState>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let id = params::trace_id(&id)?;
    let trace = state
        .ask(move |spans| spans.trace(id))
        .await?
        .ok_or_else(Refusal::trace_not_found)?;
    Ok(answer(&shown(&[trace])))
}

async fn dependencies(
    State(state): State<JaegerState>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let params = Params::new(query.as_deref());
    let (start_ns, end_ns) = params.dependency_range(state.clock.now_ns())?;
    let service = params.get("service").map(str::to_owned);
    let mut links = state
        .ask(move |spans| spans.dependencies(start_ns, end_ns))
        .await?;
    links.retain(|link| {
        service
            .as_ref()
            .is_none_or(|service| link.parent == *service || link.child == *service)
    });
    Ok(answer(
        &links.iter().map(ui::Dependency::from).collect::<Vec<_>>(),
    ))
}

fn shown(traces: &[Trace]) -> Vec<ui::Trace<'_>> {
    traces.iter().map(ui::Trace::from).collect()
}

#[cfg(test)]
mod tests;
