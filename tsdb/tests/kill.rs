//! Kill -9 at any moment: what was acknowledged is there, what was never sent is not, and nothing is damaged.
//!
//! The parent starts this program again as a child, which appends on several threads into a folder with bounds so small
//! that it flushes and compacts all the time, and writes a line for every batch that was acknowledged. At a moment that
//! a seeded generator picks the child is killed; the parent opens the folder, replays, and compares everything. Then
//! the next child goes on in the same folder where the last one stopped, so that what survives must survive many deaths.
//!
//! `KILL_ROUNDS=100 KILL_SEED=7 cargo test --release -p tsdb --test kill` runs more rounds with another seed.

// A program of plain threads: there is no async worker to block.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use durable::RealFs;
use model::histogram::{Buckets, Counts, Histogram, Span};
use model::metrics::{
    HistogramRow, MetricRow, MetricSink, MetricStore, NewSeries, Sample, Samples, SelectHints, SeriesRef,
};
use model::{Labels, StoreError, SystemClock};
use tsdb::{Options, Tsdb};

/// In the child's environment: the folder, and for each thread the batch to begin with.
const DIR: &str = "KILL_CHILD_DIR";
const STARTS: &str = "KILL_CHILD_STARTS";

const THREADS: usize = 3;
/// Series of a thread at one time.
const WIDTH: u64 = 7;
/// A thread's series are others every so many batches.
const LIFE: u64 = 400;
/// Batches of a thread are so far apart, in milliseconds.
const STEP_MS: i64 = 100;
/// Every so many batches have late samples, or native histograms.
const LATE_EVERY: u64 = 5;
const HISTOGRAMS_EVERY: u64 = 4;
const BEGAN_MS: i64 = 1_700_000_000_000;

/// A folder is begun anew after so many rounds, or checking would take longer than killing.
const ROUNDS_OF_A_FOLDER: u64 = 8;
const ROUNDS: u64 = 4;

fn main() {
    match std::env::var(DIR) {
        Ok(dir) => child(Path::new(&dir)),
        // Who lists or picks tests by name asks for others.
        Err(_) if std::env::args().any(|a| a == "--list" || a == "--ignored") => {}
        Err(_) => parent(),
    }
}

fn options() -> Options {
    Options {
        block_duration_ms: 20_000,
        retention_ms: None,
        out_of_order_window_ms: i64::MAX / 4,
        max_future_ms: i64::MAX / 2,
        memory_bytes: 1 << 20,
        wal_bytes: 64 << 10,
        wal_segment_bytes: 16 << 10,
        ..Options::default()
    }
}

fn open(dir: &Path) -> Tsdb {
    let opened = Tsdb::open(Arc::new(RealFs), dir, options(), Arc::new(SystemClock));
    let (tsdb, report) = opened.expect("the folder opens");
    assert_eq!(report.damage, Vec::<String>::new());
    tsdb
}

/// A float or a histogram's count of observations, as bits: what one sample must be.
type Data = BTreeMap<(Labels, bool), BTreeMap<i64, u64>>;

fn labels(thread: usize, batch: u64, i: u64) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("m{i}")),
        ("life", format!("{:06}", batch / LIFE)),
        ("thread", thread.to_string()),
    ])
}

/// A number that no other sample has.
fn number(thread: usize, batch: u64, i: u64) -> u64 {
    (batch * WIDTH + i) * THREADS as u64 + thread as u64
}

/// The floats of a batch; some come late.
fn rows(thread: usize, batch: u64) -> Vec<MetricRow> {
    let at_ms = BEGAN_MS + batch as i64 * STEP_MS;
    let row = |i: u64, timestamp_ms: i64, value: f64| MetricRow {
        series: SeriesRef::UNKNOWN,
        labels: labels(thread, batch, i),
        sample: Sample { timestamp_ms, value },
    };
    let now = (0..WIDTH).map(|i| row(i, at_ms, number(thread, batch, i) as f64 / 8.0));
    let late = (0..WIDTH).step_by(3).filter(|_| batch.is_multiple_of(LATE_EVERY));
    now.chain(late.map(|i| row(i, at_ms - 7 * STEP_MS - 50, -(number(thread, batch, i) as f64))))
        .collect()
}

/// The native histograms of a batch.
fn histograms(thread: usize, batch: u64) -> Vec<(Labels, i64, Histogram)> {
    if !batch.is_multiple_of(HISTOGRAMS_EVERY) {
        return Vec::new();
    }
    let total = number(thread, batch, 0);
    let histogram = Histogram {
        sum: total as f64 / 3.0,
        schema: 2,
        positive_spans: vec![Span {
            offset: -1,
            length: 2,
        }],
        counts: Counts::Integer(Buckets {
            count: total + 5,
            zero_count: 2,
            positive: vec![total, 3],
            negative: Vec::new(),
        }),
        ..Histogram::stale()
    };
    let at_ms = BEGAN_MS + batch as i64 * STEP_MS;
    vec![(labels(thread, batch, WIDTH), at_ms, histogram)]
}

