use std::path::{Path, PathBuf};

use model::metrics::{MetricType, is_stale_nan};
use model::spans::{RefKind, Span, SpanId, Tag, TagValue, TraceId};
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::push::mutation;

fn spans(request: &Value) -> crate::push::Decoded<Vec<Span>> {
    traces(decode(Format::Json, request.to_string().as_bytes()).unwrap())
}

fn trace_request() -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}},
            {"key": "host", "value": {"stringValue": "h1"}},
        ]},
        "scopeSpans": [{
            "scope": {"name": "lib", "version": "1.2",
                "attributes": [{"key": "scope.attr", "value": {"intValue": 7}}]},
            "spans": [{
                "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
                "parentSpanId": "EEE19B7EC3C1B173", "traceState": "a=b", "flags": 257,
                "name": "GET /", "kind": 2,
                "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000500",
                "attributes": [
                    {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "x"}]}}},
                    {"key": "ratio", "value": {"doubleValue": 0.5}},
                    {"key": "blob", "value": {"bytesValue": "AAAwOQ=="}},
                    {"key": "nothing"},
                ],
                "events": [{"name": "retry", "timeUnixNano": 1544712660000000001u64,
                    "attributes": [{"key": "n", "value": {"intValue": "2"}}]}],
                "links": [
                    {"traceId": "00000000000000000000000000000001", "spanId": "0000000000000002",
                     "attributes": [{"key": "opentracing.ref_type", "value": {"stringValue": "child_of"}}]},
                    {"traceId": "00000000000000000000000000000001", "spanId": "0000000000000003"},
                    {"traceId": "", "spanId": ""},
                ],
                "status": {"code": 2, "message": "boom"},
            }],
        }],
    }]})
}

#[test]
fn a_span_as_jaeger_shows_it() {
    let decoded = spans(&trace_request());
    assert_eq!((decoded.items.len(), decoded.rejected), (1, 0));
    let span = &decoded.items[0];
    assert_eq!(span.trace_id, TraceId(0x5b8e_fff7_9803_8103_d269_b633_813f_c60c));
    assert_eq!(span.parent_id(), Some(SpanId(0xeee1_9b7e_c3c1_b173)));
    assert_eq!(
        (span.start_ns, span.duration_ns),
        (1_544_712_660_000_000_000, 1_000_000_500)
    );
    assert_eq!(span.flags, 1);
    assert_eq!(span.process.service, "shop");
    assert_eq!(span.process.tags, [Tag::string("host", "h1")]);
    let tag = |key: &str, value| Tag {
        key: key.to_owned(),
        value,
    };
    assert_eq!(
        span.tags,
        [
            Tag::string("otel.scope.name", "lib"),
            Tag::string("otel.scope.version", "1.2"),
            tag("scope.attr", TagValue::Int64(7)),
            Tag::string("list", r#"[1,"x"]"#),
            tag("ratio", TagValue::Float64(0.5)),
            tag("blob", TagValue::Binary(vec![0, 0, 0x30, 0x39])),
            Tag::string("nothing", ""),
            Tag::string("span.kind", "server"),
            Tag::string("otel.status_code", "ERROR"),
            tag("error", TagValue::Bool(true)),
            Tag::string("otel.status_description", "boom"),
            Tag::string("w3c.tracestate", "a=b"),
        ]
    );
    assert_eq!(span.logs[0].timestamp_ns, 1_544_712_660_000_000_001);
    assert_eq!(
        span.logs[0].fields,
        [Tag::string("event", "retry"), tag("n", TagValue::Int64(2))]
    );
    let kinds: Vec<(RefKind, u64)> = span.references.iter().map(|r| (r.kind, r.span_id.0)).collect();
    assert_eq!(
        kinds,
        [
            (RefKind::ChildOf, 0xeee1_9b7e_c3c1_b173),
            (RefKind::ChildOf, 2),
            (RefKind::FollowsFrom, 3)
        ]
    );
    assert!(span.warnings.is_empty());
}

#[test]
fn spans_without_ids_are_refused_alone() {
    let span = |trace: &str, id: &str| json!({"traceId": trace, "spanId": id, "name": "n"});
    let good = span("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174");
    let zero = span("00000000000000000000000000000000", "eee19b7ec3c1b174");
    let short = span("5b8efff798038103d269b633813fc60c", "01");
    let none = span("5b8efff798038103d269b633813fc60c", "");
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [zero, good, short, none]}]}]});
    let decoded = spans(&request);
    assert_eq!((decoded.items.len(), decoded.rejected), (1, 3));
    assert!(decoded.message.contains("zero"), "{}", decoded.message);
    assert_eq!(decoded.items[0].process.service, MISSING_SERVICE);
    assert_eq!(decoded.items[0].kind(), "");
}

