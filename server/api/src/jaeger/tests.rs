use std::path::Path;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use durable::RealFs;
use http_body_util::BodyExt;
use model::ManualClock;
use model::spans::{Process, RefKind, Span, SpanId, SpanLog, SpanRef, SpanSink, Tag, TagValue, TraceId};
use serde_json::{Value, json};
use tower::ServiceExt;
use traces::{Options, Traces};

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;
const NOW_US: i64 = NOW_MS * 1000;

struct Api {
    router: Router,
    store: Arc<Traces>,
    _dir: tempfile::TempDir,
}

impl Api {
    fn over(spans: &[Span]) -> Api {
        Api::with(spans, Options::default())
    }

    fn with(spans: &[Span], options: Options) -> Api {
        let dir = tempfile::tempdir().expect("a folder");
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW_MS));
        let (store, _) =
            Traces::open(Arc::new(RealFs), dir.path(), options, Arc::clone(&clock)).expect("the store opens");
        let store = Arc::new(store);
        store.append(spans).expect("spans are stored");
        let pool = Pool::new("query", 2, 10);
        let router = routes(JaegerState {
            spans: Arc::clone(&store) as Arc<dyn SpanStore>,
            pool,
            query_timeout: Duration::from_secs(10),
            clock,
        });
        Api {
            router,
            store,
            _dir: dir,
        }
    }

    async fn get(&self, uri: &str) -> (StatusCode, Value) {
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&bytes).expect("JSON"))
    }

    async fn data(&self, uri: &str) -> Value {
        let (status, mut body) = self.get(uri).await;
        assert_eq!(
            (status, &body["errors"]),
            (StatusCode::OK, &Value::Null),
            "{uri}: {body}"
        );
        body["data"].take()
    }

    /// The trace ids that a search gives, in its order.
    async fn found(&self, query: &str) -> Vec<String> {
        let data = self.data(&format!("/api/traces?{query}")).await;
        let id = |trace: &Value| {
            trace["traceID"]
                .as_str()
                .expect("an id")
                .trim_start_matches('0')
                .to_owned()
        };
        data.as_array().expect("a list").iter().map(id).collect()
    }
}

fn span(trace: u128, id: u64, service: &str, operation: &str) -> Span {
    Span {
        trace_id: TraceId(trace),
        span_id: SpanId(id),
        operation: operation.to_owned(),
        references: Vec::new(),
        flags: 0,
        start_ns: (NOW_US - 1_000_000) * 1000 + i64::try_from(trace).expect("small") * 1000,
        duration_ns: 5_000_999,
        tags: Vec::new(),
        logs: Vec::new(),
        process: Arc::new(Process {
            service: service.to_owned(),
            tags: Vec::new(),
        }),
        warnings: Vec::new(),
    }
}

fn child_of(parent: u64, span: Span) -> Span {
    let reference = SpanRef {
        kind: RefKind::ChildOf,
        trace_id: span.trace_id,
        span_id: SpanId(parent),
        tags: Vec::new(),
    };
    Span {
        references: vec![reference],
        ..span
    }
}

fn tag(key: &str, value: TagValue) -> Tag {
    Tag {
        key: key.to_owned(),
        value,
    }
}

/// Trace 1: front calls cart calls front; trace 2: front alone, slow, with an error; trace 3: cart.
fn sample() -> Api {
    let mut slow = span(2, 20, "front", "GET /pay");
    slow.duration_ns = 2_000_000_000;
    slow.tags = vec![
        tag("error", TagValue::Bool(true)),
        tag("url", TagValue::String("http://a:1/".into())),
    ];
    let mut client = child_of(10, span(1, 11, "cart", "add"));
    client.tags = vec![Tag::string("span.kind", "client")];
    let mut server = child_of(11, span(1, 12, "cart", "add"));
    server.tags = vec![Tag::string("span.kind", "server")];
    Api::over(&[
        span(1, 10, "front", "GET /"),
        client,
        server,
        slow,
        span(3, 30, "cart", "sweep"),
    ])
}

