//! What writing the answer to a range query costs: 1,600 series of 241 points, by kinds of values. Items are points.

use std::sync::Arc;

use api::prometheus::json::{self, Pen};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use model::Labels;
use promql::{RangeSeries, Value};

const SERIES: usize = 1600;
const POINTS: i64 = 241;

fn main() {
    divan::main();
}

/// A matrix whose values are `make` of numbers below 2^32 that follow no pattern.
fn matrix(make: impl Fn(u64) -> f64) -> Value {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        make(state >> 32)
    };
    let times: Arc<[i64]> = (0..POINTS).map(|i| 1_700_000_000_000 + i * 15_000).collect();
    let series = (0..SERIES).map(|i| RangeSeries {
        labels: Labels::from_pairs([
            ("__name__", "node_cpu_seconds_total".to_owned()),
            ("cpu", (i % 16).to_string()),
            ("instance", format!("host-{:05}:9100", i / 16)),
            ("mode", "idle".to_owned()),
        ]),
        timestamps: Arc::clone(&times),
        values: times.iter().map(|_| next()).collect(),
        histograms: Arc::default(),
    });
    Value::Matrix(series.collect())
}

fn write(bencher: Bencher<'_, '_>, make: impl Fn(u64) -> f64) {
    let value = matrix(make);
    let written = || {
        let mut pen = Pen::default();
        json::value(&mut pen, &value);
        pen.finish()
    };
    let bytes: usize = written().iter().map(|piece| piece.len()).sum();
    bencher
        .counter(ItemsCount::new(SERIES * POINTS as usize))
        .counter(BytesCount::new(bytes))
        .bench_local(written);
}

#[divan::bench]
fn whole(bencher: Bencher<'_, '_>) {
    write(bencher, |n| (n % 1_000_000) as f64);
}

#[divan::bench]
fn hundredths(bencher: Bencher<'_, '_>) {
    write(bencher, |n| (n % 1_000_000) as f64 / 100.0);
}

#[divan::bench]
fn rates(bencher: Bencher<'_, '_>) {
    write(bencher, |n| n as f64 / 3599.7);
}
