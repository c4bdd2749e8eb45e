use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use model::exemplar::{Exemplar, ExemplarStore, SeriesExemplars};
use model::metrics::{Metadata, MetricRow, MetricSink, MetricType, Sample, SeriesRef};
use model::{ManualClock, Matcher, StoreError};
use promql::EngineOptions;
use promql::memory::MemoryStore;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;

/// Two series of `up` at 15 s for ten minutes, and one recording rule's series without an instance.
fn router() -> Router {
    router_with(&[])
}

/// The same, with further series of one sample now.
fn router_with(more: &[&[(&str, &str)]]) -> Router {
    let store = MemoryStore::default();
    for pairs in more {
        let row = MetricRow {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs(pairs.iter().copied()),
            sample: Sample {
                timestamp_ms: NOW_MS,
                value: 1.0,
            },
        };
        store.append(&mut [row]).expect("stores");
    }
    for step in 0..40 {
        let timestamp_ms = NOW_MS - (39 - step) * 15_000;
        for (pairs, value) in [
            (vec![("__name__", "up"), ("instance", "a:1"), ("job", "x")], 1.0),
            (vec![("__name__", "up"), ("instance", "b:1"), ("job", "x")], 0.0),
            (vec![("__name__", "job:up:sum"), ("job", "x")], 0.1),
        ] {
            let labels = Labels::from_pairs(pairs);
            let sample = Sample { timestamp_ms, value };
            store
                .append(&mut [MetricRow {
                    series: SeriesRef::UNKNOWN,
                    labels,
                    sample,
                }])
                .expect("stores");
        }
    }
    store.set_metadata(
        "up",
        &Metadata {
            metric_type: MetricType::Gauge,
            help: "Is it up?".into(),
            unit: String::new(),
        },
    );
    routes(state_of(store))
}

/// A server of these series, `job="other"` and `site="home"`.
pub(super) fn state_of(store: MemoryStore) -> PrometheusState {
    PrometheusState {
        metrics: Arc::new(store),
        exemplars: Arc::new(OneExemplar),
        engine: Arc::new(Engine::new(EngineOptions::default())),
        results: Arc::new(ResultsCache::new(1 << 20)),
        parser: ParserOptions::all(),
        per_step_stats: true,
        pool: Pool::new("query", 2, 10),
        journal: Arc::new(Journal::new(Arc::new(ManualClock::at(NOW_MS)), None)),
        clock: Arc::new(ManualClock::at(NOW_MS)),
        external_labels: Arc::new(RwLock::new(Labels::from_pairs([
            ("job", "other"),
            ("site", "home"),
        ]))),
        query_timeout: Duration::from_secs(10),
        lookback_delta_ms: 300_000,
        read: ReadOptions::default(),
    }
}

/// Says what it was asked.
struct OneExemplar;

impl ExemplarStore for OneExemplar {
    fn select_exemplars(
        &self,
        selectors: &[Vec<Matcher>],
        start_ms: i64,
        end_ms: i64,
        _max_exemplars: u64,
    ) -> Result<Vec<SeriesExemplars>, StoreError> {
        let name = selectors[0][0].value.clone();
        Ok(vec![SeriesExemplars {
            labels: Labels::from_pairs([("__name__", name)]),
            exemplars: vec![Exemplar {
                labels: Labels::from_pairs([("trace_id", start_ms.to_string())]),
                value: 0.5,
                timestamp_ms: end_ms,
            }],
        }])
    }
}

async fn send(request: Request<Body>) -> (StatusCode, String) {
    send_to(router(), request).await
}

