//! The engine's hot paths: a scrape's batch, a chunk both ways, a selection. `cargo bench -p tsdb`.

#![allow(missing_docs)]

use std::path::Path;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use durable::MemoryFs;
use model::metrics::{MetricRow, MetricSink, MetricStore, Sample, Samples, SelectHints, SeriesRef};
use model::{Labels, ManualClock, Matcher};
use tsdb::{Options, Tsdb, chunk};

fn main() {
    divan::main();
}

const SERIES: usize = 10_000;

fn database() -> Tsdb {
    let options = Options {
        max_future_ms: i64::MAX / 2,
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::at(0));
    let opened = Tsdb::open(Arc::new(MemoryFs::new()), Path::new("/data"), options, clock);
    opened.expect("memory does not fail").0
}

fn rows() -> Vec<MetricRow> {
    (0..SERIES)
        .map(|i| MetricRow {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([
                ("__name__", format!("metric_{}", i % 50)),
                ("instance", format!("host-{}", i / 50)),
                ("job", "bench".to_owned()),
            ]),
            sample: Sample {
                timestamp_ms: 0,
                value: i as f64,
            },
        })
        .collect()
}

fn at(rows: &mut [MetricRow], timestamp_ms: i64) {
    for row in rows {
        row.sample.timestamp_ms = timestamp_ms;
        row.sample.value += 1.0;
    }
}

#[divan::bench(sample_count = 50)]
fn append_a_batch_of_10_000_known_series(bencher: Bencher<'_, '_>) {
    let tsdb = database();
    let (mut rows, mut now_ms) = (rows(), 0);
    tsdb.append(&mut rows).expect("memory does not fail");
    bencher.counter(ItemsCount::new(SERIES)).bench_local(|| {
        now_ms += 15_000;
        at(&mut rows, now_ms);
        tsdb.append(&mut rows)
    });
}

#[divan::bench(sample_count = 10)]
fn append_a_batch_of_10_000_new_series(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(SERIES))
        .with_inputs(|| (database(), rows()))
        .bench_local_values(|(tsdb, mut rows)| tsdb.append(&mut rows).map(|_| tsdb));
}

fn columns() -> Samples {
    let mut samples = Samples::default();
    for i in 0..chunk::CHUNK_SAMPLES as i64 {
        samples.push(1_700_000_000_000 + i * 15_000 + i % 3, (i * i % 97) as f64);
    }
    samples
}

#[divan::bench]
fn encode_a_chunk(bencher: Bencher<'_, '_>) {
    let samples = columns();
    bencher
        .counter(ItemsCount::new(samples.len()))
        .bench_local(|| chunk::encode(&samples.timestamps, &samples.values));
}

#[divan::bench]
fn decode_a_chunk(bencher: Bencher<'_, '_>) {
    let samples = columns();
    let bytes = chunk::encode(&samples.timestamps, &samples.values);
    let mut out = Samples::default();
    bencher.counter(ItemsCount::new(samples.len())).bench_local(|| {
        out.clear();
        chunk::decode(&bytes, &mut out)
    });
}

/// 200 of 10,000 series over three hours, of which two are in a block.
#[divan::bench(sample_count = 20)]
fn select_200_series_of_3_hours(bencher: Bencher<'_, '_>) {
    let tsdb = database();
    let mut rows = rows();
    const SCRAPES: i64 = 3 * 60 + 1;
    for i in 0..SCRAPES {
        at(&mut rows, i * 60_000);
        tsdb.append(&mut rows).expect("memory does not fail");
    }
    tsdb.maintain().expect("memory does not fail");
    assert_eq!(tsdb.blocks().len(), 1);
    let hints = SelectHints {
        start_ms: 0,
        end_ms: i64::MAX,
        step_ms: 0,
        max_series: 0,
    };
    let matchers = [Matcher::equal("__name__", "metric_7")];
    let mut samples = Samples::default();
    bencher
        .counter(ItemsCount::new(200 * SCRAPES as usize))
        .bench_local(|| {
            let snapshot = tsdb.snapshot(0, i64::MAX).expect("memory does not fail");
            let mut set = snapshot.select(&matchers, &hints).expect("memory does not fail");
            let mut count = 0;
            while set.next(&mut samples).expect("memory does not fail").is_some() {
                count += samples.len();
            }
            assert_eq!(count, 200 * SCRAPES as usize);
        });
}
