//! What the head costs: finding, appending, sealing, reading, flushing.

use std::sync::Arc;
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use model::metrics::{AppendReport, NewSeries, RefSample, Samples, SeriesRef};
use model::{Labels, Matcher, SeriesKey};
use tsdb::head::{Bounds, Limits, Memtable, SeriesTable};

fn main() {
    divan::main();
}

const SERIES_A_TARGET: usize = 500;

/// A fleet: 500 series a target, each with a character of its own.
struct Fleet {
    table: Arc<SeriesTable>,
    keys: Vec<SeriesKey>,
    refs: Vec<SeriesRef>,
}

impl Fleet {
    fn new(targets: usize) -> Fleet {
        let table = Arc::new(SeriesTable::new(Limits::default()));
        let (mut keys, mut refs, mut made, mut scratch) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for target in 0..targets {
            let new: Vec<NewSeries> = (0..SERIES_A_TARGET)
                .map(|i| NewSeries {
                    labels: labels(target, i),
                    timestamp_ms: target as i64,
                })
                .collect();
            table.create(&new, &mut made);
            refs.extend(made.iter().filter_map(|series| series.ok()));
            keys.extend(new.iter().map(|n| SeriesKey::of(&n.labels, &mut scratch)));
        }
        Fleet { table, keys, refs }
    }

    /// One scrape of every target.
    fn scrape(&self, round: usize) -> Vec<RefSample> {
        let one = |(i, &series): (usize, &SeriesRef)| RefSample {
            series,
            timestamp_ms: round as i64 * 15_000 + (i / SERIES_A_TARGET) as i64,
            value: value(i % SERIES_A_TARGET, round),
        };
        self.refs.iter().enumerate().map(one).collect()
    }

    /// A memtable with so many scrapes, everything sealable.
    fn filled(&self, rounds: usize) -> Memtable {
        let memtable = Memtable::new(Arc::clone(&self.table), 1);
        for round in 0..rounds {
            append(&memtable, round as u64 + 1, &self.scrape(round));
        }
        memtable
    }
}

fn labels(target: usize, i: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("node_some_metric_{}_total", i % 180)),
        ("device", format!("device-{}", i / 180)),
        ("mode", format!("{}", i % 8)),
        ("instance", format!("host-{target}.example.org:9100")),
        ("job", "node".to_owned()),
    ])
}

