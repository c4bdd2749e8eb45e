//! OTLP over gRPC, asked by the generated client.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::trace::v1 as trace;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use super::*;
use crate::push::grpc::routes as grpc_routes;

fn spans(count: usize) -> ExportTraceServiceRequest {
    let span = trace::Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "get".to_owned(),
        ..Default::default()
    };
    spans_of(vec![span; count])
}

fn spans_of(spans: Vec<trace::Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![trace::ScopeSpans {
        spans,
        ..Default::default()
    }];
    let resource_spans = vec![trace::ResourceSpans {
        scope_spans,
        ..Default::default()
    }];
    ExportTraceServiceRequest { resource_spans }
}

fn lines(texts: &[&str]) -> ExportLogsServiceRequest {
    let record = |text: &&str| logs::LogRecord {
        body: Some(AnyValue {
            value: Some(Value::StringValue((*text).to_owned())),
        }),
        ..Default::default()
    };
    let scope_logs = vec![logs::ScopeLogs {
        log_records: texts.iter().map(record).collect(),
        ..Default::default()
    }];
    let resource_logs = vec![logs::ResourceLogs {
        scope_logs,
        ..Default::default()
    }];
    ExportLogsServiceRequest { resource_logs }
}

#[tokio::test]
async fn spans_are_stored_compressed_or_not() {
    let kept = Arc::<Kept>::default();
    let mut client = TraceServiceClient::new(grpc_routes(state(&kept)));
    let answer = client.export(spans(1)).await.expect("stored").into_inner();
    assert_eq!(answer.partial_success, None);
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    client.export(spans(2)).await.expect("stored");
    assert_eq!(kept.spans.lock().len(), 3);
}

#[tokio::test]
async fn a_refused_record_is_a_partial_success() {
    let kept = Arc::<Kept>::default();
    let mut client = LogsServiceClient::new(grpc_routes(state(&kept)));
    let answer = client
        .export(lines(&["good", "bad"]))
        .await
        .expect("stored")
        .into_inner();
    let partial = answer.partial_success.expect("partial");
    assert_eq!(partial.rejected_log_records, 1);
    assert!(
        partial.error_message.contains("too old"),
        "{}",
        partial.error_message
    );
    assert_eq!(kept.lines.lock()[0].line, "good");
}

#[tokio::test]
async fn a_few_bytes_of_gzip_cannot_unfold_to_gigabytes() {
    let kept = Arc::<Kept>::default();
    let mut state = state(&kept);
    state.max_body_bytes = 32 << 20;
    let mut client = TraceServiceClient::new(grpc_routes(state)).send_compressed(CompressionEncoding::Gzip);
    let refused = client
        .export(spans_of(vec![trace::Span::default(); 1_000_000]))
        .await;
    let refused = refused.expect_err("too large");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(
        refused.message().contains("spans, log records or data points"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_unpacks_beyond_the_bound_on_bodies_is_refused() {
    let kept = Arc::<Kept>::default();
    let mut client =
        TraceServiceClient::new(grpc_routes(state(&kept))).send_compressed(CompressionEncoding::Gzip);
    let refused = client.export(spans(1000)).await.expect_err("too large");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(kept.spans.lock().is_empty());
}

#[tokio::test]
async fn what_can_pass_later_is_unavailable_so_that_senders_try_again() {
    let kept = Arc::<Kept>::default();
    let mut client = TraceServiceClient::new(grpc_routes(state(&kept)));
    let full = StoreError::Limit {
        what: "bytes of spans",
        limit: 1,
    };
    for refusal in [full, StoreError::ReadOnly("disk failed".into())] {
        *kept.refuse.lock() = Some(refusal);
        let refused = client.export(spans(1)).await.expect_err("refused");
        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    }
}

#[tokio::test]
async fn frames_that_are_none_are_refused() {
    let kept = Arc::<Kept>::default();
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    for (frame, code) in [
        (&b""[..], Code::InvalidArgument),
        (b"\0\0\0", Code::InvalidArgument),
        (b"\0\0\0\0\x02a", Code::InvalidArgument),
        (b"\x02\0\0\0\0", Code::InvalidArgument),
        (b"\0\0\0\0\x01\xff", Code::InvalidArgument),
        (b"\0\0\0\0\0\0\0\0\0\0", Code::InvalidArgument),
        (b"\0\0\0\0\0", Code::Ok),
    ] {
        let request = Request::post(path)
            .header("content-type", "application/grpc")
            .body(Body::from(frame))
            .expect("a request");
        let response = grpc_routes(state(&kept))
            .oneshot(request)
            .await
            .expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
        let status = response.headers().get("grpc-status").cloned();
        let trailers = response
            .into_body()
            .collect()
            .await
            .expect("a body")
            .trailers()
            .cloned();
        let status = status
            .or_else(|| trailers?.get("grpc-status").cloned())
            .expect("a status");
        assert_eq!(Code::from_bytes(status.as_bytes()), code, "{frame:?}");
    }
    let (status, _) = post(grpc_routes(state(&kept)), path, JSON, "{}").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn unknown_methods_and_encodings_are_unimplemented() {
    let kept = Arc::<Kept>::default();
    for (path, encoding) in [
        ("/grpc.health.v1.Health/Check", "gzip"),
        (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "br",
        ),
    ] {
        let request = Request::post(path)
            .header("content-type", "application/grpc")
            .header("grpc-encoding", encoding)
            .body(Body::from(&b"\0\0\0\0\0"[..]))
            .expect("a request");
        let response = grpc_routes(state(&kept))
            .oneshot(request)
            .await
            .expect("infallible");
        let status = response.headers().get("grpc-status").expect("a status");
        assert_eq!(Code::from_bytes(status.as_bytes()), Code::Unimplemented, "{path}");
    }
}
