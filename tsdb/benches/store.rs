//! What a sample costs from the door to its last block: finding series by key, appending, logging, flushing, merging.
//!
//! `cargo bench -p tsdb --bench store` loads 100 targets of 507 series at 15 s intervals, in requests of about 5000 samples, as
//! `STORE_BENCH_SCRAPES` (default 240) says how often, and prints processor time a sample by part, bytes a sample on
//! disk, and resident memory. The clock goes with the samples' time, so that flushes come as in scraping; with
//! `STORE_BENCH_BULK=1` it is the system's, as in a bulk load. On a disk in `TMPDIR`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durable::{Fs, RealFs};
use model::metrics::{MetricSink, NewSeries, RefSample, SeriesRef};
use model::{Clock, Labels, ManualClock, SeriesKey, SystemClock};
use tsdb::{Options, Tsdb, Unit};

const TARGETS: usize = 100;
const SERIES: usize = 507;
const TARGETS_A_REQUEST: usize = 10;
const INTERVAL_MS: i64 = 15_000;

/// Nanoseconds of processor this thread has had.
fn cpu_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn resident_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn labels(target: usize, series: usize) -> Labels {
    let (name, detail) = (series / 6, series % 6);
    Labels::from_pairs([
        ("__name__", format!("node_something_{name}_total")),
        ("detail", format!("d{detail}")),
        ("instance", format!("host-{target:03}.example.org:9100")),
        ("job", "node".to_owned()),
    ])
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The next value of a series: four in ten never change, others count, measure or are floats.
fn advance(series: usize, value: &mut f64, random: &mut Random) {
    let step = random.next();
    match series % 20 {
        0..=8 => {}
        9..=12 => *value += (step % 50) as f64,
        13..=15 => *value = ((*value * 100.0).round() + (step % 1500) as f64) / 100.0,
        16..=17 => *value = (*value + (step % 9) as f64 - 4.0).max(0.0),
        18 => *value = ((step % 2000) * 4096) as f64,
        _ => *value += (step >> 11) as f64 / (1u64 << 53) as f64,
    }
}

struct Spent {
    find: u64,
    append: u64,
    flush: u64,
    compact: u64,
}

fn main() {
    let scrapes: i64 = std::env::var("STORE_BENCH_SCRAPES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(240);
    let dir = tempfile::tempdir().expect("a folder");
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let bulk = std::env::var_os("STORE_BENCH_BULK").is_some();
    let start_ms = SystemClock.now_ms() - scrapes * INTERVAL_MS;
    let clock = Arc::new(ManualClock::at(start_ms));
    let shared_clock: Arc<dyn Clock> = if bulk {
        Arc::new(SystemClock)
    } else {
        Arc::clone(&clock) as _
    };
    let opened = Tsdb::open(fs, dir.path(), Options::default(), shared_clock).expect("opens");
    let tsdb = opened.0;
    tsdb.recover().expect("nothing to replay");

    let mut scratch = Vec::new();
    let mut keys = Vec::new();
    for target in 0..TARGETS {
        let mut refs = Vec::new();
        let new: Vec<NewSeries> = (0..SERIES)
            .map(|series| NewSeries {
                labels: labels(target, series),
                timestamp_ms: start_ms,
            })
            .collect();
        keys.extend(new.iter().map(|new| SeriesKey::of(&new.labels, &mut scratch)));
        tsdb.create(&new, &mut refs);
    }
    let mut values = vec![0.0; TARGETS * SERIES];
    let mut random = Random(42);
    let mut spent = Spent {
        find: 0,
        append: 0,
        flush: 0,
        compact: 0,
    };
    let (mut refs, mut batch): (Vec<SeriesRef>, Vec<RefSample>) = (Vec::new(), Vec::new());
    for scrape in 0..scrapes {
        let timestamp_ms = start_ms + scrape * INTERVAL_MS;
        clock.set(timestamp_ms);
        for (i, value) in values.iter_mut().enumerate() {
            advance(i % SERIES, value, &mut random);
        }
        let size = TARGETS_A_REQUEST * SERIES;
        for (request, values) in values.chunks(size).enumerate() {
            let began = cpu_ns();
            tsdb.find(&keys[request * size..][..values.len()], &mut refs);
            let found = cpu_ns();
            batch.clear();
            batch.extend(refs.iter().zip(values).map(|(series, value)| RefSample {
                series: *series,
                timestamp_ms,
                value: *value,
            }));
            let report = tsdb.append_samples(&batch).expect("appends");
            assert_eq!(report.stored, batch.len(), "{report:?}");
            spent.find += found - began;
            spent.append += cpu_ns() - found;
        }
        upkeep(&tsdb, &mut spent);
    }
    println!("resident at the end of the load: {:.1} MiB", resident_mib());
    for _ in 0..40 {
        clock.advance(1000);
        upkeep(&tsdb, &mut spent);
        let until = Instant::now() + Duration::from_millis(if bulk { 500 } else { 0 });
        while Instant::now() < until {
            std::thread::park_timeout(until - Instant::now());
        }
    }
    report(&tsdb, dir.path(), &spent);
}

fn upkeep(tsdb: &Tsdb, spent: &mut Spent) {
    loop {
        let began = cpu_ns();
        let unit = tsdb.step().expect("upkeep");
        let took = cpu_ns() - began;
        match unit {
            Some(Unit::Flushed(_)) => spent.flush += took,
            Some(_) => spent.compact += took,
            None => return,
        }
    }
}

fn report(tsdb: &Tsdb, dir: &Path, spent: &Spent) {
    let stats = tsdb.stats().expect("stats");
    let samples = stats.samples_appended as f64;
    let each = |ns: u64| ns as f64 / samples;
    println!(
        "{samples} samples: find {:.1}, append {:.1}, flush {:.1}, compact {:.1} ns a sample",
        each(spent.find),
        each(spent.append),
        each(spent.flush),
        each(spent.compact)
    );
    println!(
        "{} flushes, {} compactions, {} blocks of {:.3} B a sample, {} B of log; resident {:.1} MiB; table {:.1} MiB",
        stats.flushes.count,
        stats.compactions.count,
        stats.blocks,
        stats.block_bytes as f64 / samples,
        stats.wal_bytes,
        resident_mib(),
        stats.table_bytes as f64 / (1 << 20) as f64,
    );
    for block in tsdb.blocks() {
        println!(
            "  level {}: {} series, {} samples, {} bytes",
            block.level, block.series, block.samples, block.bytes
        );
    }
    let _ = dir;
}
