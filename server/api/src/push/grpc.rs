//! OTLP over gRPC: the same bounds and the same work as over HTTP, in gRPC's framing.
//!
//! A generated server would decode a message as soon as it is complete, before anything can bound what it unfolds to and
//! outside of the ingest pool; so the frame is opened here. A unary call is one frame each way: a byte that says whether
//! the message is compressed, its length in four bytes, the message; the answer's status follows in trailers. Source:
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use collector::push::PushError;
use collector::push::body::{self, Encoding};
use collector::push::otlp::Format;
use http_body_util::{BodyExt, Full};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server;
use prost::Message;
use tonic::Status;

use super::otlp::{Store, store_logs, store_metrics, store_traces};
use super::{PushState, Refusal, header};

/// A status travels in a header, so its text is cut to this many characters.
const MAX_STATUS_TEXT: usize = 1024;

/// The three services.
pub fn routes(state: PushState) -> Router {
    let export = |service: &str| format!("/{service}/Export");
    Router::new()
        .route(&export(trace_service_server::SERVICE_NAME), post(traces))
        .route(&export(metrics_service_server::SERVICE_NAME), post(metrics))
        .route(&export(logs_service_server::SERVICE_NAME), post(logs))
        .fallback(async || Status::unimplemented("no such method").into_http::<Body>())
        .with_state(state)
}

async fn traces(State(state): State<PushState>, headers: HeaderMap, body: Body) -> Response {
    unary(state, &headers, body, store_traces).await
}

async fn metrics(State(state): State<PushState>, headers: HeaderMap, body: Body) -> Response {
    unary(state, &headers, body, store_metrics).await
}

async fn logs(State(state): State<PushState>, headers: HeaderMap, body: Body) -> Response {
    unary(state, &headers, body, store_logs).await
}

async fn unary<R: Message + 'static>(
    state: PushState,
    headers: &HeaderMap,
    body: Body,
    store: Store<R>,
) -> Response {
    let content_type = header(headers, header::CONTENT_TYPE).unwrap_or_default();
    if !content_type.starts_with("application/grpc") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let done = async {
        let encoding = encoding(headers)?;
        let frame = state.read(headers, body).await?;
        let work = move |state: &PushState| {
            let (compressed, message) = open(&frame)?;
            let encoding = if compressed { encoding } else { Encoding::Identity };
            let message = body::decode(encoding, message, state.max_body_bytes)?;
            store(state, Format::Protobuf, &message)
        };
        state.run(work).await
    };
    let mut response = match done.await {
        Ok(message) => answer(&message),
        Err(refusal) => status(&refusal).into_http(),
    };
    let accepted = HeaderValue::from_static("identity,gzip,zstd");
    response.headers_mut().insert("grpc-accept-encoding", accepted);
    response
}

/// How messages that say so are compressed.
fn encoding(headers: &HeaderMap) -> Result<Encoding, PushError> {
    let value = headers.get("grpc-encoding").and_then(|value| value.to_str().ok());
    match value.unwrap_or("identity") {
        "identity" => Ok(Encoding::Identity),
        "gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        other => Err(PushError::Unsupported {
            what: format!("grpc-encoding {other:?}; supported: gzip, zstd, identity"),
        }),
    }
}

/// The one message of a unary request, and whether it is compressed.
fn open(frame: &[u8]) -> Result<(bool, &[u8]), PushError> {
    let malformed = |detail: &str| PushError::Malformed {
        what: "gRPC message",
        detail: detail.to_owned(),
    };
    let (head, message) = frame
        .split_first_chunk::<5>()
        .ok_or_else(|| malformed("it ends within its header"))?;
    let [flag, length @ ..] = *head;
    if u32::from_be_bytes(length) as usize != message.len() {
        return Err(malformed("its length is not the one in its header"));
    }
    match flag {
        0 => Ok((false, message)),
        1 => Ok((true, message)),
        _ => Err(malformed("its compression flag is neither 0 nor 1")),
    }
}

fn status(refusal: &Refusal) -> Status {
    let text: String = refusal.to_string().chars().take(MAX_STATUS_TEXT).collect();
    Status::new(refusal.code(), text)
}

/// A message that went well, uncompressed: it is a few bytes.
fn answer(message: &impl Message) -> Response {
    let message = message.encode_to_vec();
    let Ok(length) = u32::try_from(message.len()) else {
        return Status::internal("the answer is too large").into_http();
    };
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&message);
    let trailers = HeaderMap::from_iter([(Status::GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body =
        Full::new(Bytes::from(frame)).with_trailers(std::future::ready(Some(Ok::<_, Infallible>(trailers))));
    let mut response = Response::new(Body::new(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}
