//! Other people's client libraries push to the binary, and what they sent is found by query.

use std::process::Command;

use serde_json::Value;

use crate::harness::{Masthead, QUIET, eventually};
use crate::tools;

/// OpenTelemetry's SDK for Python sends all three signals over gRPC and over HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn opentelemetry_sdk_for_python() {
    let python = match tools::python("sdk-python").await {
        Ok(python) => python,
        Err(why) => return tools::skip("opentelemetry_sdk_for_python", &why),
    };
    let server = Masthead::configured(QUIET, &[]).await;
    let mut push = Command::new(python);
    push.arg(tools::scripts().join("sdk-python/push.py"));
    push.args(["--grpc", &server.otlp_grpc(), "--http", &server.otlp_http()]);
    let sent: Value = serde_json::from_str(&tools::output(push).await).expect("the script prints JSON");
    for protocol in ["grpc", "http"] {
        let sent = &sent[protocol];
        spans_are_there(&server, sent).await;
        metrics_are_there(&server, text(&sent["service"])).await;
        lines_are_there(&server, sent).await;
    }
}

async fn spans_are_there(server: &Masthead, sent: &Value) {
    let trace_id = text(&sent["order"]["trace_id"]);
    let spans = spans_of(server, trace_id).await;
    assert_eq!(spans.len(), 2, "{spans:?}");
    let order = span(&spans, "order");
    assert_eq!(order["spanID"], sent["order"]["span_id"]);
    assert_eq!(order["references"], serde_json::json!([]));
    assert_eq!(tag(order, "order.items"), 3);
    assert_eq!(tag(order, "span.kind"), "server");

    let charge = span(&spans, "charge");
    let parent = serde_json::json!([{
        "refType": "CHILD_OF", "traceID": trace_id, "spanID": sent["order"]["span_id"],
    }]);
    assert_eq!(charge["references"], parent);
    assert_eq!(tag(charge, "error"), true);
    let fields = &charge["logs"][0]["fields"];
    assert_eq!(value(fields, "event"), "card declined");
    assert_eq!(value(fields, "reason"), "insufficient funds");

    let receipt = spans_of(server, text(&sent["receipt"]["trace_id"])).await;
    let cause = serde_json::json!([{
        "refType": "FOLLOWS_FROM", "traceID": trace_id, "spanID": sent["order"]["span_id"],
    }]);
    assert_eq!(receipt[0]["references"], cause, "a link points to another trace");

    let found = server
        .json(&format!(
            "/api/traces?service={}&operation=charge&tags=%7B%22error%22%3A%22true%22%7D",
            text(&sent["service"])
        ))
        .await;
    assert_eq!(found["data"][0]["traceID"], trace_id, "found by a tag's value");
    let services = server.json("/api/services").await;
    assert!(list(&services["data"]).contains(&sent["service"]), "{services}");
}

async fn metrics_are_there(server: &Masthead, service: &str) {
    let job = format!("job=\"acceptance/{service}\", instance=\"{service}-1\"");
    for (selector, expected) in [
        (format!("acceptance_orders_total{{{job}, status=\"paid\"}}"), 7.0),
        (format!("acceptance_orders_open{{{job}}}"), 2.0),
        (format!("acceptance_order_duration_seconds_count{{{job}}}"), 3.0),
        (format!("acceptance_order_duration_seconds_sum{{{job}}}"), 3.33),
        (
            format!("acceptance_order_duration_seconds_bucket{{{job}, le=\"0.1\"}}"),
            1.0,
        ),
        (
            format!("acceptance_order_duration_seconds_bucket{{{job}, le=\"+Inf\"}}"),
            3.0,
        ),
        (
            format!("histogram_quantile(0.5, acceptance_order_duration_seconds_bucket{{{job}}})"),
            0.55,
        ),
        (
            format!("target_info{{{job}, deployment_environment_name=\"test\"}}"),
            1.0,
        ),
    ] {
        let found = server.query(&selector).await;
        assert_eq!(found.len(), 1, "{selector}: {found:?}");
        let value: f64 = text(&found[0]["value"][1]).parse().expect("a number");
        assert!(
            (value - expected).abs() < 1e-9,
            "{selector} is {value}, not {expected}"
        );
    }
}

