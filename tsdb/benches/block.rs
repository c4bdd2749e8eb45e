//! Blocks on a real disk: writing, opening, selecting one instance, reading everything, merging.
//!
//! 200 instances with 50 series each of 480 samples, of the kinds that exporters have. Run with
//! `cargo bench -p tsdb --bench block`; items are samples, for `open` and `select` series.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use durable::RealFs;
use model::metrics::Samples;
use model::{Labels, Matcher};
use tsdb::block::{SeriesReader, Writer};
use tsdb::codec::Effort;
use tsdb::compact::merge_blocks;
use tsdb::{Block, BlockCache, BlockMeta};

const INSTANCES: u64 = 200;
const METRICS: u64 = 50;
const SAMPLES: u64 = 480;
const WIDTH_MS: i64 = SAMPLES as i64 * 15_000;
const ALL: u64 = INSTANCES * METRICS * SAMPLES;

fn main() {
    divan::main();
}

/// Series in label order: constants, counters of whole numbers and of hundredths, gauges.
fn series(window: u64) -> Vec<(Labels, Samples)> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64 ^ window;
    let mut random = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut all = Vec::new();
    for metric in 0..METRICS {
        for instance in 0..INSTANCES {
            let labels = Labels::from_pairs([
                ("__name__", format!("metric_{metric:03}")),
                ("instance", format!("host-{instance:05}:9100")),
                ("job", "node".to_owned()),
            ]);
            let mut samples = Samples::default();
            let mut total = window * 1_000_000;
            for k in 0..SAMPLES {
                let ms = window as i64 * WIDTH_MS + k as i64 * 15_000 + instance as i64;
                total += random(100);
                samples.push(
                    ms,
                    match metric % 5 {
                        0 | 1 => metric as f64,
                        2 => total as f64,
                        3 => total as f64 / 100.0,
                        _ => random(4096) as f64 * 4096.0,
                    },
                );
            }
            all.push((labels, samples));
        }
    }
    all
}

fn meta(id: u64, windows: std::ops::Range<i64>) -> BlockMeta {
    BlockMeta {
        id,
        min_ms: windows.start * WIDTH_MS,
        max_ms: windows.end * WIDTH_MS,
        level: 1,
        ..BlockMeta::default()
    }
}

fn write(dir: &Path, id: u64, effort: Effort, window: u64, series: &[(Labels, Samples)]) -> PathBuf {
    let mut writer = Writer::create(&RealFs, dir, id, effort).expect("a block");
    for (labels, samples) in series {
        writer.add(labels, samples).expect("a series");
    }
    let window = window as i64;
    writer.finish(meta(id, window..window + 1)).expect("a block")
}

fn open(dir: &Path) -> Arc<Block> {
    let cache = Arc::new(BlockCache::new(BlockCache::DEFAULT_BYTES));
    Arc::new(Block::open(&RealFs, dir, &cache).expect("a block"))
}

#[divan::bench(args = [Effort::Fast, Effort::Best], sample_count = 5)]
fn writing(bencher: Bencher<'_, '_>, effort: Effort) {
    let series = series(0);
    bencher
        .counter(ItemsCount::new(ALL))
        .with_inputs(|| tempfile::tempdir().expect("a folder"))
        .bench_values(|dir| {
            write(dir.path(), 1, effort, 0, &series);
            dir
        });
}

#[divan::bench]
fn opening(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = write(dir.path(), 1, Effort::Fast, 0, &series(0));
    bencher.bench(|| open(&path));
}

/// With an empty cache, and with what the selection before left in it.
#[divan::bench(args = [false, true])]
fn selecting_one_instance(bencher: Bencher<'_, '_>, cached: bool) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = write(dir.path(), 1, Effort::Best, 0, &series(0));
    let kept = open(&path);
    let matchers = [Matcher::equal("instance", "host-00042:9100")];
    let mut samples = Samples::default();
    bencher
        .counter(ItemsCount::new(METRICS))
        .with_inputs(|| if cached { Arc::clone(&kept) } else { open(&path) })
        .bench_local_refs(|block| {
            for series in block.select(&matchers, i64::MIN, i64::MAX).expect("series") {
                samples.clear();
                series.read(i64::MIN, i64::MAX, &mut samples).expect("samples");
            }
        });
}

#[divan::bench(sample_count = 10)]
fn reading_all(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a folder");
    let block = open(&write(dir.path(), 1, Effort::Best, 0, &series(0)));
    bencher.counter(ItemsCount::new(ALL)).bench_local(|| {
        let mut reader = SeriesReader::new(Arc::clone(&block)).expect("a reader");
        let mut samples = Samples::default();
        while reader.next(&mut samples).expect("a series").is_some() {}
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn merging_three(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a folder");
    let sources: Vec<Arc<Block>> = (0..3)
        .map(|window| {
            open(&write(
                dir.path(),
                window + 1,
                Effort::Fast,
                window,
                &series(window),
            ))
        })
        .collect();
    let mut id = 10;
    bencher.counter(ItemsCount::new(3 * ALL)).bench_local(|| {
        id += 1;
        merge_blocks(&RealFs, dir.path(), id, &sources, meta(id, 0..3)).expect("a block")
    });
}
