//! What comes in and what does not: targets that fail, vanish and are relabelled, pushes and queries that are refused,
//! pods of a cluster.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::ask::{array, now_ms, path, text};
use crate::harness::{self, Masthead, QUIET, client, eventually, free_ports};
use crate::peers::{Page, Target, serve};
use crate::push::{lines, otlp, remote_write, snappy, two_spans, write_request};

/// A job of these targets, with further lines of its own.
fn job(name: &str, targets: &[&str], more: &str) -> String {
    format!(
        "- job_name: {name}\n  scrape_interval: 200ms\n  static_configs: [{{targets: {}}}]\n{more}",
        json!(targets)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_is_down_and_says_why() {
    let good = Target::text("fine 1\n").await;
    let garbage = Target::text("fine 1\nthis is } not a metric\n").await;
    let broken = Target::start(Page::Status(503)).await;
    let untyped = Target::start(Page::Untyped("fine 1\n".to_owned())).await;
    let silent = Target::start(Page::Silence).await;
    let [port] = free_ports();
    let gone = format!("127.0.0.1:{port}");
    let bad = [
        (garbage.address.as_str(), "line 2"),
        (&broken.address, "server returned HTTP status 503"),
        (&untyped.address, "Content-Type"),
        (&silent.address, "context deadline exceeded"),
        (&gone, "refused"),
    ];
    let mut all: Vec<&str> = bad.iter().map(|(address, _)| *address).collect();
    all.push(&good.address);
    let config = format!("scrape_configs:\n{}", job("t", &all, ""));
    let server = Masthead::configured(&config, &[]).await;
    let up = |address: &str| format!("up{{instance=\"{address}\"}}");
    for (address, why) in bad {
        let target = eventually(format!("{address} is down: {why}"), || async {
            server
                .target(address)
                .await
                .filter(|target| target["health"] == "down")
        })
        .await;
        assert!(text(&target["lastError"]).contains(why), "{target}");
        eventually("up is 0", || async {
            server.value(&up(address)).await.filter(|v| v == "0")
        })
        .await;
    }
    let target = eventually("the good one is up", || async {
        server
            .target(&good.address)
            .await
            .filter(|target| target["health"] == "up")
    })
    .await;
    assert_eq!(target["lastError"], "");
    eventually("up is 1", || async {
        server.value(&up(&good.address)).await.filter(|v| v == "1")
    })
    .await;
    assert_eq!(
        server.query("fine").await.len(),
        1,
        "a page is taken whole or not at all"
    );

    good.set(Page::Status(500));
    eventually("up falls to 0", || async {
        server.value(&up(&good.address)).await.filter(|v| v == "0")
    })
    .await;
    assert!(
        server.query("fine").await.is_empty(),
        "series of a target that is down are stale at once"
    );
    good.set(Page::Text("fine 2\n".to_owned()));
    eventually("it comes back", || async {
        server.value("fine").await.filter(|v| v == "2")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_vanishes_goes_stale_at_once() {
    let (stays, goes) = (Target::text("fleet 1\n").await, Target::text("fleet 2\n").await);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("targets.json");
    let write = |targets: &[&str]| {
        // As a careful operator does: a file is whole when it appears.
        let part = folder.path().join("part");
        let groups = json!([{"targets": targets, "labels": {"harbour": "north"}}]);
        std::fs::write(&part, groups.to_string()).expect("a file");
        std::fs::rename(&part, &file).expect("a file of that name");
    };
    write(&[&stays.address, &goes.address]);
    let config = format!(
        "scrape_configs:\n- job_name: f\n  scrape_interval: 200ms\n  file_sd_configs: [{{files: ['{}']}}]\n",
        file.display()
    );
    let server = Masthead::configured(&config, &[]).await;
    eventually("both are scraped", || async {
        (server.query("fleet{harbour=\"north\"}").await.len() == 2).then_some(())
    })
    .await;

    write(&[&stays.address]);
    eventually("one is left", || async {
        server.target(&goes.address).await.is_none().then_some(())
    })
    .await;
    let of = |name: &str, target: &Target| format!("{name}{{instance=\"{}\"}}", target.address);
    for name in ["fleet", "up", "scrape_samples_scraped"] {
        eventually(format!("{name} of the other ends"), || async {
            server.value(&of(name, &goes)).await.is_none().then_some(())
        })
        .await;
        eventually(format!("{name} of the one goes on"), || async {
            server.value(&of(name, &stays)).await
        })
        .await;
    }
    let stored = server.stored(&format!("{}[10m]", of("fleet", &goes))).await;
    assert_eq!(stored.len(), 1, "its past stays");
}

/// The labels of the only series that a query gives, once it gives one.
async fn labels_of(server: &Masthead, query: &str) -> Value {
    let found = eventually(format!("one series of {query}"), || async {
        let found = server.query(query).await;
        (found.len() == 1).then_some(found)
    })
    .await;
    found[0]["metric"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_honoured_rewritten_and_dropped() {
    let page = "a{job=\"own\", code=\"200\"} 1\nnoise{code=\"200\"} 1\nrenamed_in_total 5\n";
    let target = Target::text(page).await;
    let other = Target::text("a 3\n").await;
    let relabelled = "  relabel_configs:\n  \
         - {source_labels: [__address__], regex: '.*:(\\d+)', target_label: port, replacement: 'p$1'}\n  \
         - {regex: __meta_nothing, action: labeldrop}\n  \
         metric_relabel_configs:\n  \
         - {source_labels: [__name__], regex: noise, action: drop}\n  \
         - {source_labels: [__name__], regex: 'renamed_in_(.*)', target_label: __name__, replacement: 'made_$1'}\n  \
         - {regex: code, action: labeldrop}\n";
    let dropped = "  relabel_configs:\n  - {source_labels: [__address__], regex: '.*', action: drop}\n";
    let config = format!(
        "global: {{external_labels: {{site: harbour}}}}\nscrape_configs:\n{}{}{}{}",
        job("plain", &[&target.address], ""),
        job("honest", &[&target.address], "  honor_labels: true\n"),
        job("shaped", &[&target.address], relabelled),
        job("refused", &[&other.address], dropped),
    );
    let server = Masthead::configured(&config, &[]).await;
    let instance = target.address.as_str();
    let port = format!("p{}", instance.rsplit(':').next().unwrap_or_default());
    let plain =
        json!({"__name__": "a", "job": "plain", "exported_job": "own", "code": "200", "instance": instance});
    assert_eq!(labels_of(&server, "a{job=\"plain\"}").await, plain);
    let honest = json!({"__name__": "a", "job": "own", "code": "200", "instance": instance});
    assert_eq!(labels_of(&server, "a{job=\"own\"}").await, honest);
    let shaped =
        json!({"__name__": "a", "job": "shaped", "exported_job": "own", "port": port, "instance": instance});
    assert_eq!(labels_of(&server, "a{job=\"shaped\"}").await, shaped);
    let made = json!({"__name__": "made_total", "job": "shaped", "port": port, "instance": instance});
    assert_eq!(labels_of(&server, "made_total").await, made);
    assert!(server.query("noise{job=\"shaped\"}").await.is_empty());
    assert_eq!(server.query("noise").await.len(), 2, "only where a rule drops it");

    let targets = server.json("/api/v1/targets").await;
    let refused = array(&targets["data"]["droppedTargets"]);
    assert_eq!(refused.len(), 1, "{targets}");
    assert_eq!(
        refused[0]["discoveredLabels"]["__address__"],
        other.address.as_str()
    );
    assert_eq!(other.scrapes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_are_refused_change_nothing() {
    let server = Masthead::configured(&format!("{QUIET}otlp: {{max_body_size: 16KB}}\n"), &[]).await;
    let client = client();
    let at_ms = now_ms();
    let sample = |name: &str| write_request(&[(&[("__name__", name)], &[(at_ms, 1.0)])]);
    let long = "x".repeat(20_000);
    // Far below the limit until it is unpacked.
    let bomb = snappy(&write_request(&[(
        &[("__name__", "bomb"), ("long", &long)],
        &[(at_ms, 1.0)],
    )]));
    assert!(bomb.len() < 4_000);
    let noise: Vec<u8> = (0..20_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8)
        .collect();
    let mut cut = sample("cut");
    cut.truncate(cut.len() - 3);
    let bodies = [
        ("larger than the limit", noise.clone(), 413),
        ("larger than the limit once unpacked", bomb, 413),
        ("not snappy", b"hello".to_vec(), 400),
        ("not protobuf", snappy(b"\xff\xff\xff\xff"), 400),
        ("cut off", snappy(&cut), 400),
        (
            "without a name",
            snappy(&write_request(&[(&[("a", "b")], &[(at_ms, 1.0)])])),
            400,
        ),
    ];
    for (what, body, expected) in bodies {
        let (status, answer) = remote_write(&client, &server.url(), body)
            .await
            .expect("an answer");
        assert_eq!(status, expected, "{what}: {answer}");
        assert!(!answer.trim().is_empty(), "{what}: it does not say why");
    }
    let second = client
        .post(format!("{}/api/v1/write", server.url()))
        .header(
            CONTENT_TYPE,
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        )
        .body(snappy(&sample("v2")));
    let second = second.send().await.expect("an answer");
    assert_eq!(second.status(), 415, "a sender falls back to 1.0");
    for (address, what) in [
        (server.otlp_http(), "/v1/traces"),
        (server.otlp_http(), "/v1/logs"),
        (server.url(), "/v1/metrics"),
    ] {
        let (status, _) = otlp(
            &client,
            &address,
            what,
            &json!({"resourceSpans": 1, "resourceLogs": 1, "resourceMetrics": 1}),
        )
        .await
        .expect("an answer");
        assert_eq!(status, 400, "{what}");
        let (status, _) = otlp(&client, &address, what, &json!({"long": long}))
            .await
            .expect("an answer");
        assert_eq!(status, 413, "{what}");
    }
    for path in ["/api/v1/labels", "/api/services"] {
        let found = server.json(path).await;
        let data = &found["data"];
        let own = |name: &Value| text(name) == "masthead";
        assert!(data.is_null() || array(data).iter().all(own), "{path}: {found}");
    }

    let (status, answer) = remote_write(&client, &server.url(), snappy(&sample("good")))
        .await
        .expect("an answer");
    assert_eq!(status, 204, "{answer}");
    assert_eq!(
        server.value("good").await.as_deref(),
        Some("1"),
        "the next one is taken"
    );
    let (status, _) = otlp(
        &client,
        &server.otlp_http(),
        "/v1/traces",
        &two_spans("s", &"ab".repeat(16), at_ms * 1_000_000),
    )
    .await
    .expect("an answer");
    assert_eq!(status, 200);
    assert_eq!(server.operations(&"ab".repeat(16)).await, ["inner", "outer"]);
    let line = (at_ms * 1_000_000, "hello".to_owned());
    let (status, _) = otlp(
        &client,
        &server.otlp_http(),
        "/v1/logs",
        &lines("s", "1", std::slice::from_ref(&line)),
    )
    .await
    .expect("an answer");
    assert_eq!(status, 200);
    assert_eq!(
        server.lines("{service_name=\"s\"}", line.0, line.0 + 1).await,
        [line]
    );
}

/// Good series of a request with bad ones are stored, and the answer names the bad.
#[tokio::test(flavor = "multi_thread")]
async fn the_good_part_of_a_bad_write_is_stored() {
    let in_order = format!("{QUIET}storage: {{tsdb: {{out_of_order_time_window: 0s}}}}\n");
    let server = Masthead::configured(&in_order, &[]).await;
    let client = client();
    let at_ms = now_ms();
    let newest = [("__name__", "kept")];
    let first = snappy(&write_request(&[(&newest, &[(at_ms, 1.0)])]));
    assert_eq!(
        remote_write(&client, &server.url(), first)
            .await
            .expect("an answer")
            .0,
        204
    );
    let mixed = snappy(&write_request(&[
        (&newest, &[(at_ms - 60_000, 2.0)]),
        (&[("__name__", "other")], &[(at_ms, 3.0)]),
    ]));
    let (status, answer) = remote_write(&client, &server.url(), mixed)
        .await
        .expect("an answer");
    assert_eq!(status, 400, "{answer}");
    assert!(answer.contains("out of order"), "{answer}");
    assert_eq!(server.value("other").await.as_deref(), Some("3"));
    let stored = server
        .stored("kept[5m]")
        .await
        .into_values()
        .next()
        .expect("the series");
    assert_eq!(stored.into_values().collect::<Vec<_>>(), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_are_answered_as_prometheus_does() {
    let server = Masthead::configured(QUIET, &[]).await;
    let range = |more: &'static str| format!("/api/v1/query_range?query=up&{more}");
    let cases = [
        (
            "/api/v1/query?query=up%7B".to_owned(),
            400,
            "bad_data",
            "invalid parameter \"query\": ",
        ),
        (
            "/api/v1/query".to_owned(),
            400,
            "bad_data",
            "invalid parameter \"query\": ",
        ),
        (
            "/api/v1/query?query=sum(".to_owned(),
            400,
            "bad_data",
            "unclosed left parenthesis",
        ),
        (
            "/api/v1/query?query=nosuch(up)".to_owned(),
            400,
            "bad_data",
            "unknown function",
        ),
        (
            "/api/v1/query?query=rate(up)".to_owned(),
            400,
            "bad_data",
            "expected type",
        ),
        (
            "/api/v1/query?query=up&time=soon".to_owned(),
            400,
            "bad_data",
            "invalid parameter \"time\": invalid time value for 'time': cannot parse \"soon\" to a valid timestamp",
        ),
        (
            "/api/v1/query?query=up&timeout=x".to_owned(),
            400,
            "bad_data",
            "invalid parameter \"timeout\": ",
        ),
        (
            range("start=2&end=1&step=1"),
            400,
            "bad_data",
            "invalid parameter \"end\": end timestamp must not be before start time",
        ),
        (
            range("start=1&end=2&step=0"),
            400,
            "bad_data",
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        (
            range("start=1&end=2"),
            400,
            "bad_data",
            "invalid parameter \"step\": ",
        ),
        (
            range("end=2&step=1"),
            400,
            "bad_data",
            "invalid parameter \"start\": ",
        ),
        (
            range("start=0&end=20000&step=1"),
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "/api/v1/series".to_owned(),
            400,
            "bad_data",
            "no match[] parameter provided",
        ),
        (
            "/api/v1/series?match[]=%7B%7D".to_owned(),
            400,
            "bad_data",
            "invalid parameter \"match[]\": ",
        ),
        (
            path(
                "/api/v1/query",
                &[("query", "label_replace(vector(1), \"a\", \"$1\", \"b\", \"(\")")],
            ),
            422,
            "execution",
            "invalid regular expression in label_replace(): (",
        ),
    ];
    for (path, status, kind, message) in cases {
        let (found, answer) = harness::get(&format!("{}{path}", server.url())).await;
        assert_eq!(found, status, "{path}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{path}: {e}: {answer}"));
        assert_eq!(
            (&answer["status"], &answer["errorType"]),
            (&json!("error"), &json!(kind)),
            "{path}: {answer}"
        );
        assert!(text(&answer["error"]).contains(message), "{path}: {answer}");
        assert!(answer.get("data").is_none(), "{path}: {answer}");
    }
    let form = client()
        .post(format!("{}/api/v1/query", server.url()))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("query=1+%2B");
    assert_eq!(
        form.send().await.expect("an answer").status(),
        400,
        "a form is read as well"
    );
    let (status, answer) = harness::get(&format!("{}/loki/api/v1/query_range?query=%7B", server.url())).await;
    assert_eq!(status, 400, "{answer}");
    let (status, answer) = harness::get(&format!("{}/api/traces/xyz", server.url())).await;
    assert_eq!(status, 400, "{answer}");
    let (status, answer) = harness::get(&format!("{}/api/v1/nothing", server.url())).await;
    assert_eq!(status, 404, "{answer}");
}

/// An API server of a cluster: its pods, and who watches them.
#[derive(Clone)]
struct Cluster {
    pods: Arc<Mutex<Vec<Value>>>,
    events: broadcast::Sender<Value>,
}

impl Cluster {
    fn new() -> Cluster {
        Cluster {
            pods: Arc::default(),
            events: broadcast::channel(16).0,
        }
    }

    async fn serve(&self) -> String {
        let routes = Router::new()
            .route("/api/v1/pods", get(pods))
            .with_state(self.clone());
        format!("http://{}", serve(routes).await)
    }

    fn add(&self, pod: &Value) {
        self.pods
            .lock()
            .expect("no test failed with it")
            .push(pod.clone());
        // Nobody may be watching yet.
        let _ = self.events.send(json!({"type": "ADDED", "object": pod}));
    }

    fn delete(&self, name: &str) {
        let mut pods = self.pods.lock().expect("no test failed with it");
        let at = pods
            .iter()
            .position(|pod| pod["metadata"]["name"] == name)
            .expect("the pod is there");
        let mut pod = pods.remove(at);
        pod["metadata"]["resourceVersion"] = "200".into();
        let _ = self.events.send(json!({"type": "DELETED", "object": pod}));
    }
}

#[derive(serde::Deserialize)]
struct ListOptions {
    watch: Option<String>,
}

async fn pods(State(cluster): State<Cluster>, Query(options): Query<ListOptions>) -> Response {
    if options.watch.is_none() {
        let items = cluster.pods.lock().expect("no test failed with it").clone();
        let list = json!({
            "kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "100"}, "items": items,
        });
        return axum::Json(list).into_response();
    }
    let events = futures_util::stream::unfold(cluster.events.subscribe(), |mut events| async move {
        let event = events.recv().await.ok()?;
        Some((Ok::<_, Infallible>(format!("{event}\n")), events))
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(events)).into_response()
}

fn pod(name: &str, annotated: bool, port: u16) -> Value {
    let annotations = match annotated {
        true => json!({"prometheus.io/scrape": "true", "prometheus.io/port": port.to_string()}),
        false => json!({}),
    };
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "resourceVersion": "101",
            "labels": {"app.kubernetes.io/name": "cart"}, "annotations": annotations,
        },
        "spec": {
            "nodeName": "node-7",
            "containers": [{"name": "web", "image": "w:2", "ports": [{"containerPort": port, "protocol": "TCP"}]}],
        },
        "status": {"phase": "Running", "podIP": "127.0.0.1", "hostIP": "10.0.0.7"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn annotated_pods_are_scraped_while_they_live() {
    let target = Target::text("orders_total 7\n").await;
    let port = target
        .address
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number");
    let cluster = Cluster::new();
    cluster.add(&pod("cart-a", true, port));
    cluster.add(&pod("quiet", false, port));
    let config = format!(
        "scrape_configs:\n- job_name: pods\n  scrape_interval: 200ms\n  \
         kubernetes: {{annotations: true, api_server: '{}'}}\n",
        cluster.serve().await
    );
    let server = Masthead::configured(&config, &[]).await;
    let orders = |pod: &str| {
        format!("orders_total{{pod=\"{pod}\", namespace=\"shop\", node=\"node-7\", app=\"cart\"}}")
    };
    let scraped = |pod: &'static str| {
        eventually(format!("{pod} is scraped"), || async {
            server.value(&orders(pod)).await.filter(|v| v == "7")
        })
    };
    scraped("cart-a").await;
    // The watch begins after the list; what happens in between is seen at the next list only.
    eventually("the watch begins", || async {
        (cluster.events.receiver_count() > 0).then_some(())
    })
    .await;
    cluster.add(&pod("cart-b", true, port));
    scraped("cart-b").await;
    assert!(
        server.query("up{pod=\"quiet\"}").await.is_empty(),
        "a pod that does not ask for it is not scraped"
    );

    cluster.delete("cart-a");
    for query in [orders("cart-a"), "up{pod=\"cart-a\"}".to_owned()] {
        eventually(format!("{query} ends"), || async {
            server.value(&query).await.is_none().then_some(())
        })
        .await;
    }
    scraped("cart-b").await;
}