fn count_of(histogram: &Histogram) -> u64 {
    match &histogram.counts {
        Counts::Integer(buckets) => buckets.count,
        Counts::Float(buckets) => buckets.count.to_bits(),
    }
}

/// Adds what a batch should have become.
fn expect(data: &mut Data, thread: usize, batch: u64) {
    for row in rows(thread, batch) {
        let times = data.entry((row.labels, false)).or_default();
        times.insert(row.sample.timestamp_ms, row.sample.value.to_bits());
    }
    for (labels, at_ms, histogram) in histograms(thread, batch) {
        data.entry((labels, true))
            .or_default()
            .insert(at_ms, count_of(&histogram));
    }
}

// The child.

fn child(dir: &Path) {
    let starts = std::env::var(STARTS).expect("the parent says where to begin");
    let starts: Vec<u64> = starts.split(',').map(|n| n.parse().expect("a number")).collect();
    let tsdb = &open(dir);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let report = tsdb.recover().expect("the log replays");
            assert_eq!(report.damage, Vec::<String>::new());
            loop {
                tsdb.step().expect("upkeep");
                std::thread::sleep(Duration::from_micros(500));
            }
        });
        scope.spawn(move || {
            loop {
                tsdb.sync().expect("the disk syncs");
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        for (thread, &start) in starts.iter().enumerate() {
            scope.spawn(move || appending(tsdb, thread, start));
        }
    });
}

/// Appends batch after batch; each is acknowledged by a line.
fn appending(tsdb: &Tsdb, thread: usize, start: u64) {
    for batch in start.. {
        let mut rows = rows(thread, batch);
        until_taken(|| {
            tsdb.append(&mut rows)
                .map(|report| assert!(report.rejected.is_empty(), "{report:?}"))
        });
        let histograms = histograms(thread, batch);
        if !histograms.is_empty() {
            until_taken(|| append_histograms(tsdb, &histograms));
        }
        // One write: a line is there or not.
        let mut stdout = std::io::stdout().lock();
        let line = format!("{thread} {batch}\n");
        if stdout
            .write_all(line.as_bytes())
            .and_then(|()| stdout.flush())
            .is_err()
        {
            return;
        }
    }
}