#[test]
fn a_clock_that_ran_backwards_is_mended_and_said() {
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "startTimeUnixNano": "10", "endTimeUnixNano": "9"}]}]}]});
    let decoded = spans(&request);
    assert_eq!(decoded.items[0].duration_ns, 0);
    assert_eq!(decoded.items[0].warnings.len(), 1);
}

#[test]
fn json_as_other_exporters_write_it() {
    let request = json!({"resourceSpans": [{"resource": null, "unknownField": [1, 2], "scopeSpans": [{"spans": [{
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_OK"}, "events": null,
        "attributes": [{"key": "empty", "value": {"arrayValue": {}}}, {"key": "map", "value": {"kvlistValue": {}}}],
    }]}]}]});
    let decoded = spans(&request);
    let shown: Vec<(&str, String)> = decoded.items[0]
        .tags
        .iter()
        .map(|t| (t.key.as_str(), t.value.to_string()))
        .collect();
    let expected = [
        ("empty", "[]"),
        ("map", "{}"),
        ("span.kind", "client"),
        ("otel.status_code", "OK"),
    ];
    assert_eq!(shown, expected.map(|(key, value)| (key, value.to_owned())));
    let error = decode::<ExportTraceServiceRequest>(Format::Json, b"{\"resourceSpans\": [}").unwrap_err();
    assert!(error.to_string().contains("line 1 column"), "{error}");
}

#[test]
fn a_value_that_json_cannot_say_costs_its_point_only() {
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "g", "gauge": {"dataPoints": [
        {"timeUnixNano": "1", "asDouble": "NaN"}, {"timeUnixNano": "1", "asDouble": "1.5"},
    ]}}]}]}]});
    let decoded = metrics(decode(Format::Json, request.to_string().as_bytes()).unwrap()).unwrap();
    assert_eq!(decoded.rejected, 1);
    assert_eq!(decoded.items.rows.len(), 1);
    assert_eq!(decoded.items.rows[0].sample.value, 1.5);
}

#[test]
fn a_metric_that_cannot_be_read_is_not_lost_in_silence() {
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "future", "wavelet": {}}, {"name": "bad", "gauge": {"dataPoints": 7}},
        {"name": "fine", "gauge": {"dataPoints": [{"timeUnixNano": "1", "asInt": "1", "attributes": null,
            "exemplars": [], "unknown": {}}, {"timeUnixNano": "1", "asInt": 2, "attributes": [
            {"key": "list", "value": {"arrayValue": {}}}]}]}},
    ]}]}]});
    let decoded = metrics(decode(Format::Json, request.to_string().as_bytes()).unwrap()).unwrap();
    assert_eq!(decoded.items.rows.len(), 2);
    assert_eq!(decoded.rejected, 2);
    assert!(decoded.message.contains("future"), "{}", decoded.message);
}

fn log_request() -> Value {
    json!({"resourceLogs": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}},
            {"key": "k8s.pod.name", "value": {"stringValue": "shop-1"}},
            {"key": "os.type", "value": {"stringValue": "linux"}},
        ]},
        "scopeLogs": [{
            "scope": {"name": "lib", "attributes": [{"key": "s", "value": {"stringValue": "t"}}]},
            "logRecords": [
                {"timeUnixNano": "5", "observedTimeUnixNano": "6", "severityNumber": 17, "severityText": "Error",
                 "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174",
                 "body": {"stringValue": "it broke"}, "eventName": "crash",
                 "attributes": [{"key": "http.method", "value": {"stringValue": "GET"}},
                    {"key": "m", "value": {"kvlistValue": {"values": [{"key": "a.b", "value": {"intValue": "1"}}]}}}]},
                {"observedTimeUnixNano": "7",
                 "body": {"kvlistValue": {"values": [{"key": "level", "value": {"stringValue": "warn"}}]}}},
                {"body": {"stringValue": "no time"}},
            ],
        }],
    }]})
}

