//! OTLP over gRPC.

use axum::Router;
use collector::push::otlp;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::codec::CompressionEncoding::Gzip;
use tonic::{Request, Response, Status};

use super::otlp::{logs_answer, metrics_answer, store_logs, traces_answer};
use super::{PushState, Refusal};

/// The three services; gzip is taken and, where asked for, given.
pub fn routes(state: PushState) -> Router {
    let limit = state.max_body_bytes;
    let service = Otlp(state);
    macro_rules! configured {
        ($server:ident) => {
            $server::new(service.clone())
                .accept_compressed(Gzip)
                .send_compressed(Gzip)
                .max_decoding_message_size(limit)
        };
    }
    tonic::service::Routes::new(configured!(TraceServiceServer))
        .add_service(configured!(MetricsServiceServer))
        .add_service(configured!(LogsServiceServer))
        .prepare()
        .into_axum_router()
}

#[derive(Clone)]
struct Otlp(PushState);

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Status::new(refusal.code(), refusal.to_string())
    }
}

#[tonic::async_trait]
impl TraceService for Otlp {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        let done = self
            .0
            .run(move |state| state.store_spans(otlp::traces(request)))
            .await?;
        Ok(Response::new(traces_answer(done)))
    }
}

#[tonic::async_trait]
impl MetricsService for Otlp {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let request = request.into_inner();
        let done = self
            .0
            .run(move |state| state.store_batch(otlp::metrics(request)?))
            .await?;
        Ok(Response::new(metrics_answer(done)))
    }
}

#[tonic::async_trait]
impl LogsService for Otlp {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let request = request.into_inner();
        let store = move |state: &PushState| {
            let decoded = otlp::logs(request, state.clock.now_ns());
            store_logs(state, decoded)
        };
        Ok(Response::new(logs_answer(self.0.run(store).await?)))
    }
}
