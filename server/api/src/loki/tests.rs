//! The routes over a real store in a folder of its own.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use log_indexer::{Logs, Options};
use model::logs::{LogRecord, LogSink};
use model::spans::{SpanId, TraceId};
use model::{Labels, ManualClock};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;
const NOW_NS: i64 = NOW_MS * 1_000_000;

struct Fixture {
    router: Router,
    _dir: tempfile::TempDir,
}

fn line(app: &str, age_ms: i64, text: &str) -> LogRecord {
    LogRecord {
        timestamp_ns: NOW_NS - age_ms * 1_000_000,
        stream: Labels::from_pairs([("app", app), ("env", "test")]),
        line: text.to_owned(),
        metadata: Labels::empty(),
        trace_id: None,
        span_id: None,
    }
}

fn fixture(lines: &[LogRecord]) -> Fixture {
    let dir = tempfile::tempdir().expect("a folder");
    let clock: Arc<dyn model::Clock> = Arc::new(ManualClock::at(NOW_MS));
    let fs = Arc::new(durable::RealFs);
    let (logs, _) = Logs::open(fs, dir.path(), Options::default(), Arc::clone(&clock)).expect("opens");
    // Half in blocks, half in the head, as in real life.
    let (old, new) = lines.split_at(lines.len() / 2);
    logs.append(old).expect("stores");
    logs.flush().expect("cuts");
    logs.append(new).expect("stores");
    let router = routes(LokiState {
        logs: Arc::new(logs),
        pool: Pool::new("query", 2, 10),
        query_timeout: Duration::from_secs(10),
        clock,
    });
    Fixture { router, _dir: dir }
}

fn shop() -> Fixture {
    let mut traced = line("shop", 3000, "payment declined: card");
    traced.trace_id = Some(TraceId(0xabc));
    traced.span_id = Some(SpanId(0xd));
    traced.metadata = Labels::from_pairs([("detected_level", "error"), ("app", "clash")]);
    fixture(&[
        line("shop", 4000, "order 1 taken"),
        traced,
        line("web", 2000, "GET /cart"),
        line("shop", 1000, "order 2 taken"),
        line("web", 1000, "GET /pay"),
        line("old", 2 * 3_600_000, "long ago"),
    ])
}

