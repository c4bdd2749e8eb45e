//! Prometheus' own description of its HTTP API, kept: every answer of `/api/v1` has the schema that it has there.
//!
//! The description is not part of this tree. Where it is not at hand the test is left out loudly; the shapes themselves
//! are tested beside the code.

mod schema;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::Value;

use crate::ask::now_ms;
use crate::harness::{Masthead, client, eventually};
use crate::peers::Target;
use crate::push::{remote_write, snappy, write_request};
use crate::tools;
use schema::Spec;

/// What of the description there is nothing of here: the search is experimental, and the rest is about the insides of
/// Prometheus.
const NOT_SERVED: &[&str] = &[
    "/search/metric_names",
    "/search/label_names",
    "/search/label_values",
    "/scrape_pools/config",
    "/targets/relabel_steps",
    "/status/tsdb/blocks",
    "/status/self_metrics",
    "/features",
];

/// Described as if they answered in JSON, which they do not in Prometheus either; tested elsewhere.
const NOT_JSON: &[&str] = &["/read", "/write", "/otlp/v1/metrics"];

/// Where Prometheus does not keep to it either, and where we say more: the time of a string is a number, and the console
/// wants to know the version that runs.
const DIFFERS: &[&str] = &[
    "GET /query query=%22text%22: $.data: no schema of anyOf fits",
    "GET /status/buildinfo : $.data.mastheadVersion: nobody knows it",
];

/// Path of the description, parameters, status.
const GETS: &[(&str, &str, u16)] = &[
    ("/query", "query=up", 200),
    ("/query", "query=pushed[5m]&limit=1", 200),
    ("/query", "query=1", 200),
    ("/query", "query=%22text%22", 200),
    (
        "/query",
        "query=rate(pushed[5m])&stats=all&timeout=5s&lookback_delta=1m",
        200,
    ),
    (
        "/query",
        "query=sum(up)&stats=true&time=2026-01-01T00:00:00Z",
        200,
    ),
    ("/query", "query=rate(up[5m])&stats=yes", 200),
    ("/query", "query=sum(", 400),
    ("/query", "", 400),
    ("/query", "query=up&time=never", 400),
    ("/query", "query=up&limit=-1", 400),
    ("/query", "query=up&timeout=long", 400),
    ("/query", "query=up&lookback_delta=x", 400),
    ("/query", "query=pushed%20*%20on(job)%20pushed", 422),
    ("/query", "query=up&timeout=0.000001", 503),
    ("/query_range", "query=pushed&start=NOW-300&end=NOW&step=15", 200),
    ("/query_range", "query=1&start=1&end=2&step=1s&stats=all", 200),
    ("/query_range", "query=pushed&start=2&end=1&step=15", 400),
    ("/query_range", "query=pushed&start=1&end=2&step=0", 400),
    ("/query_range", "query=pushed&start=1&end=20000&step=1", 400),
    ("/query_range", "query=pushed[5m]&start=1&end=2&step=1", 400),
    ("/query_range", "query=up&end=2&step=1", 400),
    ("/query_exemplars", "query=up", 200),
    ("/query_exemplars", "query=up&start=2&end=1", 400),
    ("/query_exemplars", "query=(", 400),
    ("/format_query", "query=sum(rate(foo[5m]))by(job)", 200),
    ("/format_query", "query=(", 400),
    (
        "/parse_query",
        "query=sum(rate(foo{bar!~%22x%22}[5m:1m]offset%201h@start()))by(job)/on(a)group_left(b)-c>bool(1)",
        200,
    ),
    ("/parse_query", "query=(", 400),
    ("/labels", "", 200),
    ("/labels", "match[]=up&start=NOW-60&end=NOW&limit=1", 200),
    ("/labels", "match[]={}", 400),
    ("/label/{name}/values", "limit=1", 200),
    ("/label/{name}/values", "start=x", 400),
    ("/series", "match[]=up&limit=1", 200),
    ("/series", "", 400),
    ("/metadata", "", 200),
    ("/metadata", "metric=scraped&limit=1&limit_per_metric=1", 200),
    ("/metadata", "limit=x", 400),
    ("/scrape_pools", "", 200),
    ("/targets", "", 200),
    ("/targets", "state=active&scrapePool=app", 200),
    ("/targets/metadata", "metric=scraped&limit=1", 200),
    ("/targets/metadata", "match_target={", 400),
    ("/rules", "", 200),
    ("/rules", "type=alert&exclude_alerts=true", 200),
    ("/rules", "type=neither", 400),
    ("/alerts", "", 200),
    ("/alertmanagers", "", 200),
    ("/status/config", "", 200),
    ("/status/runtimeinfo", "", 200),
    ("/status/buildinfo", "", 200),
    ("/status/flags", "", 200),
    ("/status/tsdb", "limit=3", 200),
    ("/status/tsdb", "limit=0", 400),
    ("/status/tsdb", "limit=10001", 400),
    ("/status/walreplay", "", 200),
    ("/notifications", "", 200),
];

/// The same for what is posted as a form.
const POSTS: &[(&str, &str, u16)] = &[
    ("/query", "query=up&time=NOW", 200),
    ("/query", "query=(", 400),
    ("/query_range", "query=pushed&start=NOW-300&end=NOW&step=15", 200),
    ("/query_exemplars", "query=up", 200),
    ("/format_query", "query=up", 200),
    ("/parse_query", "query=up", 200),
    ("/labels", "match[]=up", 200),
    ("/series", "match[]=up", 200),
    ("/series", "match[]=(", 400),
    ("/admin/tsdb/delete_series", "match[]=nothing_at_all", 204),
    ("/admin/tsdb/delete_series", "", 400),
    ("/admin/tsdb/clean_tombstones", "", 204),
    ("/admin/tsdb/snapshot", "skip_head=true", 200),
    ("/admin/tsdb/snapshot", "skip_head=maybe", 400),
];