#[test]
fn log_records_as_loki_stores_them() {
    let decoded = logs(
        decode(Format::Json, log_request().to_string().as_bytes()).unwrap(),
        99,
    )
    .unwrap();
    assert_eq!(decoded.rejected, 0);
    let [first, second, third] = decoded.items.as_slice() else {
        panic!("{decoded:?}")
    };
    assert_eq!(
        first.stream.to_string(),
        r#"{k8s_pod_name="shop-1", service_name="shop"}"#
    );
    assert_eq!(first.line, "it broke");
    assert_eq!(
        first.metadata.to_string(),
        concat!(
            r#"{detected_level="error", event_name="crash", http_method="GET", m_a_b="1", "#,
            r#"observed_timestamp="6", os_type="linux", s="t", scope_name="lib", severity_number="17", "#,
            r#"severity_text="Error"}"#
        )
    );
    assert_eq!(
        first.trace_id.unwrap().0,
        0x5b8e_fff7_9803_8103_d269_b633_813f_c60c
    );
    assert_eq!(first.span_id.unwrap().0, 0xeee1_9b7e_c3c1_b174);
    assert_eq!(
        (second.line.as_str(), second.timestamp_ns),
        (r#"{"level":"warn"}"#, 7)
    );
    assert_eq!(second.metadata.get("detected_level"), Some("warn"));
    assert_eq!((third.timestamp_ns, third.trace_id), (99, None));
}

#[test]
fn a_stream_without_a_service_gets_one() {
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]});
    let decoded = logs(decode(Format::Json, request.to_string().as_bytes()).unwrap(), 0).unwrap();
    assert_eq!(
        decoded.items[0].stream.to_string(),
        r#"{service_name="unknown_service"}"#
    );
}

fn metric_request() -> Value {
    let point = |value: Value| {
        json!({"timeUnixNano": "1544712660300000000", "asDouble": value,
            "attributes": [{"key": "http.method", "value": {"stringValue": "GET"}}]})
    };
    json!({"resourceMetrics": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}},
            {"key": "service.namespace", "value": {"stringValue": "eu"}},
            {"key": "service.instance.id", "value": {"stringValue": "i-1"}},
            {"key": "host.name", "value": {"stringValue": "h1"}},
        ]},
        "scopeMetrics": [{"metrics": [
            {"name": "http.requests", "unit": "1", "description": "Requests.",
             "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point(json!(5))]}},
            {"name": "temperature", "unit": "Cel", "gauge": {"dataPoints": [
                {"timeUnixNano": "1544712660300000000", "asInt": "-3"},
                {"timeUnixNano": "1544712660300000000", "flags": 1, "attributes": [
                    {"key": "a.b", "value": {"stringValue": "x"}}, {"key": "a_b", "value": {"stringValue": "y"}}]}]}},
            {"name": "queue", "unit": "1", "sum": {"aggregationTemporality": 2, "dataPoints": [point(json!(2))]}},
            {"name": "latency", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
                {"timeUnixNano": "1544712660300000000", "count": "6", "sum": 4.5,
                 "bucketCounts": ["1", "2", "3"], "explicitBounds": [0.1, 1]}]}},
            {"name": "size", "unit": "By", "summary": {"dataPoints": [
                {"timeUnixNano": "1544712660300000000", "count": "2", "sum": 10,
                 "quantileValues": [{"quantile": 0.5, "value": 4}]}]}},
            {"name": "delta", "sum": {"aggregationTemporality": 1, "isMonotonic": true,
                "dataPoints": [point(json!(1)), point(json!(2))]}},
            {"name": "exp", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [{"count": "1"}]}},
        ]}],
    }]})
}

