//! What functions of windows cost: nanoseconds a window of 240 samples, of which 4 come and 4 go at each step.
//!
//! `count_over_time` is the floor: reading the series, laying the windows and making the answer. What another function
//! costs beyond that is its own. `cargo bench -p promql --bench windows`

use divan::Bencher;
use divan::counter::ItemsCount;
use model::Labels;
use model::metrics::{MetricRow, MetricSink, Sample, SeriesRef};
use promql::memory::MemoryStore;
use promql::{Engine, EngineOptions, QueryContext};

/// A scrape every 15 seconds, nearly.
const INTERVAL_MS: i64 = 15_000;
const SAMPLES: i64 = 40_000;
const STEP_MS: i64 = 60_000;
const STEPS: i64 = 9_000;

fn main() {
    divan::main();
}

fn store() -> MemoryStore {
    let store = MemoryStore::default();
    let mut random = 1u64;
    let mut counter = 0.0;
    let mut rows = Vec::new();
    for i in 0..SAMPLES {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let noise = (random >> 33) as i64;
        // The seconds of a processor, in hundredths; it starts anew now and then.
        counter = if noise % 5000 == 0 {
            0.0
        } else {
            counter + (noise % 1500) as f64
        };
        let timestamp_ms = i * INTERVAL_MS + noise % 5;
        let mut push = |name: &str, value: f64| {
            rows.push(MetricRow {
                series: SeriesRef::UNKNOWN,
                labels: Labels::from_pairs([("__name__", name)]),
                sample: Sample { timestamp_ms, value },
            });
        };
        push("whole_total", counter);
        push("hundredths_total", counter / 100.0);
        push("gauge", 50.0 + (noise % 10_007) as f64 / 97.0);
    }
    store.append(&mut rows).expect("a store in memory takes samples");
    store
}

#[divan::bench(args = [
    "count_over_time(gauge[1h])",
    "rate(whole_total[1h])",
    "rate(hundredths_total[1h])",
    "delta(gauge[1h])",
    "irate(whole_total[1h])",
    "sum_over_time(whole_total[1h])",
    "sum_over_time(gauge[1h])",
    "avg_over_time(whole_total[1h])",
    "avg_over_time(gauge[1h])",
    "max_over_time(gauge[1h])",
    "quantile_over_time(0.9, gauge[1h])",
    "quantile_over_time(0.9, hundredths_total[1h])",
    "mad_over_time(gauge[1h])",
    "changes(gauge[1h])",
    "resets(whole_total[1h])",
    "stddev_over_time(gauge[1h])",
    "deriv(gauge[1h])",
    "last_over_time(gauge[1h])",
])]
fn window(bencher: Bencher, query: &str) {
    let store = store();
    let expr = promql::parse_with(query, &promql::ParserOptions::all()).expect("the query is PromQL");
    let engine = Engine::new(EngineOptions::default());
    bencher.counter(ItemsCount::new(STEPS as usize)).bench_local(|| {
        let (start, end) = (3_600_000, 3_600_000 + (STEPS - 1) * STEP_MS);
        engine
            .range_expr(&store, &expr, start, end, STEP_MS, &QueryContext::default())
            .expect("the query has an answer")
    });
}