const PUTS: &[(&str, &str, u16)] = &[
    ("/admin/tsdb/delete_series", "match[]=nothing_at_all", 204),
    ("/admin/tsdb/clean_tombstones", "", 204),
    ("/admin/tsdb/snapshot", "", 200),
];

const RULES: &str = "\
groups:
- name: g
  interval: 1s
  rules:
  - {record: recorded, expr: up, labels: {a: b}}
  - {alert: Always, expr: up >= 0, labels: {severity: none}, annotations: {text: 'as is'}}
  - {record: broken, expr: pushed * on (job) pushed}
";

/// The folder of public test data beside the tree, or where the environment says.
fn description() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let folder = std::env::var_os("CONFORMANCE_DATA").map_or_else(beside, PathBuf::from);
    folder.join("prometheus/openapi_3.1_golden.yaml")
}

async fn server() -> (Masthead, Target) {
    let target = Target::text("# TYPE scraped counter\n# HELP scraped As it is.\nscraped 1\n").await;
    let config = format!(
        "global: {{scrape_interval: 1s}}\nrule_files: [rules.yml]\nscrape_configs:\n\
         - {{job_name: app, static_configs: [{{targets: ['{}']}}]}}\n",
        target.address
    );
    let flags = ["--web.enable-admin-api", "--enable-feature=promql-per-step-stats"];
    let server = Masthead::configured_with(&config, &[("rules.yml", RULES)], &flags).await;
    for instance in ["one", "two"] {
        let labels = [("__name__", "pushed"), ("instance", instance), ("job", "j")];
        let samples: Vec<(i64, f64)> = (0..20).map(|i| (now_ms() - i * 15_000, 1.5)).rev().collect();
        let body = snappy(&write_request(&[(&labels, &samples)]));
        let written = remote_write(&client(), &server.url(), body).await;
        assert_eq!(written.expect("answered").0, 204);
    }
    eventually("an alert fires on a scraped target", || async {
        let alerts = server.json("/api/v1/alerts").await;
        let found = !alerts["data"]["alerts"].as_array().is_none_or(Vec::is_empty);
        found.then_some(())
    })
    .await;
    (server, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_schema_that_prometheus_describes() {
    let path = description();
    let Ok(text) = std::fs::read_to_string(&path) else {
        return tools::skip("the contract of the HTTP API", &format!("no {}", path.display()));
    };
    let spec: Value = yaml::from_str(&text).expect("the description is YAML");
    let spec = Spec(spec);
    let (server, _target) = server().await;
    let (mut wrong, mut asked) = (Vec::new(), BTreeSet::new());
    let cases = [(Method::GET, GETS), (Method::POST, POSTS), (Method::PUT, PUTS)];
    for (method, cases) in &cases {
        for (path, parameters, status) in *cases {
            asked.insert((path.to_string(), method.as_str().to_lowercase()));
            let case = format!("{method} {path} {parameters}");
            match answer(&server, method, path, parameters).await {
                (found, body) if found != *status => wrong.push(format!("{case}: {found}: {body}")),
                (204, body) => assert_eq!(body, "", "{case}"),
                (_, body) => {
                    let body: Value =
                        serde_json::from_str(&body).unwrap_or_else(|e| panic!("{case}: {e}: {body}"));
                    let answers = &spec.0["paths"][path][method.as_str().to_lowercase()]["responses"];
                    let described = if *status == 200 { "200" } else { "default" };
                    let schema = &answers[described]["content"]["application/json"]["schema"];
                    assert!(schema.is_object(), "{case} is not described");
                    let found = spec.check(schema, &body).into_iter();
                    let found = found.map(|why| format!("{case}: {why}"));
                    wrong.extend(found.filter(|why| !DIFFERS.iter().any(|known| why.starts_with(known))));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let described = described(&spec.0);
    let left: Vec<_> = described.difference(&asked).collect();
    assert!(left.is_empty(), "described and never asked: {left:?}");
}

/// Each path and method of the description that is served.
fn described(spec: &Value) -> BTreeSet<(String, String)> {
    let paths = spec["paths"].as_object().expect("paths").iter();
    paths
        .filter(|(path, _)| !NOT_SERVED.contains(&path.as_str()) && !NOT_JSON.contains(&path.as_str()))
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(|method| (path.clone(), method.clone()))
        })
        .collect()
}

async fn answer(server: &Masthead, method: &Method, path: &str, parameters: &str) -> (u16, String) {
    let now = now_ms() / 1000;
    let parameters = parameters
        .replace("NOW-300", &(now - 300).to_string())
        .replace("NOW-60", &(now - 60).to_string())
        .replace("NOW", &now.to_string());
    let url = format!("{}/api/v1{}", server.url(), path.replace("{name}", "job"));
    let form = *method == Method::POST;
    let url = if form { url } else { format!("{url}?{parameters}") };
    let mut request = client().request(method.clone(), url);
    if form {
        let kind = "application/x-www-form-urlencoded";
        request = request.header("Content-Type", kind).body(parameters);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}