#[tokio::test]
async fn services_and_operations() {
    let api = sample();
    let (_, body) = api.get("/api/services").await;
    assert_eq!(
        body,
        json!({"data": ["cart", "front"], "total": 2, "limit": 0, "offset": 0, "errors": null})
    );
    let (_, body) = api.get("/api/services/cart/operations").await;
    assert_eq!(
        (&body["data"], &body["total"]),
        (&json!(["add", "sweep"]), &json!(2))
    );
    let all = json!([
        {"name": "add", "spanKind": "client"},
        {"name": "add", "spanKind": "server"},
        {"name": "sweep", "spanKind": ""},
    ]);
    assert_eq!(api.data("/api/operations?service=cart").await, all);
    assert_eq!(
        api.data("/api/operations?service=cart&spanKind=server").await,
        json!([all[1]])
    );
    assert_eq!(api.data("/api/services/no%2Fbody/operations").await, json!([]));
}

#[tokio::test]
async fn a_trace_has_jaegers_shape() {
    let mut full = child_of(0x2a, span(0xabc, 0xd, "front", "GET /"));
    full.flags = 1;
    full.tags = vec![
        tag("text", TagValue::String("ü".into())),
        tag("yes", TagValue::Bool(true)),
        tag("int", TagValue::Int64(9_007_199_254_740_991)),
        tag("large", TagValue::Int64(9_007_199_254_740_992)),
        tag("small", TagValue::Int64(i64::MIN)),
        tag("float", TagValue::Float64(72.5)),
        tag("whole", TagValue::Float64(72.0)),
        tag("nan", TagValue::Float64(f64::NAN)),
        tag("bytes", TagValue::Binary(vec![0, 0, 0x30, 0x39])),
    ];
    full.logs = vec![SpanLog {
        timestamp_ns: NOW_US * 1000 + 999,
        fields: vec![Tag::string("event", "e")],
    }];
    full.warnings = vec!["clock".into()];
    full.process = Arc::new(Process {
        service: "front".into(),
        tags: vec![Tag::string("host", "h")],
    });
    let mut other = span(0xabc, 0xe, "cart", "add");
    other.start_ns = full.start_ns + 1_000_000;
    let api = Api::over(&[full, other]);
    let expected = json!([{
        "traceID": "00000000000000000000000000000abc",
        "spans": [
            {
                "traceID": "00000000000000000000000000000abc",
                "spanID": "000000000000000d",
                "flags": 1,
                "operationName": "GET /",
                "references": [{
                    "refType": "CHILD_OF",
                    "traceID": "00000000000000000000000000000abc",
                    "spanID": "000000000000002a",
                }],
                "startTime": NOW_US - 1_000_000 + 0xabc,
                "duration": 5000,
                "tags": [
                    {"key": "text", "type": "string", "value": "ü"},
                    {"key": "yes", "type": "bool", "value": true},
                    {"key": "int", "type": "int64", "value": 9_007_199_254_740_991_i64},
                    {"key": "large", "type": "int64", "value": "9007199254740992"},
                    {"key": "small", "type": "int64", "value": "-9223372036854775808"},
                    {"key": "float", "type": "float64", "value": 72.5},
                    {"key": "whole", "type": "float64", "value": 72},
                    {"key": "nan", "type": "float64", "value": "NaN"},
                    {"key": "bytes", "type": "binary", "value": "AAAwOQ=="},
                ],
                "logs": [{"timestamp": NOW_US, "fields": [{"key": "event", "type": "string", "value": "e"}]}],
                "processID": "p1",
                "warnings": ["clock"],
            },
            {
                "traceID": "00000000000000000000000000000abc",
                "spanID": "000000000000000e",
                "operationName": "add",
                "references": [],
                "startTime": NOW_US - 1_000_000 + 0xabc + 1000,
                "duration": 5000,
                "tags": [],
                "logs": [],
                "processID": "p2",
                "warnings": null,
            },
        ],
        "processes": {
            "p1": {"serviceName": "front", "tags": [{"key": "host", "type": "string", "value": "h"}]},
            "p2": {"serviceName": "cart", "tags": []},
        },
        "warnings": null,
    }]);
    // Ids with and without leading zeros name the same trace.
    for id in ["abc", "00000000000000000000000000000abc", "0ABC"] {
        let (status, body) = api.get(&format!("/api/traces/{id}")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            body,
            json!({"data": expected, "total": 0, "limit": 0, "offset": 0, "errors": null})
        );
    }
}

