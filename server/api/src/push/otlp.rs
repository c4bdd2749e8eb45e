//! OTLP over HTTP: protobuf and JSON; answers and errors in the encoding of the request.
//!
//! Source: the OTLP specification. Errors are `google.rpc.Status`; `partial_success` is set only where something was
//! refused.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use collector::push::Decoded;
use collector::push::body::{self, Encoding};
use collector::push::otlp::{self, Format};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde::Serialize;

use super::{PushState, Refusal, header};

/// `POST /v1/traces`
pub(super) async fn traces(State(state): State<PushState>, headers: HeaderMap, body: Body) -> Response {
    answer(state, &headers, body, store_traces).await
}

/// `POST /v1/metrics`
pub(super) async fn metrics(State(state): State<PushState>, headers: HeaderMap, body: Body) -> Response {
    answer(state, &headers, body, store_metrics).await
}

/// `POST /v1/logs`
pub(super) async fn logs(State(state): State<PushState>, headers: HeaderMap, body: Body) -> Response {
    answer(state, &headers, body, store_logs).await
}

/// What becomes of an uncompressed request of one signal, the same over HTTP and gRPC.
pub(super) type Store<R> = fn(&PushState, Format, &[u8]) -> Result<R, Refusal>;

pub(super) fn store_traces(
    state: &PushState,
    format: Format,
    bytes: &[u8],
) -> Result<ExportTraceServiceResponse, Refusal> {
    let spans = otlp::traces(otlp::decode(format, bytes)?);
    state.store_spans(spans).map(traces_answer)
}

pub(super) fn store_metrics(
    state: &PushState,
    format: Format,
    bytes: &[u8],
) -> Result<ExportMetricsServiceResponse, Refusal> {
    let batch = otlp::metrics(otlp::decode(format, bytes)?)?;
    state.store_batch(batch).map(metrics_answer)
}

pub(super) fn store_logs(
    state: &PushState,
    format: Format,
    bytes: &[u8],
) -> Result<ExportLogsServiceResponse, Refusal> {
    let lines = otlp::logs(otlp::decode(format, bytes)?, state.clock.now_ns())?;
    state.store_lines(lines).map(logs_answer)
}

fn traces_answer(done: Decoded<()>) -> ExportTraceServiceResponse {
    let partial = (done.rejected > 0).then_some(ExportTracePartialSuccess {
        rejected_spans: done.rejected as i64,
        error_message: done.message,
    });
    ExportTraceServiceResponse {
        partial_success: partial,
    }
}

fn metrics_answer(done: Decoded<()>) -> ExportMetricsServiceResponse {
    let partial = (done.rejected > 0).then_some(ExportMetricsPartialSuccess {
        rejected_data_points: done.rejected as i64,
        error_message: done.message,
    });
    ExportMetricsServiceResponse {
        partial_success: partial,
    }
}

fn logs_answer(done: Decoded<()>) -> ExportLogsServiceResponse {
    let partial = (done.rejected > 0).then_some(ExportLogsPartialSuccess {
        rejected_log_records: done.rejected as i64,
        error_message: done.message,
    });
    ExportLogsServiceResponse {
        partial_success: partial,
    }
}

async fn answer<R: Message + Serialize + Send + 'static>(
    state: PushState,
    headers: &HeaderMap,
    body: Body,
    store: Store<R>,
) -> Response {
    let content_type = header(headers, header::CONTENT_TYPE);
    let format = match Format::from_content_type(content_type.as_deref()) {
        Ok(format) => format,
        Err(error) => return refused(Format::Json, &error.into()),
    };
    let done = async {
        let encoding = Encoding::from_header(header(headers, header::CONTENT_ENCODING).as_deref())?;
        let bytes = state.read(headers, body).await?;
        let work = move |state: &PushState| {
            store(
                state,
                format,
                &body::decode(encoding, &bytes, state.max_body_bytes)?,
            )
        };
        state.run(work).await
    };
    match done.await {
        Ok(message) => encode(format, &message),
        Err(refusal) => refused(format, &refusal),
    }
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message, Serialize)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn refused(format: Format, refusal: &Refusal) -> Response {
    let status = Status {
        code: refusal.code() as i32,
        message: refusal.to_string(),
    };
    refusal.respond(encode(format, &status))
}

fn encode<M: Message + Serialize>(format: Format, message: &M) -> Response {
    match format {
        Format::Protobuf => (
            [(header::CONTENT_TYPE, "application/x-protobuf")],
            message.encode_to_vec(),
        )
            .into_response(),
        Format::Json => {
            let text = serde_json::to_string(message).unwrap_or_else(|_| "{}".to_owned());
            ([(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
    }
}
