use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use model::exemplar::{ExemplarReport, ExemplarRow, ExemplarSink};
use model::logs::{LogAppendReport, LogRecord, LogSink, RejectedLine};
use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, NewSeries, RefSample, Rejected, SeriesRef,
};
use model::spans::{Span, SpanSink};
use model::{ManualClock, SeriesKey, SeriesRegistry, StoreError};
use parking_lot::Mutex;
use tower::ServiceExt;

use super::*;
use crate::Pool;

mod bodies;
mod grpc;

/// Takes everything but lines that say `bad`, or refuses with what it was told.
#[derive(Default)]
struct Kept {
    series: Mutex<SeriesRegistry>,
    samples: Mutex<Vec<RefSample>>,
    histograms: Mutex<Vec<HistogramRow>>,
    exemplars: Mutex<Vec<ExemplarRow>>,
    spans: Mutex<Vec<Span>>,
    lines: Mutex<Vec<LogRecord>>,
    refuse: Mutex<Option<StoreError>>,
    reject: Mutex<Vec<(usize, Rejected)>>,
}

impl Kept {
    fn check(&self) -> Result<(), StoreError> {
        self.refuse.lock().clone().map_or(Ok(()), Err)
    }
}

impl MetricSink for Kept {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        self.series.lock().find(keys, refs);
    }

    fn create(&self, new: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        self.series.lock().create(new, refs);
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        self.check()?;
        self.samples.lock().extend_from_slice(samples);
        let rejected = self.reject.lock().clone();
        Ok(AppendReport {
            stored: samples.len() - rejected.len(),
            rejected,
        })
    }

    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        self.check()?;
        self.histograms.lock().extend_from_slice(rows);
        Ok(AppendReport {
            stored: rows.len(),
            rejected: Vec::new(),
        })
    }

    fn set_metadata(&self, _: &str, _: &Metadata) {}
}

impl ExemplarSink for Kept {
    fn append_exemplars(&self, rows: &[ExemplarRow]) -> Result<ExemplarReport, StoreError> {
        self.check()?;
        self.exemplars.lock().extend_from_slice(rows);
        Ok(ExemplarReport::default())
    }
}

impl SpanSink for Kept {
    fn append(&self, spans: &[Span]) -> Result<(), StoreError> {
        self.check()?;
        self.spans.lock().extend_from_slice(spans);
        Ok(())
    }
}

impl LogSink for Kept {
    fn append(&self, records: &[LogRecord]) -> Result<LogAppendReport, StoreError> {
        self.check()?;
        let mut report = LogAppendReport::default();
        for (index, record) in records.iter().enumerate() {
            if record.line == "bad" {
                report.rejected.push((index, RejectedLine::TooOld));
            } else {
                self.lines.lock().push(record.clone());
            }
        }
        report.stored = records.len() - report.rejected.len();
        Ok(report)
    }
}

fn state(kept: &Arc<Kept>) -> PushState {
    PushState {
        metrics: Arc::clone(kept) as Arc<dyn MetricSink>,
        exemplars: Some(Arc::clone(kept) as Arc<dyn ExemplarSink>),
        spans: Arc::clone(kept) as Arc<dyn SpanSink>,
        logs: Arc::clone(kept) as Arc<dyn LogSink>,
        pool: Pool::new("ingest", 1, 10),
        clock: Arc::new(ManualClock::at(1_700_000_000_000)),
        max_body_bytes: 10_000,
        bodies: Bodies::default(),
        remote_write: Default::default(),
    }
}

async fn post(router: Router, path: &str, content_type: &str, body: impl Into<Body>) -> (StatusCode, String) {
    let request = Request::post(path)
        .header("content-type", content_type)
        .body(body.into())
        .expect("a request");
    let response = router.oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

const JSON: &str = "application/json";

#[tokio::test]
async fn exponential_histograms_and_exemplars_reach_their_sinks() {
    let kept = Arc::<Kept>::default();
    let body = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"size","exponentialHistogram":{
        "aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1700000000000000000","count":"2","sum":3,"zeroCount":"2",
        "exemplars":[{"timeUnixNano":"1700000000000000000","asDouble":1,"spanId":"eee19b7ec3c1b174"}]}]}}]}]}]}"#;
    let (status, answer) = post(otlp_routes(state(&kept)), "/v1/metrics", JSON, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(!answer.contains("rejected"), "{answer}");
    let histograms = kept.histograms.lock();
    assert_eq!(
        (histograms.len(), histograms[0].timestamp_ms),
        (1, 1_700_000_000_000)
    );
    assert_eq!(kept.exemplars.lock()[0].series.metric_name(), "size");
}