#[test]
fn metrics_as_prometheus_stores_them() {
    let decoded = metrics(decode(Format::Json, metric_request().to_string().as_bytes()).unwrap()).unwrap();
    let shown: Vec<String> = decoded
        .items
        .rows
        .iter()
        .map(|row| format!("{} {}", row.labels, row.sample.value))
        .collect();
    let target = r#"instance="i-1", job="eu/shop""#;
    let expected = [
        format!(r#"http_requests_total{{http_method="GET", {target}}} 5"#),
        format!(r#"temperature_celsius{{{target}}} -3"#),
        format!(r#"temperature_celsius{{a_b="x;y", {target}}} NaN"#),
        format!(r#"queue{{http_method="GET", {target}}} 2"#),
        format!(r#"latency_seconds_sum{{{target}}} 4.5"#),
        format!(r#"latency_seconds_count{{{target}}} 6"#),
        format!(r#"latency_seconds_bucket{{{target}, le="0.1"}} 1"#),
        format!(r#"latency_seconds_bucket{{{target}, le="1"}} 3"#),
        format!(r#"latency_seconds_bucket{{{target}, le="+Inf"}} 6"#),
        format!(r#"size_bytes_sum{{{target}}} 10"#),
        format!(r#"size_bytes_count{{{target}}} 2"#),
        format!(r#"size_bytes{{{target}, quantile="0.5"}} 4"#),
        format!(r#"target_info{{host_name="h1", {target}}} 1"#),
    ];
    assert_eq!(shown, expected);
    assert!(
        decoded
            .items
            .rows
            .iter()
            .all(|row| row.sample.timestamp_ms == 1_544_712_660_300)
    );
    assert!(is_stale_nan(decoded.items.rows[2].sample.value));
    assert_eq!(decoded.rejected, 3);
    assert!(
        decoded.message.contains("\"delta\": delta temporality"),
        "{}",
        decoded.message
    );
    let (family, metadata) = &decoded.items.metadata[0];
    assert_eq!(family, "http_requests_total");
    assert_eq!(
        (metadata.metric_type, metadata.help.as_str()),
        (MetricType::Counter, "Requests.")
    );
}

#[test]
fn exponential_histograms_become_native_ones_and_exemplars_go_beside() {
    let exemplar = |value: f64, trace: &str| {
        json!({"timeUnixNano": "1544712660200000000", "asDouble": value, "traceId": trace, "spanId": "eee19b7ec3c1b174",
            "filteredAttributes": [{"key": "user", "value": {"stringValue": "u"}}]})
    };
    let at = "1544712660300000000";
    let trace = "5b8efff798038103d269b633813fc60c";
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "size", "unit": "By", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
            {"timeUnixNano": at, "count": "6", "sum": 9.5, "scale": 1, "zeroCount": "1",
             "positive": {"offset": -1, "bucketCounts": ["2", "3"]}, "exemplars": [exemplar(0.8, trace)]},
            {"timeUnixNano": at, "flags": 1, "attributes": [{"key": "a", "value": {"stringValue": "b"}}]}]}},
        {"name": "latency", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"timeUnixNano": at, "count": "3", "sum": 4.5, "bucketCounts": ["1", "2", "0"], "explicitBounds": [0.1, 1],
             "exemplars": [exemplar(0.1, trace), exemplar(7.0, "")]}]}},
        {"name": "requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
            {"timeUnixNano": at, "asInt": "5", "exemplars": [exemplar(1.0, trace)]}]}},
    ]}]}]});
    let decoded = metrics(decode(Format::Json, request.to_string().as_bytes()).unwrap()).unwrap();
    assert_eq!((decoded.rejected, decoded.message.as_str()), (0, ""));
    let native = &decoded.items.histograms;
    assert_eq!(native[0].labels.to_string(), "size_bytes");
    assert_eq!(native[0].timestamp_ms, 1_544_712_660_300);
    assert_eq!((native[0].histogram.schema, native[0].histogram.sum), (1, 9.5));
    assert!(native[0].histogram.validate().is_ok());
    assert_eq!(native[1].labels.to_string(), r#"size_bytes{a="b"}"#);
    assert!(native[1].histogram.is_stale());
    let shown: Vec<String> = decoded
        .items
        .exemplars
        .iter()
        .map(|row| format!("{} {} {}", row.series, row.exemplar.labels, row.exemplar.value))
        .collect();
    let labels = format!(r#"{{span_id="eee19b7ec3c1b174", trace_id="{trace}", user="u"}}"#);
    let expected = [
        format!("size_bytes {labels} 0.8"),
        format!(r#"latency_seconds_bucket{{le="0.1"}} {labels} 0.1"#),
        r#"latency_seconds_bucket{le="+Inf"} {span_id="eee19b7ec3c1b174", user="u"} 7"#.to_owned(),
        format!("requests_total {labels} 1"),
    ];
    assert_eq!(shown, expected);
    let times = decoded
        .items
        .exemplars
        .iter()
        .map(|row| row.exemplar.timestamp_ms);
    assert!(times.into_iter().all(|time| time == 1_544_712_660_200));
}

#[test]
fn a_target_of_which_nothing_more_is_known_has_no_target_info() {
    let request = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [{"name": "up", "gauge": {"dataPoints": [{"timeUnixNano": "1", "asInt": 1}]}}]}],
    }]});
    let decoded = metrics(decode(Format::Json, request.to_string().as_bytes()).unwrap()).unwrap();
    assert_eq!(decoded.items.rows.len(), 1);
}