/// Tries again while flushing does not keep up; sending a batch again does no harm.
fn until_taken(mut append: impl FnMut() -> Result<(), StoreError>) {
    loop {
        match append() {
            Ok(()) => return,
            Err(StoreError::ReadOnly(why)) if why.contains("flushed") => {
                std::thread::sleep(Duration::from_micros(200));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn append_histograms(tsdb: &Tsdb, histograms: &[(Labels, i64, Histogram)]) -> Result<(), StoreError> {
    let new = histograms.iter().map(|(labels, timestamp_ms, _)| NewSeries {
        labels: labels.clone(),
        timestamp_ms: *timestamp_ms,
    });
    let mut refs = Vec::new();
    tsdb.create(&new.collect::<Vec<_>>(), &mut refs);
    let rows: Vec<HistogramRow> = histograms
        .iter()
        .zip(refs)
        .map(|((_, timestamp_ms, histogram), made)| HistogramRow {
            series: made.expect("no limit is reached"),
            timestamp_ms: *timestamp_ms,
            histogram: Arc::new(histogram.clone()),
        })
        .collect();
    tsdb.append_histograms(&rows)
        .map(|report| assert!(report.rejected.is_empty(), "{report:?}"))
}

// The parent.

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn number_of(variable: &str, otherwise: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.map_or(otherwise, |n| n.parse().expect("a number"))
}

fn parent() {
    let (rounds, seed) = (number_of("KILL_ROUNDS", ROUNDS), number_of("KILL_SEED", 1));
    let mut random = Random(seed);
    let began = Instant::now();
    let mut totals = Totals::default();
    let mut left = rounds;
    while left > 0 {
        let folder = tempfile::tempdir().expect("a folder");
        let mut next = vec![0; THREADS];
        for _ in 0..left.min(ROUNDS_OF_A_FOLDER) {
            round(folder.path(), &mut next, &mut random, &mut totals);
            left -= 1;
        }
    }
    println!(
        "kill: {rounds} rounds with seed {seed} in {:.1} s: {} batches acknowledged, {} samples compared, {} of \
         batches without an answer, {} records replayed, blocks up to level {}",
        began.elapsed().as_secs_f64(),
        totals.acknowledged,
        totals.samples,
        totals.unacknowledged,
        totals.replayed,
        totals.level,
    );
    assert!(totals.acknowledged > 0);
}

#[derive(Default)]
struct Totals {
    acknowledged: u64,
    samples: usize,
    unacknowledged: usize,
    replayed: u64,
    level: u32,
}

/// Lets a child live for a while, and checks what it leaves. `next` is each thread's first batch without an answer.
fn round(dir: &Path, next: &mut [u64], random: &mut Random, totals: &mut Totals) {
    let before = next.to_vec();
    let mut child = start(dir, next);
    let stdout = child.stdout.take().expect("a pipe");
    // Some die while they open or replay, most at work; either by the clock or by what they have done.
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        lines
            .filter_map(|line| {
                let (thread, batch) = line.split_once(' ')?;
                Some((thread.parse::<usize>().ok()?, batch.parse::<u64>().ok()?))
            })
            .collect::<Vec<_>>()
    });
    let life_ms = if random.below(4) == 0 {
        random.below(30)
    } else {
        30 + random.below(600)
    };
    std::thread::sleep(Duration::from_micros(life_ms * 1000 + random.below(1000)));
    let died = child.try_wait().expect("a child");
    assert!(died.is_none(), "the child ended by itself: {died:?}");
    child.kill().expect("a child");
    child.wait().expect("a child");
    for (thread, batch) in reader.join().expect("lines") {
        assert_eq!(batch, next[thread], "acknowledged in order");
        next[thread] += 1;
    }
    totals.acknowledged += next.iter().zip(&before).map(|(a, b)| a - b).sum::<u64>();
    check(dir, next, random, totals);
}

fn start(dir: &Path, next: &[u64]) -> Child {
    let starts: Vec<String> = next.iter().map(u64::to_string).collect();
    Command::new(std::env::current_exe().expect("this program"))
        .env(DIR, dir)
        .env(STARTS, starts.join(","))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child")
}

fn check(dir: &Path, next: &[u64], random: &mut Random, totals: &mut Totals) {
    let mut acknowledged = Data::new();
    let mut possible = Data::new();
    for (thread, &next) in next.iter().enumerate() {
        (0..next).for_each(|batch| expect(&mut acknowledged, thread, batch));
        // The one that was under way.
        expect(&mut possible, thread, next);
    }
    let tsdb = open(dir);
    let report = tsdb.recover().expect("the log replays");
    assert_eq!(report.damage, Vec::<String>::new());
    totals.replayed += report.records;
    let found = everything(&tsdb);
    totals.unacknowledged += compare(&found, acknowledged, &possible);
    totals.samples += found.values().map(BTreeMap::len).sum::<usize>();
    totals.level = totals.level.max(levels(dir));
    if random.below(3) == 0 {
        tsdb.flush().expect("flushed");
        tsdb.maintain().expect("upkeep");
        assert!(
            everything(&tsdb) == found,
            "flushing what was replayed changed it"
        );
    }
}

/// The highest level of a block there is.
fn levels(dir: &Path) -> u32 {
    let cache = Arc::new(tsdb::BlockCache::new(1 << 20));
    let blocks = std::fs::read_dir(dir.join("blocks")).expect("a folder of blocks");
    let level = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a folder of blocks").path();
        let block = Arc::new(tsdb::Block::open(&RealFs, &path, &cache).expect("a block opens"));
        block.verify().expect("a block is right");
        block.meta().level
    };
    blocks.map(level).max().unwrap_or(0)
}

/// Gives how many samples there are of batches without an answer.
fn compare(found: &Data, mut acknowledged: Data, possible: &Data) -> usize {
    let mut unacknowledged = 0;
    for (series, times) in found {
        let mut expected = acknowledged.remove(series).unwrap_or_default();
        for (at_ms, bits) in times {
            match expected.remove(at_ms) {
                Some(right) => assert_eq!(*bits, right, "{series:?} at {at_ms}"),
                None => {
                    let sent = possible.get(series).and_then(|times| times.get(at_ms));
                    assert_eq!(Some(bits), sent, "{series:?} at {at_ms} was never sent");
                    unacknowledged += 1;
                }
            }
        }
        assert!(
            expected.is_empty(),
            "{series:?} lost {} samples: {expected:?}",
            expected.len()
        );
    }
    let lost = acknowledged.first_key_value();
    assert!(lost.is_none(), "{} series lost: {lost:?}", acknowledged.len());
    unacknowledged
}

fn everything(tsdb: &Tsdb) -> Data {
    let snapshot = tsdb.snapshot(i64::MIN, i64::MAX).expect("a snapshot");
    let hints = SelectHints {
        start_ms: i64::MIN,
        end_ms: i64::MAX,
        step_ms: 0,
        max_series: 0,
        ..SelectHints::default()
    };
    let set = snapshot.select(&[], &hints).expect("a selection");
    let mut walk = model::metrics::Walk::new(&*set);
    let mut samples = Samples::default();
    let mut data = Data::new();
    while let Some(labels) = walk.next(&mut samples).expect("a series") {
        assert!(samples.timestamps.is_sorted_by(|a, b| a < b));
        if !samples.timestamps.is_empty() {
            let floats = samples.iter().map(|s| (s.timestamp_ms, s.value.to_bits()));
            data.insert((labels.clone(), false), floats.collect());
        }
        if !samples.histograms.is_empty() {
            let counts = samples.histograms.iter().map(|(ms, h)| (*ms, count_of(h)));
            data.insert((labels, true), counts.collect());
        }
    }
    data
}