#[tokio::test]
async fn an_otlp_log_record_is_stored_and_answered_without_partial_success() {
    let kept = Arc::<Kept>::default();
    let body = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
        "scopeLogs":[{"logRecords":[{"timeUnixNano":"1700000000000000000","body":{"stringValue":"hello"}}]}]}]}"#;
    let (status, answer) = post(otlp_routes(state(&kept)), "/v1/logs", JSON, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(!answer.contains("rejected"), "{answer}");
    assert_eq!(kept.lines.lock()[0].line, "hello");
    assert_eq!(kept.lines.lock()[0].stream.get("service_name"), Some("shop"));
}

#[tokio::test]
async fn a_log_record_that_the_store_refuses_is_a_partial_success() {
    let kept = Arc::<Kept>::default();
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"17","body":{"stringValue":"bad"}},
        {"timeUnixNano":"1700000000000000000","body":{"stringValue":"good"}}]}]}]}"#;
    let (status, answer) = post(otlp_routes(state(&kept)), "/v1/logs", JSON, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let partial = &answer["partialSuccess"];
    assert_eq!(
        partial["rejectedLogRecords"].to_string().trim_matches('"'),
        "1",
        "{answer}"
    );
    let message = partial["errorMessage"].as_str().expect("a message");
    assert!(message.contains("timestamp too old: line of 17 ns"), "{message}");
    assert_eq!(kept.lines.lock().len(), 1);
}

#[tokio::test]
async fn good_lines_of_a_loki_push_are_stored_and_the_others_answered_400() {
    let kept = Arc::<Kept>::default();
    let body =
        r#"{"streams":[{"stream":{"a":"b"},"values":[["1","good"],["2","bad"],["3","fine"],["4","bad"]]}]}"#;
    let (status, answer) = post(routes(state(&kept)), "/loki/api/v1/push", JSON, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(
        answer.starts_with("2 lines refused, the first: timestamp too old: line of 2 ns"),
        "{answer}"
    );
    let lines: Vec<String> = kept.lines.lock().iter().map(|r| r.line.clone()).collect();
    assert_eq!(lines, ["good", "fine"]);
}

#[tokio::test]
async fn samples_that_the_store_refuses_are_a_partial_success() {
    let kept = Arc::<Kept>::default();
    *kept.reject.lock() = vec![(0, Rejected::TooOld)];
    let body = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"depth","gauge":{"dataPoints":[
        {"timeUnixNano":"1700000000000000000","asDouble":1.5}]}}]}]}]}"#;
    let (status, answer) = post(otlp_routes(state(&kept)), "/v1/metrics", JSON, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(answer.contains("out of bounds"), "{answer}");
}

#[tokio::test]
async fn malformed_and_oversized_pushes_are_refused_and_change_nothing() {
    let kept = Arc::<Kept>::default();
    let large = vec![b' '; 20_000];
    for (path, content_type, body, expected) in [
        ("/v1/traces", JSON, b"{".to_vec(), StatusCode::BAD_REQUEST),
        (
            "/v1/traces",
            "application/x-protobuf",
            b"\xff\xff".to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "/v1/traces",
            "text/plain",
            b"".to_vec(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        ("/v1/metrics", JSON, large.clone(), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (status, answer) = post(otlp_routes(state(&kept)), path, content_type, body).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    for (path, body, expected) in [
        ("/api/v1/write", b"not snappy".to_vec(), StatusCode::BAD_REQUEST),
        ("/api/v1/write", large.clone(), StatusCode::PAYLOAD_TOO_LARGE),
        ("/loki/api/v1/push", large, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (status, answer) = post(routes(state(&kept)), path, "application/x-protobuf", body).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }
    assert!(kept.samples.lock().is_empty() && kept.spans.lock().is_empty() && kept.lines.lock().is_empty());
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_large_one_is_413() {
    let kept = Arc::<Kept>::default();
    let bomb = snap::raw::Encoder::new()
        .compress_vec(&vec![0; 1_000_000])
        .expect("compresses");
    assert!(bomb.len() < 100_000);
    let mut state = state(&kept);
    state.max_body_bytes = 100_000;
    let (status, answer) = post(routes(state), "/api/v1/write", "application/x-protobuf", bomb).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{answer}");
}

#[tokio::test]
async fn zipkin_spans_are_stored() {
    let kept = Arc::<Kept>::default();
    let body = r#"[{"traceId":"0000000000000abc","id":"1","name":"get","timestamp":1700000000000000,"duration":5,
        "localEndpoint":{"serviceName":"shop"}}]"#;
    let (status, answer) = post(routes(state(&kept)), "/api/v2/spans", JSON, body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(kept.spans.lock()[0].process.service, "shop");
}

#[tokio::test]
async fn a_store_that_takes_no_writes_asks_to_come_back() {
    let kept = Arc::<Kept>::default();
    *kept.refuse.lock() = Some(StoreError::ReadOnly("disk failed".into()));
    let body = r#"{"streams":[{"stream":{"a":"b"},"values":[["1700000000000000000","line"]]}]}"#;
    let (status, answer) = post(routes(state(&kept)), "/loki/api/v1/push", JSON, body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.contains("disk failed"), "{answer}");
}