#[test]
fn protobuf_says_the_same_as_json() {
    let text = trace_request().to_string();
    let from_json: ExportTraceServiceRequest = decode(Format::Json, text.as_bytes()).unwrap();
    let bytes = from_json.encode_to_vec();
    let from_protobuf: ExportTraceServiceRequest = decode(Format::Protobuf, &bytes).unwrap();
    assert_eq!(traces(from_protobuf), traces(from_json));
}

/// A field that holds `inner`, within those that hold it, from the inmost number out.
fn nested(numbers: &[u8], inner: &[u8]) -> Vec<u8> {
    numbers.iter().fold(inner.to_vec(), |inner, number| {
        let mut out = vec![number << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut out);
        out.extend_from_slice(&inner);
        out
    })
}

fn unit_exceeded<T: std::fmt::Debug>(result: Result<T, PushError>) -> &'static str {
    match result.unwrap_err() {
        PushError::TooLarge { unit, .. } => unit,
        other => panic!("{other}"),
    }
}

#[test]
fn a_small_body_cannot_unfold_to_gigabytes() {
    // Spans, and resources, of two bytes each.
    let body = nested(&[2, 1], &[0x12, 0x00].repeat(8 << 20));
    let decoded = decode::<ExportTraceServiceRequest>(Format::Protobuf, &body);
    assert_eq!(unit_exceeded(decoded), "spans, log records or data points");
    let decoded = decode::<ExportTraceServiceRequest>(Format::Protobuf, &[0x0a, 0x00].repeat(8 << 20));
    assert_eq!(unit_exceeded(decoded), "bytes in memory");
    let spans = "{},".repeat(600_000);
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}{{}}]}}]}}]}}"#);
    let decoded = decode::<ExportTraceServiceRequest>(Format::Json, body.as_bytes());
    assert_eq!(unit_exceeded(decoded), "JSON objects and lists");
}

#[test]
fn the_data_points_of_a_request_are_bounded() {
    let points = |count| nested(&[5, 2, 2, 1], &[0x0a, 0x00].repeat(count));
    assert!(decode::<ExportMetricsServiceRequest>(Format::Protobuf, &points(500_000)).is_ok());
    let decoded = decode::<ExportMetricsServiceRequest>(Format::Protobuf, &points(500_001));
    assert_eq!(unit_exceeded(decoded), "spans, log records or data points");
}

#[test]
fn brackets_within_text_do_not_count() {
    let text = r#"{[\"{"#.repeat(200_000);
    let body = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{text}"}}}}]}}]}}]}}"#
    );
    assert!(decode::<ExportLogsServiceRequest>(Format::Json, body.as_bytes()).is_ok());
}

#[test]
fn log_records_cannot_repeat_their_resource_without_end() {
    let text = "x".repeat(1 << 20);
    let records = vec![json!({}); 200];
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}],
        "resource": {"attributes": [{"key": "a", "value": {"stringValue": text}}]}}]});
    let decoded = logs(decode(Format::Json, request.to_string().as_bytes()).unwrap(), 0);
    assert_eq!(unit_exceeded(decoded), "bytes of metadata");
}

#[test]
fn spans_cannot_repeat_their_scope_without_end() {
    let text = "x".repeat(1 << 20);
    let span = json!({"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708"});
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": vec![span; 200],
        "scope": {"attributes": [{"key": "a", "value": {"stringValue": text}}]}}]}]});
    let decoded = spans(&request);
    assert_eq!((decoded.items.len(), decoded.rejected), (127, 73));
    assert!(decoded.message.contains("scopes repeat"), "{}", decoded.message);
}