async fn lines_are_there(server: &Masthead, sent: &Value) {
    let service = text(&sent["service"]);
    let query = format!("%7Bservice_name%3D%22{service}%22%7D%20%7C%3D%20%22declined%22");
    let found = server
        .json(&format!("/loki/api/v1/query_range?query={query}"))
        .await;
    let streams = list(&found["data"]["result"]);
    assert_eq!(streams.len(), 1, "{found}");
    let stream = &streams[0]["stream"];
    assert_eq!(stream["service_name"], service);
    assert_eq!(stream["trace_id"], sent["charge"]["trace_id"]);
    assert_eq!(stream["span_id"], sent["charge"]["span_id"]);
    assert_eq!(stream["card"], "visa");
    assert_eq!(streams[0]["values"][0][1], format!("card declined by {service}"));

    // A trace's lines, joined with it by its id.
    let trace_id = text(&sent["order"]["trace_id"]);
    let joined = server
        .json(&format!(
            "/api/v1/logs/search?trace_id={trace_id}&direction=forward"
        ))
        .await;
    let joined: Vec<_> = list(&joined["data"]["lines"])
        .iter()
        .map(|line| (text(&line["line"]).to_owned(), line["span_id"].clone()))
        .collect();
    let expected = [
        (
            format!("order received by {service}"),
            sent["order"]["span_id"].clone(),
        ),
        (
            format!("card declined by {service}"),
            sent["charge"]["span_id"].clone(),
        ),
    ];
    assert_eq!(joined, expected);
}

/// Jaeger's own client library for Node.js sends thrift over HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn jaeger_client_for_node() {
    let folder = match tools::node("jaeger-client").await {
        Ok(folder) => folder,
        Err(why) => return tools::skip("jaeger_client_for_node", &why),
    };
    let server = Masthead::configured(QUIET, &[]).await;
    let mut push = Command::new("node");
    push.arg(folder.join("push.js"))
        .arg(format!("{}/api/traces", server.url()));
    let sent: Value = serde_json::from_str(&tools::output(push).await).expect("the script prints JSON");

    // The library does not wait for the answer to its last request.
    let path = format!("/api/traces/{}", text(&sent["trace_id"]));
    let trace = eventually("all three spans are stored", || async {
        let (status, answer) = crate::harness::get(&format!("{}{path}", server.url())).await;
        let answer: Value = serde_json::from_str(&answer).ok().filter(|_| status == 200)?;
        (list(&answer["data"][0]["spans"]).len() == 3).then(|| answer["data"][0].clone())
    })
    .await;
    let spans = list(&trace["spans"]);
    let order = span(&spans, "order");
    assert!(
        text(&order["traceID"]).ends_with(text(&sent["trace_id"])),
        "{order}"
    );
    assert_eq!(tag(order, "order.items"), 3);
    assert_eq!(tag(order, "span.kind"), "server");
    let reference = |of: &Value| {
        (
            of["references"][0]["refType"].clone(),
            of["references"][0]["spanID"].clone(),
        )
    };
    let charge = span(&spans, "charge");
    assert_eq!(reference(charge), ("CHILD_OF".into(), sent["order"].clone()));
    assert_eq!(tag(charge, "error"), true);
    assert_eq!(value(&charge["logs"][0]["fields"], "event"), "card declined");
    let receipt = span(&spans, "receipt");
    assert_eq!(reference(receipt), ("FOLLOWS_FROM".into(), sent["order"].clone()));
    assert_eq!(tag(receipt, "paper"), "A6");
    let process = &trace["processes"][text(&order["processID"])];
    assert_eq!(process["serviceName"], "jaeger-shop");
    assert_eq!(value(&process["tags"], "shop.version"), "1.2.3");
}

async fn spans_of(server: &Masthead, trace_id: &str) -> Vec<Value> {
    let trace = server.json(&format!("/api/traces/{trace_id}")).await;
    list(&trace["data"][0]["spans"])
}

fn span<'a>(spans: &'a [Value], operation: &str) -> &'a Value {
    let found = spans.iter().find(|span| span["operationName"] == operation);
    found.unwrap_or_else(|| panic!("no span {operation:?} in {spans:?}"))
}

fn tag<'a>(span: &'a Value, key: &str) -> &'a Value {
    value(&span["tags"], key)
}

/// The value of `key` in Jaeger's list of `{key, type, value}`.
fn value<'a>(pairs: &'a Value, key: &str) -> &'a Value {
    let found = pairs
        .as_array()
        .and_then(|pairs| pairs.iter().find(|pair| pair["key"] == key));
    &found.unwrap_or_else(|| panic!("no {key:?} in {pairs}"))["value"]
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
