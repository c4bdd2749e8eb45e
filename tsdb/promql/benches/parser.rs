//! What it costs to read a query: a selector, a dashboard's expression, and chains whose length tells whether time is
//! linear.
//!
//! `cargo bench -p promql --bench parser`

use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

const SHORT: &str = "rate(http_requests_total{job=\"api\"}[5m])";

const LONG: &str = "sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{namespace=\"production\", \
     container!=\"POD\", image!=\"\"}[5m])) / on (namespace, pod, container) group_left (node, resource) \
     sum by (namespace, pod, container, node) (kube_pod_container_resource_limits{resource=\"cpu\", unit=\"core\"} > 0) \
     * 100 > bool 80 and on (namespace, pod) (time() - kube_pod_start_time{created_by_kind!=\"Job\"} > 600 or vector(0))";

#[divan::bench(args = [SHORT, LONG])]
fn parse(bencher: Bencher, query: &str) {
    bencher
        .counter(BytesCount::of_str(query))
        .bench(|| promql::parse(query).map_err(drop));
}

#[divan::bench(args = [100, 1000, 10_000])]
fn chain(bencher: Bencher, operands: usize) {
    let query = vec!["up"; operands].join(" + ");
    bencher
        .counter(BytesCount::of_str(&query))
        .bench(|| promql::parse(&query).map_err(drop));
}

#[divan::bench(args = [SHORT, LONG])]
fn print(bencher: Bencher, query: &str) {
    let expr = promql::parse(query).map_err(drop);
    bencher.bench(|| expr.as_ref().map(ToString::to_string));
}