#[test]
fn a_histogram_cannot_repeat_its_labels_without_end() {
    let text = "x".repeat(1 << 20);
    let bounds: Vec<usize> = (0..1000).collect();
    let counts = vec!["1"; 1001];
    let request = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "h", "histogram": {
        "aggregationTemporality": 2, "dataPoints": [{"timeUnixNano": "1", "count": "1", "explicitBounds": bounds,
            "bucketCounts": counts, "attributes": [{"key": "a", "value": {"stringValue": text}}]}]}}]}]}]});
    let error = metrics(decode(Format::Json, request.to_string().as_bytes()).unwrap()).unwrap_err();
    assert!(
        matches!(
            error,
            PushError::TooLarge {
                unit: "bytes of labels",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn mutated_requests_never_panic() {
    let protobuf = |json: &Value| {
        let text = json.to_string();
        let bytes = |e: PushError| panic!("{e}");
        match json.as_object().unwrap().keys().next().unwrap().as_str() {
            "resourceSpans" => decode::<ExportTraceServiceRequest>(Format::Json, text.as_bytes())
                .map_or_else(bytes, |r| r.encode_to_vec()),
            "resourceLogs" => decode::<ExportLogsServiceRequest>(Format::Json, text.as_bytes())
                .map_or_else(bytes, |r| r.encode_to_vec()),
            _ => decode::<ExportMetricsServiceRequest>(Format::Json, text.as_bytes())
                .map_or_else(bytes, |r| r.encode_to_vec()),
        }
    };
    let rounds = 5_000;
    mutation::over(&protobuf(&trace_request()), rounds, |b| {
        drop(decode(Format::Protobuf, b).map(traces))
    });
    mutation::over(&protobuf(&log_request()), rounds, |b| {
        drop(decode(Format::Protobuf, b).map(|r| logs(r, 0)))
    });
    mutation::over(&protobuf(&metric_request()), rounds, |b| {
        drop(decode(Format::Protobuf, b).map(metrics))
    });
    let text = |json: Value| json.to_string().into_bytes();
    mutation::over(&text(trace_request()), rounds, |b| {
        drop(decode(Format::Json, b).map(traces))
    });
    mutation::over(&text(log_request()), rounds, |b| {
        drop(decode(Format::Json, b).map(|r| logs(r, 0)))
    });
    mutation::over(&text(metric_request()), rounds, |b| {
        drop(decode(Format::Json, b).map(metrics))
    });
}

/// A folder of public test data beside the repository, which need not exist.
fn conformance(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/conformance")
        .join(folder);
    if !path.is_dir() {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no public test data in {}",
            path.display()
        );
        return None;
    }
    Some(path)
}

#[test]
fn public_examples() {
    let Some(folder) = conformance("otlp") else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let spans = traces(decode(Format::Json, &read("trace.json")).unwrap());
    assert_eq!((spans.items.len(), spans.rejected), (1, 0));
    assert_eq!(spans.items[0].kind(), "server");
    for (name, line) in [
        ("logs.json", "Example log record"),
        ("events.json", r#"{"referrer":"#),
    ] {
        let records = logs(decode(Format::Json, &read(name)).unwrap(), 0).unwrap();
        assert_eq!((records.items.len(), records.rejected), (1, 0));
        assert!(
            records.items[0].line.starts_with(line),
            "{}",
            records.items[0].line
        );
        assert_eq!(records.items[0].stream.get("service_name"), Some("my.service"));
    }
    // All but the gauge of this example are deltas, and one an exponential histogram too.
    let decoded = metrics(decode(Format::Json, &read("metrics.json")).unwrap()).unwrap();
    assert_eq!(decoded.items.rows.len(), 1);
    assert_eq!(decoded.items.rows[0].labels.metric_name(), "my_gauge_ratio");
    assert_eq!(decoded.rejected, 3);
}

#[test]
fn jaegers_translation_of_the_same_spans() {
    let Some(folder) = conformance("jaeger/query_http") else {
        return;
    };
    let bytes = std::fs::read(folder.join("otlp2jaeger-in.json")).unwrap();
    let golden: Value =
        serde_json::from_slice(&std::fs::read(folder.join("otlp2jaeger-out.json")).unwrap()).unwrap();
    let ours = traces(decode(Format::Json, &bytes).unwrap()).items;
    let theirs = golden["data"][0]["spans"].as_array().unwrap();
    assert_eq!(ours.len(), theirs.len());
    for (span, golden) in ours.iter().zip(theirs) {
        let tags: Vec<Value> = span
            .tags
            .iter()
            .map(|t| json!({"key": t.key, "type": "string", "value": t.value.to_string()}))
            .collect();
        assert_eq!(json!(tags), golden["tags"]);
        assert_eq!(span.span_id.to_string(), golden["spanID"]);
        assert_eq!(
            span.parent_id().unwrap().to_string(),
            golden["references"][0]["spanID"]
        );
        assert_eq!(span.start_ns / 1000, golden["startTime"]);
        assert_eq!(span.duration_ns / 1000, golden["duration"]);
    }
}

#[test]
fn jaegers_storage_traces_are_all_taken() {
    let Some(folder) = conformance("jaeger/storage_integration/traces") else {
        return;
    };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let decoded = traces(decode(Format::Json, &std::fs::read(&path).unwrap()).unwrap());
        assert_eq!(decoded.rejected, 0, "{}", path.display());
        assert!(!decoded.items.is_empty(), "{}", path.display());
        count += 1;
    }
    assert!(count >= 30, "{count} traces");
}