#[tokio::test]
async fn an_id_that_is_named_twice_is_answered_once() {
    let api = sample();
    assert_eq!(
        api.found("traceID=2&traceID=1&traceID=02&traceID=2").await,
        ["2", "1"]
    );
    let (_, body) = api.get("/api/traces?traceID=9&traceID=1&traceID=9").await;
    assert_eq!(body["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(body["errors"].as_array().map(Vec::len), Some(1), "{body}");
}

#[tokio::test]
async fn traces_named_together_are_bounded_as_a_search_is() {
    let options = Options {
        max_answer_spans: 2,
        ..Options::default()
    };
    let api = Api::with(
        &[
            span(1, 10, "a", "x"),
            span(2, 20, "a", "x"),
            span(3, 30, "a", "x"),
        ],
        options,
    );
    assert_eq!(api.found("traceID=1&traceID=3").await, ["1", "3"]);
    let (status, body) = api.get("/api/traces?traceID=1&traceID=2&traceID=3").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
}

#[tokio::test]
async fn a_store_that_takes_too_long_is_a_gateway_timeout() {
    let state = JaegerState {
        spans: Arc::clone(&sample().store) as _,
        pool: Pool::new("query", 1, 10),
        query_timeout: Duration::from_millis(1),
        clock: Arc::new(ManualClock::at(NOW_MS)),
    };
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let stuck = state.ask(move |_| {
        let _ = wait.recv();
        Ok(Response::default())
    });
    let refusal = stuck.await.expect_err("it never answers");
    assert_eq!(refusal.into_response().status(), StatusCode::GATEWAY_TIMEOUT);
    drop(release);
}

#[tokio::test]
async fn searches() {
    let api = sample();
    for (query, expected) in [
        ("service=front", vec!["2", "1"]),
        ("service=front&limit=1", vec!["2"]),
        ("service=front&operation=GET+%2F", vec!["1"]),
        ("service=cart&operation=add", vec!["1"]),
        ("service=front&tag=error:true", vec!["2"]),
        ("service=front&tag=url:http://a:1/", vec!["2"]),
        (
            "service=front&tags=%7B%22error%22%3A%22true%22%2C%22url%22%3A%22http%3A%2F%2Fa%3A1%2F%22%7D",
            vec!["2"],
        ),
        ("service=cart&tag=error:true", vec![]),
        ("service=front&minDuration=1s", vec!["2"]),
        ("service=front&maxDuration=5001us", vec!["1"]),
        ("service=front&minDuration=0s&maxDuration=", vec!["2", "1"]),
        ("service=front&lookback=1h", vec!["2", "1"]),
        ("service=front&lookback=10ms", vec![]),
        ("service=front&start=0&end=1000", vec![]),
        ("service=nobody", vec![]),
    ] {
        assert_eq!(api.found(query).await, expected, "{query}");
    }
    let start = NOW_US - 1_000_000 + 2;
    assert_eq!(
        api.found(&format!(
            "service=front&start={start}&end={start}&lookback=custom"
        ))
        .await,
        ["2"]
    );
    api.store.cut().expect("a block is cut");
    assert_eq!(api.found("service=front").await, ["2", "1"], "from a block too");
}

#[tokio::test]
async fn traces_by_id_say_which_are_missing() {
    let api = sample();
    let (status, body) = api.get("/api/traces?traceID=3&traceID=99&traceID=1").await;
    assert_eq!(status, StatusCode::OK);
    let ids: Vec<&str> = body["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|t| t["traceID"].as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "00000000000000000000000000000003",
            "00000000000000000000000000000001"
        ]
    );
    let missing = json!([{"msg": "trace not found", "traceID": "00000000000000000000000000000099"}]);
    assert_eq!(body["errors"], missing);
}

#[tokio::test]
async fn dependencies_count_calls() {
    let api = sample();
    let calls = json!([
        {"parent": "cart", "child": "cart", "callCount": 1},
        {"parent": "front", "child": "cart", "callCount": 1},
    ]);
    assert_eq!(
        api.data(&format!("/api/dependencies?endTs={NOW_MS}&lookback=60000"))
            .await,
        calls
    );
    assert_eq!(api.data("/api/dependencies").await, calls, "a day until now");
    assert_eq!(
        api.data("/api/dependencies?service=front").await,
        json!([calls[1]])
    );
    assert_eq!(
        api.data(&format!("/api/dependencies?endTs={NOW_MS}&lookback=10"))
            .await,
        json!([])
    );
}

#[tokio::test]
async fn refusals_have_jaegers_texts() {
    let api = sample();
    let one = |code: u16, msg: &str| json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [{"code": code, "msg": msg}]});
    let (status, body) = api.get("/api/traces/99").await;
    assert_eq!(
        (status, body),
        (StatusCode::NOT_FOUND, one(404, "trace not found"))
    );
    for (uri, msg) in [
        ("/api/traces", "parameter 'service' is required"),
        ("/api/operations", "parameter 'service' is required"),
        (
            "/api/traces/xyz",
            "strconv.ParseUint: parsing \"xyz\": invalid syntax",
        ),
        (
            "/api/traces/123456789012345678901234567890123",
            "TraceID cannot be longer than 32 hex characters: 123456789012345678901234567890123",
        ),
        (
            "/api/traces?traceID=xyz",
            "cannot parse traceID param: strconv.ParseUint: parsing \"xyz\": invalid syntax",
        ),
        (
            "/api/traces?service=s&start=x",
            "unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            "/api/traces?service=s&limit=x",
            "strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            "/api/traces?service=s&limit=0",
            "invalid parameter: limit must be greater than 0",
        ),
        (
            "/api/traces?service=s&start=2&end=1",
            "invalid parameter: start time must be before end time",
        ),
        (
            "/api/traces?service=s&minDuration=5",
            "unable to parse param 'minDuration': time: missing unit in duration \"5\"",
        ),
        (
            "/api/traces?service=s&minDuration=2s&maxDuration=1s",
            "'maxDuration' should be greater than 'minDuration'",
        ),
        (
            "/api/traces?service=s&tag=x",
            "malformed 'tag' parameter, expecting key:value, received: x",
        ),
        (
            "/api/dependencies?endTs=x",
            "unable to parse param 'endTs': strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
    ] {
        let (status, body) = api.get(uri).await;
        assert_eq!((status, body), (StatusCode::BAD_REQUEST, one(400, msg)), "{uri}");
    }
    let (status, body) = api.get("/api/traces?service=s&tags=%5B1%5D").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let msg = body["errors"][0]["msg"].as_str().expect("a text");
    assert!(
        msg.starts_with("malformed 'tags' parameter, cannot unmarshal JSON: "),
        "{msg}"
    );
}

/// Jaeger's own example: OTLP in, UI JSON out. Its two spans are the same span twice, which shows once here.
#[tokio::test]
async fn jaegers_example_of_otlp_to_ui() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/jaeger/query_http");
    if !dir.exists() {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: jaegers_example_of_otlp_to_ui: no {}",
            dir.display()
        );
        return;
    }
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("the example");
    let request = serde_json::from_str(&read("otlp2jaeger-in.json")).expect("OTLP JSON");
    let spans = collector::push::otlp::traces(request).items;
    assert_eq!(spans.len(), 2);
    let api = Api::over(&spans);
    let mut expected: Value = serde_json::from_str(&read("otlp2jaeger-out.json")).expect("JSON");
    expected["data"][0]["spans"]
        .as_array_mut()
        .expect("spans")
        .truncate(1);
    let (_, mut body) = api.get("/api/traces/83a9efd15c1c98a977e0711cc93ee28b").await;
    for answer in [&mut expected, &mut body] {
        let tags = answer["data"][0]["spans"][0]["tags"]
            .as_array_mut()
            .expect("tags");
        tags.sort_by_key(|tag| tag["key"].as_str().map(str::to_owned));
    }
    assert_eq!(body, expected);
}