async fn send_to(router: Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

async fn get(uri: &str) -> (StatusCode, Value) {
    let (status, text) = send(Request::get(uri).body(Body::empty()).expect("a request")).await;
    (
        status,
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{uri} answers {text}")),
    )
}

#[tokio::test]
async fn an_instant_query_answers_as_prometheus_does() {
    let (status, body) = get("/api/v1/query?query=sum(up)&time=1700000000").await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({"status": "success", "data": {"resultType": "vector",
        "result": [{"metric": {}, "value": [1_700_000_000, "1"]}]}});
    assert_eq!(body, expected);
    let (_, body) = get("/api/v1/query?query=1%2B1").await;
    assert_eq!(
        body["data"],
        json!({"resultType": "scalar", "result": [1_700_000_000, "2"]})
    );
}

#[tokio::test]
async fn a_range_query_by_form_answers_a_matrix() {
    let form = "query=up%7Binstance%3D%22a%3A1%22%7D&start=1699999970&end=2023-11-14T22:13:20Z&step=15s";
    let request = Request::post("/api/v1/query_range")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .expect("a request");
    let (status, text) = send(request).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let body: Value = serde_json::from_str(&text).expect("JSON");
    let values = json!([[1_699_999_970, "1"], [1_699_999_985, "1"], [1_700_000_000, "1"]]);
    assert_eq!(body["data"]["result"][0]["values"], values);
}

#[tokio::test]
async fn a_range_query_asked_again_is_answered_from_what_is_there() {
    let store = MemoryStore::default();
    let up = Labels::from_pairs([("__name__", "up")]);
    let sample = Sample {
        timestamp_ms: NOW_MS,
        value: 0.5,
    };
    store.push(&up, sample);
    let state = state_of(store);
    let results = Arc::clone(&state.results);
    let router = routes(state);
    let ask = async |more: &str| {
        let uri = format!("/api/v1/query_range?query=up&start=1700000000&end=1700000060&step=15{more}");
        let request = Request::get(uri).body(Body::empty()).expect("a request");
        send_to(router.clone(), request).await
    };
    let (status, first) = ask("").await;
    assert_eq!(status, StatusCode::OK, "{first}");
    assert!(first.contains("[1700000060,\"0.5\"]"), "{first}");
    assert_eq!(ask("").await, (status, first.clone()));
    assert_eq!((results.stats().hits, results.stats().misses), (1, 1));
    assert_eq!(ask("&nocache=1").await, (status, first));
    assert_eq!(ask("&stats=true").await.0, StatusCode::OK);
    assert_eq!(ask("&nocache=maybe").await.0, StatusCode::BAD_REQUEST);
    assert_eq!((results.stats().hits, results.stats().misses), (1, 1));
}

#[tokio::test]
async fn a_query_is_explained_part_by_part() {
    let query = "query=sum(rate(up%5B5m%5D))%2B1";
    let (status, body) = get(&format!("/api/v1/query_explain?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let plan = &body["data"];
    assert_eq!(
        (&plan["kind"], &plan["children"][0]["kind"]),
        (&json!("operator"), &json!("aggregation"))
    );
    assert_eq!(plan["children"][0]["text"], "sum(rate(up[5m]))");
    assert_eq!(plan["children"][0]["position"], json!([0, 17]));
    assert_eq!(plan["series"], 1, "{body}");
    assert!(plan["totalTime"].as_f64().is_some_and(|t| t > 0.0), "{body}");
    let range = format!("{query}&start=1699999900&end=1700000000&step=15&analyze=false");
    let (_, body) = get(&format!("/api/v1/query_explain?{range}")).await;
    assert_eq!(body["data"]["totalTime"], Value::Null, "{body}");
    assert_eq!(
        get("/api/v1/query_explain?query=(").await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn bad_requests_name_the_parameter() {
    for (uri, part) in [
        ("/api/v1/query?query=sum(", "invalid parameter \"query\""),
        (
            "/api/v1/query?query=up&time=x",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "/api/v1/query_range?query=up&start=2&end=1&step=1",
            "end timestamp must not be before start time",
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=2&step=0",
            "zero or negative query resolution step",
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=20000&step=1",
            "exceeded maximum resolution of 11,000 points",
        ),
        ("/api/v1/series", "no match[] parameter provided"),
        (
            "/api/v1/series?match[]=%7Ba%3D%22%22%7D",
            "must contain at least one non-empty matcher",
        ),
        ("/api/v1/metadata?limit=x", "limit must be a number"),
    ] {
        let (status, body) = get(uri).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{uri}");
        assert_eq!(
            (&body["status"], &body["errorType"]),
            (&json!("error"), &json!("bad_data")),
            "{uri}"
        );
        assert!(
            body["error"].as_str().is_some_and(|e| e.contains(part)),
            "{uri}: {body}"
        );
    }
}

#[tokio::test]
async fn a_query_without_a_value_is_unprocessable() {
    let (status, body) = get("/api/v1/query?query=up*on(job)up").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert_eq!(body["errorType"], "execution");
}

#[tokio::test]
async fn series_labels_and_values() {
    let (_, body) = get("/api/v1/series?match[]=up").await;
    assert_eq!(
        body["data"][1],
        json!({"__name__": "up", "instance": "b:1", "job": "x"})
    );
    let (_, body) = get("/api/v1/labels").await;
    assert_eq!(body["data"], json!(["__name__", "instance", "job"]));
    let (_, body) = get("/api/v1/label/instance/values?limit=1").await;
    assert_eq!(
        (&body["data"], &body["warnings"]),
        (&json!(["a:1"]), &json!(["results truncated due to limit"]))
    );
    let (_, body) = get("/api/v1/label/__name__/values?match[]=%7Binstance%3D%22a:1%22%7D").await;
    assert_eq!(body["data"], json!(["up"]));
}

#[tokio::test]
async fn metadata_and_exemplars() {
    let (_, body) = get("/api/v1/metadata?metric=up").await;
    assert_eq!(
        body["data"],
        json!({"up": [{"type": "gauge", "help": "Is it up?", "unit": ""}]})
    );
    let (status, body) =
        get("/api/v1/query_exemplars?query=rate(up[5m])&start=1600000000&end=1700000000.5").await;
    let expected = json!([{
        "seriesLabels": {"__name__": "up"},
        "exemplars": [{"labels": {"trace_id": "1600000000000"}, "value": "0.5", "timestamp": 1_700_000_000.5}],
    }]);
    assert_eq!((status, &body["data"]), (StatusCode::OK, &expected));
}

#[tokio::test]
async fn federation_gives_the_newest_samples_as_text() {
    let uri = "/federate?match[]=up&match[]=%7B__name__%3D~%22job:.*%22%7D";
    let (status, text) = send(Request::get(uri).body(Body::empty()).expect("a request")).await;
    assert_eq!(status, StatusCode::OK);
    let expected = "# TYPE job:up:sum untyped\n\
                    job:up:sum{job=\"x\",instance=\"\",site=\"home\"} 0.1 1700000000000\n\
                    # TYPE up gauge\n\
                    up{instance=\"a:1\",job=\"x\",site=\"home\"} 1 1700000000000\n\
                    up{instance=\"b:1\",job=\"x\",site=\"home\"} 0 1700000000000\n";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn federation_says_the_type_of_a_family_once() {
    let router = router_with(&[
        &[("__name__", "a"), ("Zone", "1"), ("instance", "x"), ("job", "x")],
        &[("__name__", "b"), ("Zone", "1"), ("instance", "x"), ("job", "x")],
        &[("__name__", "a"), ("instance", "x"), ("job", "x")],
        &[("__name__", "b"), ("instance", "x"), ("job", "x")],
    ]);
    let request = Request::get("/federate?match[]=%7B__name__%3D~%22a%7Cb%22%7D").body(Body::empty());
    let (_, text) = send_to(router, request.expect("a request")).await;
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split(['{', '\n']).next())
        .collect();
    assert_eq!(
        names,
        ["# TYPE a untyped", "a", "a", "# TYPE b untyped", "b", "b"],
        "{text}"
    );
}

/// A server with a native histogram and one of bounds of its own.
fn router_with_histograms() -> Router {
    use model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, Counts, Histogram, Span};
    use model::metrics::{HistogramRow, NewSeries};
    let store = MemoryStore::default();
    let native = Histogram {
        sum: 2.5,
        positive_spans: vec![Span { offset: 0, length: 1 }],
        counts: Counts::Integer(Buckets {
            count: 3,
            positive: vec![3],
            ..Buckets::default()
        }),
        ..Histogram::stale()
    };
    let custom = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        custom_values: vec![0.5, 1e6],
        ..native.clone()
    };
    for (name, histogram) in [("native", native), ("custom", custom)] {
        let new = NewSeries {
            labels: Labels::from_pairs([("__name__", name), ("instance", "i")]),
            timestamp_ms: NOW_MS,
        };
        let mut refs = Vec::new();
        store.create(&[new], &mut refs);
        let row = HistogramRow {
            series: refs[0].expect("made"),
            timestamp_ms: NOW_MS,
            histogram: Arc::new(histogram),
        };
        store.append_histograms(&[row]).expect("stored");
    }
    routes(state_of(store))
}

#[tokio::test]
async fn federation_of_histograms_depends_on_the_format() {
    let uri = "/federate?match[]=%7B__name__%3D~%22.%2B%22%7D";
    let request = Request::get(uri).body(Body::empty()).expect("a request");
    let (_, text) = send_to(router_with_histograms(), request).await;
    let tail = "job=\"other\",site=\"home\"";
    let expected = format!(
        "# TYPE custom histogram\n\
         custom_bucket{{instance=\"i\",{tail},le=\"0.5\"}} 3 {NOW_MS}\n\
         custom_bucket{{instance=\"i\",{tail},le=\"1e+06\"}} 3 {NOW_MS}\n\
         custom_bucket{{instance=\"i\",{tail},le=\"+Inf\"}} 3 {NOW_MS}\n\
         custom_sum{{instance=\"i\",{tail}}} 2.5 {NOW_MS}\n\
         custom_count{{instance=\"i\",{tail}}} 3 {NOW_MS}\n"
    );
    assert_eq!(text, expected);
    let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
                  encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5";
    let request = Request::get(uri)
        .header("accept", accept)
        .header("accept-encoding", "gzip");
    let response = router_with_histograms()
        .oneshot(request.body(Body::empty()).expect("a request"))
        .await
        .expect("infallible");
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let kind = response.headers()["content-type"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(kind.starts_with("application/vnd.google.protobuf"), "{kind}");
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let mut page = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*bytes), &mut page).expect("gzip");
    assert!(page.windows(6).any(|w| w == b"native") && page.windows(6).any(|w| w == b"custom"));
}

#[tokio::test]
async fn federation_of_nothing_is_an_empty_page() {
    let request = Request::get("/federate").body(Body::empty()).expect("a request");
    assert_eq!(send(request).await, (StatusCode::OK, String::new()));
}
