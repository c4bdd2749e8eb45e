//! Whole queries over series in memory: what evaluation costs without a store.
//!
//! `cargo bench -p promql --bench engine`. The data are 1,600 counters and 100 gauges with a sample every 15 s.

use std::sync::LazyLock;

use divan::counter::ItemsCount;
use model::Labels;
use model::metrics::Sample;
use promql::memory::MemoryStore;
use promql::{Engine, EngineOptions, QueryContext, Value};

const SCRAPE_MS: i64 = 15_000;
const SPAN_MS: i64 = 5 * 3_600_000;
const HOSTS: usize = 100;
const MODES: [&str; 8] = [
    "idle", "user", "system", "nice", "iowait", "irq", "softirq", "steal",
];

static STORE: LazyLock<MemoryStore> = LazyLock::new(store);

fn main() {
    divan::main();
}

fn store() -> MemoryStore {
    let store = MemoryStore::new();
    for host in 0..HOSTS {
        let instance = format!("host-{host:05}:9100");
        for (i, mode) in MODES.iter().cycle().take(16).enumerate() {
            let cpu = (i / MODES.len()).to_string();
            let labels = Labels::from_pairs([
                ("__name__", "node_cpu_seconds_total"),
                ("cpu", cpu.as_str()),
                ("instance", instance.as_str()),
                ("job", "node"),
                ("mode", mode),
            ]);
            let mut value = 0.0;
            for t in (0..SPAN_MS).step_by(SCRAPE_MS as usize) {
                value += ((t / SCRAPE_MS) as f64 * 0.7 + i as f64).sin().abs();
                store.push(
                    &labels,
                    Sample {
                        timestamp_ms: t,
                        value,
                    },
                );
            }
        }
        for name in ["node_load1", "node_memory_total", "node_memory_available"] {
            let labels = Labels::from_pairs([
                ("__name__", name),
                ("instance", instance.as_str()),
                ("job", "node"),
            ]);
            for t in (0..SPAN_MS).step_by(SCRAPE_MS as usize) {
                let value = 2.0 + ((t / SCRAPE_MS) as f64 * 0.3 + host as f64).sin();
                store.push(
                    &labels,
                    Sample {
                        timestamp_ms: t,
                        value,
                    },
                );
            }
        }
        let labels = Labels::from_pairs([
            ("__name__", "node_uname_info"),
            ("instance", instance.as_str()),
            ("job", "node"),
            ("release", "6.1.0"),
        ]);
        for t in (0..SPAN_MS).step_by(SCRAPE_MS as usize) {
            store.push(
                &labels,
                Sample {
                    timestamp_ms: t,
                    value: 1.0,
                },
            );
        }
    }
    store
}

/// Name, query, range and step in seconds.
const QUERIES: [(&str, &str, i64, i64); 14] = [
    ("select", "node_cpu_seconds_total", 3600, 15),
    ("rate", "rate(node_cpu_seconds_total[5m])", 3600, 15),
    ("sum_all", "sum(rate(node_cpu_seconds_total[5m]))", 14400, 60),
    (
        "sum_by_instance",
        "sum by (instance) (rate(node_cpu_seconds_total{mode!=\"idle\"}[5m]))",
        14400,
        60,
    ),
    (
        "sum_by_mode",
        "sum by (mode) (rate(node_cpu_seconds_total[5m]))",
        14400,
        60,
    ),
    ("avg_by_mode", "avg by (mode) (node_cpu_seconds_total)", 14400, 60),
    ("avg_over_time", "avg_over_time(node_load1[1h])", 10800, 60),
    (
        "quantile_over_time",
        "quantile_over_time(0.95, node_load1[1h])",
        10800,
        60,
    ),
    ("max_over_time", "max_over_time(node_load1[1h])", 10800, 60),
    (
        "subquery",
        "max_over_time(rate(node_cpu_seconds_total{mode=\"user\"}[1m])[30m:1m])",
        3600,
        60,
    ),
    (
        "topk",
        "topk(5, sum by (instance) (rate(node_cpu_seconds_total[5m])))",
        10800,
        60,
    ),
    ("ratio", "node_memory_available / node_memory_total", 14400, 60),
    (
        "join",
        "node_load1 * on (instance) group_left (release) node_uname_info",
        14400,
        60,
    ),
    ("count_instant", "count({__name__!=\"\"})", 0, 0),
];

fn ask(engine: &Engine, query: &str, range_s: i64, step_s: i64) -> usize {
    let (store, context) = (&*STORE, QueryContext::default());
    let end = SPAN_MS - SCRAPE_MS;
    let result = if step_s == 0 {
        engine.instant(store, query, end, &context)
    } else {
        engine.range(store, query, end - range_s * 1000, end, step_s * 1000, &context)
    };
    match result.expect("a query that evaluates").value {
        Value::Matrix(matrix) => matrix.iter().map(promql::RangeSeries::len).sum(),
        Value::Vector(vector) => vector.len(),
        _ => 1,
    }
}

#[divan::bench(args = QUERIES.map(|(name, ..)| name))]
fn inline(bencher: divan::Bencher<'_, '_>, name: &str) {
    run(bencher, name, 0);
}

#[divan::bench(args = QUERIES.map(|(name, ..)| name))]
fn two_threads(bencher: divan::Bencher<'_, '_>, name: &str) {
    run(bencher, name, 2);
}

fn run(bencher: divan::Bencher<'_, '_>, name: &str, threads: usize) {
    let Some((_, query, range_s, step_s)) = QUERIES.iter().find(|(n, ..)| *n == name) else {
        return;
    };
    let engine = Engine::new(EngineOptions {
        threads,
        ..EngineOptions::default()
    });
    let points = ask(&engine, query, *range_s, *step_s);
    bencher
        .counter(ItemsCount::new(points))
        .bench(|| ask(&engine, query, *range_s, *step_s));
}