/// Two fifths constant, counters of several paces, some gauges.
fn value(i: usize, round: usize) -> f64 {
    let noise = ((i * 7919 + round) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    match i % 10 {
        0..4 => i as f64,
        4..6 => (round as u64 * (i as u64 + 3) + noise % 4) as f64,
        6 => (round as u64 * 1_000_000 + noise) as f64,
        7 => (round as f64 * 15.0 * 100.0 + (noise % 500) as f64).round() / 100.0,
        8 => (noise % 12) as f64,
        _ => (noise * 4096) as f64,
    }
}

fn append(memtable: &Memtable, batch: u64, samples: &[RefSample]) -> usize {
    let mut report = AppendReport::default();
    let mut bytes = 0;
    for samples in samples.chunks(5000) {
        memtable.append(
            batch,
            samples,
            &Bounds::NONE,
            &mut |record, _| bytes += record.len(),
            &mut report,
        );
    }
    assert!(report.rejected.is_empty());
    memtable.set_sealable(batch);
    bytes
}

static SMALL: LazyLock<Fleet> = LazyLock::new(|| Fleet::new(20));
static LARGE: LazyLock<Fleet> = LazyLock::new(|| Fleet::new(1000));

#[divan::bench]
fn find_in_order(bencher: Bencher) {
    let fleet = &*LARGE;
    let mut refs = Vec::new();
    bencher
        .counter(ItemsCount::new(fleet.keys.len()))
        .bench_local(|| fleet.table.find(black_box(&fleet.keys), &mut refs));
}

#[divan::bench]
fn find_in_disorder(bencher: Bencher) {
    let fleet = &*LARGE;
    let keys: Vec<SeriesKey> = (0..fleet.keys.len())
        .map(|i| fleet.keys[i * 7919 % fleet.keys.len()])
        .collect();
    let mut refs = Vec::new();
    bencher
        .counter(ItemsCount::new(keys.len()))
        .bench_local(|| fleet.table.find(black_box(&keys), &mut refs));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn create(bencher: Bencher) {
    let new: Vec<NewSeries> = (0..40 * SERIES_A_TARGET)
        .map(|i| NewSeries {
            labels: labels(i / SERIES_A_TARGET, i % SERIES_A_TARGET),
            timestamp_ms: (i / SERIES_A_TARGET) as i64,
        })
        .collect();
    bencher
        .counter(ItemsCount::new(new.len()))
        .with_inputs(|| SeriesTable::new(Limits::default()))
        .bench_local_values(|table| {
            let mut refs = Vec::new();
            new.chunks(5000).for_each(|new| table.create(new, &mut refs));
            table
        });
}

/// Rows, records for the log and, every thirtieth round or so, sealing: 500,000 series.
#[divan::bench(sample_count = 60, sample_size = 1)]
fn append_in_order(bencher: Bencher) {
    let fleet = &*LARGE;
    let memtable = fleet.filled(1);
    let mut round = 1;
    bencher
        .counter(ItemsCount::new(fleet.refs.len()))
        .with_inputs(|| {
            round += 1;
            (round, fleet.scrape(round))
        })
        .bench_local_values(|(round, samples)| append(&memtable, round as u64, &samples));
}

#[divan::bench(sample_count = 60, sample_size = 1)]
fn append_in_disorder(bencher: Bencher) {
    let fleet = &*SMALL;
    let memtable = fleet.filled(1);
    let mut round = 1;
    bencher
        .counter(ItemsCount::new(fleet.refs.len()))
        .with_inputs(|| {
            round += 1;
            let samples = fleet.scrape(round);
            let mixed: Vec<RefSample> = (0..samples.len())
                .map(|i| samples[i * 7919 % samples.len()])
                .collect();
            (round, mixed)
        })
        .bench_local_values(|(round, samples)| append(&memtable, round as u64, &samples));
}

/// A request sent again: every sample is compared with what is stored.
#[divan::bench]
fn append_again(bencher: Bencher) {
    let fleet = &*SMALL;
    let memtable = fleet.filled(20);
    let samples = fleet.scrape(19);
    bencher
        .counter(ItemsCount::new(samples.len()))
        .bench_local(|| append(&memtable, 20, black_box(&samples)));
}

/// A log of so many scrapes into an empty memtable.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn replay(bencher: Bencher) {
    let fleet = &*SMALL;
    let memtable = Memtable::new(Arc::clone(&fleet.table), 1);
    let mut log: Vec<(u8, Vec<u8>)> = Vec::new();
    for round in 0..60 {
        let mut report = AppendReport::default();
        let samples = fleet.scrape(round);
        let mut record = |bytes: &[u8], kind| log.push((kind, bytes.to_vec()));
        memtable.append(1, &samples, &Bounds::NONE, &mut record, &mut report);
    }
    bencher
        .counter(ItemsCount::new(60 * fleet.refs.len()))
        .with_inputs(|| Memtable::new(Arc::new(SeriesTable::new(Limits::default())), 1))
        .bench_local_values(|memtable| {
            let mut replay = memtable.replay();
            let all = log.iter().map(|(kind, record)| replay.apply(*kind, record));
            let samples: usize = all.map(Result::unwrap_or_default).sum();
            assert_eq!(samples, 60 * fleet.refs.len());
            memtable
        });
}

#[divan::bench]
fn read_one_series(bencher: Bencher) {
    let fleet = &*SMALL;
    let memtable = fleet.filled(240);
    let matchers: Vec<Matcher> = labels(7, 16)
        .iter()
        .map(|(name, value)| Matcher::equal(name, value))
        .collect();
    let found = memtable.selection(&matchers, u64::MAX, i64::MIN, i64::MAX);
    let found = found.expect("a selection");
    let mut reader = found.reader();
    let mut samples = Samples::default();
    bencher.counter(ItemsCount::new(240usize)).bench_local(|| {
        samples.clear();
        let read = reader.read(0, i64::MIN, i64::MAX, &mut samples);
        assert!(read.is_ok() && samples.len() == 240);
    });
}

#[divan::bench]
fn select_one_metric(bencher: Bencher) {
    let fleet = &*SMALL;
    let memtable = fleet.filled(100);
    let matchers = [Matcher::equal("__name__", "node_some_metric_16_total")];
    bencher.bench_local(|| {
        memtable
            .selection(black_box(&matchers), u64::MAX, 0, 500_000)
            .map(|found| found.len())
    });
}

/// Everything in the order of labels, as a flush reads it.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn flush_iteration(bencher: Bencher) {
    let fleet = &*SMALL;
    let memtable = fleet.filled(240);
    bencher
        .counter(ItemsCount::new(240 * fleet.refs.len()))
        .bench_local(|| {
            let mut count = 0;
            let all = memtable.for_each(u64::MAX, i64::MIN, i64::MAX, &mut |_, samples| {
                count += samples.len();
                Ok(())
            });
            assert!(all.is_ok() && count == 240 * fleet.refs.len());
        });
}