impl Fixture {
    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn text(&self, path: &str, params: &[(&str, &str)]) -> (StatusCode, String) {
        self.send(
            Request::get(uri(path, params))
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    async fn get(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, text) = self.text(path, params).await;
        assert_eq!(status, StatusCode::OK, "{path} {params:?}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }
}

fn form(params: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = params
        .iter()
        .map(|(n, v)| format!("{}={}", encode(n), encode(v)))
        .collect();
    pairs.join("&")
}

fn uri(path: &str, params: &[(&str, &str)]) -> String {
    format!("{path}?{}", form(params))
}

fn ns(age_ms: i64) -> String {
    (NOW_NS - age_ms * 1_000_000).to_string()
}

#[tokio::test]
async fn a_range_query_answers_streams_with_metadata_among_the_labels() {
    let body = shop()
        .get("/loki/api/v1/query_range", &[("query", r#"{app="shop"} |= "e""#)])
        .await;
    let expected = json!({"status": "success", "data": {"resultType": "streams", "stats": {}, "result": [
        {"stream": {"app": "shop", "app_extracted": "clash", "detected_level": "error", "env": "test",
                    "span_id": "000000000000000d", "trace_id": "00000000000000000000000000000abc"},
         "values": [[ns(3000), "payment declined: card"]]},
        {"stream": {"app": "shop", "env": "test"},
         "values": [[ns(1000), "order 2 taken"], [ns(4000), "order 1 taken"]]},
    ]}});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_client_can_have_labels_categorized() {
    let params = [
        ("query", r#"{app="shop"}"#),
        ("direction", "FORWARD"),
        ("limit", "2"),
    ];
    let request = Request::get(uri("/loki/api/v1/query_range", &params))
        .header("X-Loki-Response-Encoding-Flags", "categorize-labels")
        .body(Body::empty())
        .expect("a request");
    let (_, text) = shop().send(request).await;
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let metadata = json!({"structuredMetadata": {"app": "clash", "detected_level": "error",
        "span_id": "000000000000000d", "trace_id": "00000000000000000000000000000abc"}});
    let expected = json!({"resultType": "streams", "encodingFlags": ["categorize-labels"], "stats": {}, "result": [
        {"stream": {"app": "shop", "env": "test"},
         "values": [[ns(4000), "order 1 taken", {}], [ns(3000), "payment declined: card", metadata]]}]});
    assert_eq!(body["data"], expected);
}

#[tokio::test]
async fn ranges_in_every_spelling_and_by_form() {
    let shop = shop();
    let count = |body: &Value| {
        let streams = body["data"]["result"].as_array().cloned().unwrap_or_default();
        streams
            .iter()
            .map(|s| s["values"].as_array().map_or(0, Vec::len))
            .sum::<usize>()
    };
    let query = ("query", r#"{env="test"}"#);
    let cases: [(&[(&str, &str)], usize); 6] = [
        (&[query], 5),
        (&[query, ("since", "3h")], 6),
        (&[query, ("start", "1699999998"), ("end", "1700000000")], 3),
        (
            &[query, ("start", "1699999998.000"), ("end", "1699999999.000")],
            1,
        ),
        (
            &[
                query,
                ("start", "2023-11-14T22:13:18Z"),
                ("end", "1699999999000000001"),
            ],
            3,
        ),
        (&[query, ("limit", "2")], 2),
    ];
    for (params, expected) in cases {
        let body = shop.get("/loki/api/v1/query_range", params).await;
        assert_eq!(count(&body), expected, "{params:?}");
        let post = Request::post("/loki/api/v1/query_range")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form(params)))
            .expect("a request");
        let (_, text) = shop.send(post).await;
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), body);
    }
}

#[tokio::test]
async fn errors_are_plain_text_with_what_and_where() {
    let shop = shop();
    let cases: [(&[(&str, &str)], &str); 8] = [
        (
            &[("query", r#"{app="x"} | json"#)],
            "parse error at line 1, col 11: pipeline stage \"| json\" is not supported yet",
        ),
        (
            &[("query", r#"rate({app="x"}[1m])"#)],
            "metric query \"rate\" is not supported yet",
        ),
        (
            &[("query", "{}")],
            "queries require at least one regexp or equality matcher",
        ),
        (
            &[],
            "parse error at line 1, col 1: syntax error: unexpected end of query",
        ),
        (&[("query", r#"{app="x"}"#), ("limit", "5001")], "(5001 > 5000)"),
        (
            &[("query", r#"{app="x"}"#), ("limit", "0")],
            "limit must be a positive value",
        ),
        (
            &[("query", r#"{app="x"}"#), ("direction", "up")],
            "invalid direction 'up'",
        ),
        (
            &[("query", r#"{app="x"}"#), ("start", "2"), ("end", "1")],
            "end timestamp must not be before",
        ),
    ];
    for (params, part) in cases {
        let (status, text) = shop.text("/loki/api/v1/query_range", params).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{params:?}");
        assert!(
            text.contains(part) && !text.starts_with('{'),
            "{params:?}: {text}"
        );
    }
}

#[tokio::test]
async fn an_instant_query_takes_no_lines_but_grafanas_test() {
    let shop = shop();
    let (status, text) = shop
        .text("/loki/api/v1/query", &[("query", r#"{app="shop"}"#)])
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        text.starts_with("log queries are not supported as an instant query type"),
        "{text}"
    );
    let body = shop
        .get(
            "/loki/api/v1/query",
            &[("query", "vector(1)+vector(1)"), ("time", "4000000000")],
        )
        .await;
    let result = json!([{"metric": {}, "value": [4_000_000_000u64, "2"]}]);
    assert_eq!(body["data"]["result"], result);
}

#[tokio::test]
async fn labels_values_and_series() {
    let shop = shop();
    assert_eq!(
        shop.get("/loki/api/v1/labels", &[]).await["data"],
        json!(["app", "env"])
    );
    assert_eq!(
        shop.get("/loki/api/v1/labels", &[("query", r#"{app="none"}"#)])
            .await["data"],
        json!([])
    );
    assert_eq!(
        shop.get("/loki/api/v1/label", &[]).await["data"],
        json!(["app", "env"])
    );
    let values = "/loki/api/v1/label/app/values";
    assert_eq!(shop.get(values, &[]).await["data"], json!(["old", "shop", "web"]));
    assert_eq!(
        shop.get(values, &[("since", "1h")]).await["data"],
        json!(["shop", "web"])
    );
    assert_eq!(
        shop.get(values, &[("query", r#"{app=~"w.*"}"#)]).await["data"],
        json!(["web"])
    );
    let both = [("match[]", r#"{app="web"}"#), ("match[]", r#"{app="shop"}"#)];
    let series = shop.get("/loki/api/v1/series", &both).await;
    assert_eq!(
        series["data"],
        json!([{"app": "shop", "env": "test"}, {"app": "web", "env": "test"}])
    );
    assert_eq!(
        shop.get("/loki/api/v1/series", &[]).await["data"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    let (status, text) = shop.text("/loki/api/v1/series", &[("match[]", "up")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("parse error at line 1, col 1"), "{text}");
    let version = shop.get("/loki/api/v1/status/buildinfo", &[]).await;
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn search_finds_by_words_selector_and_trace() {
    let shop = shop();
    let found = shop
        .get("/api/v1/logs/search", &[("text", "DECLINED payment")])
        .await;
    let expected = json!({"status": "success", "data": {"cursor": null, "lines": [{
        "timestamp": ns(3000), "line": "payment declined: card", "stream": {"app": "shop", "env": "test"},
        "metadata": {"app": "clash", "detected_level": "error"},
        "trace_id": "00000000000000000000000000000abc", "span_id": "000000000000000d"}]}});
    assert_eq!(found, expected);
    let by_trace = shop
        .get(
            "/api/v1/logs/search",
            &[("trace_id", "ABC"), ("text", ""), ("query", "")],
        )
        .await;
    assert_eq!(by_trace, expected);
    let by_query = shop
        .get("/api/v1/logs/search", &[("query", r#"{app="web"} |= "cart""#)])
        .await;
    assert_eq!(by_query["data"]["lines"][0]["line"], "GET /cart");
    for (name, value) in [
        ("trace_id", "xyz"),
        ("query", "{"),
        ("cursor", "1_x"),
        ("text", "!?"),
        ("limit", "-1"),
    ] {
        let (status, text) = shop.text("/api/v1/logs/search", &[(name, value)]).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}={value}");
        assert!(text.contains(r#""errorType":"bad_data""#), "{text}");
    }
}

#[tokio::test]
async fn pages_lose_and_repeat_no_line_of_equal_time() {
    let ages = [5, 5, 5, 5, 4, 3, 3, 3, 2, 5, 5];
    let lines: Vec<LogRecord> = ages
        .iter()
        .enumerate()
        .map(|(i, &age)| line(["a", "b"][i % 2], age * 1000, &i.to_string()))
        .collect();
    let fixture = fixture(&lines);
    for direction in ["backward", "forward"] {
        for limit in ["1", "2", "3", "4", "11", "12"] {
            let mut found: Vec<String> = Vec::new();
            let mut cursor = String::new();
            loop {
                let params = [
                    ("direction", direction),
                    ("limit", limit),
                    ("cursor", cursor.as_str()),
                ];
                let page = fixture.get("/api/v1/logs/search", &params).await;
                let lines = page["data"]["lines"].as_array().cloned().unwrap_or_default();
                found.extend(lines.iter().filter_map(|l| l["line"].as_str().map(str::to_owned)));
                match page["data"]["cursor"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => break,
                }
            }
            let expected = match direction {
                "backward" => ["8", "5", "6", "7", "4", "0", "1", "2", "3", "9", "10"],
                _ => ["0", "1", "2", "3", "9", "10", "4", "5", "6", "7", "8"],
            };
            assert_eq!(found, expected, "{direction}, {limit} a page");
        }
    }
}

#[tokio::test]
async fn counts_over_time() {
    let shop = shop();
    let params = [("start", "1699999996"), ("end", "1700000000"), ("step", "2")];
    let body = shop.get("/api/v1/logs/counts", &params).await;
    let expected = json!([{"start": ns(4000), "count": 2}, {"start": ns(2000), "count": 3}]);
    assert_eq!(body["data"]["counts"], expected);
    let body = shop.get("/api/v1/logs/counts", &[("text", "order")]).await;
    assert_eq!(body["data"]["counts"].as_array().map(Vec::len), Some(60));
    let (status, _) = shop.text("/api/v1/logs/counts", &[("step", "0.001")]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
