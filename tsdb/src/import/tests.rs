//! Imports of any shape against a plain map.

use std::collections::BTreeMap;
use std::sync::Arc;

use durable::{FaultyFs, MemoryFs};
use model::Histogram;
use model::metrics::Samples;

use super::*;
use crate::inspect::Inspection;
use crate::random::Random;

type Floats = BTreeMap<Labels, BTreeMap<i64, u64>>;

fn labels(i: u64) -> Labels {
    Labels::from_pairs([
        ("__name__".to_owned(), format!("metric_{}", i % 5)),
        ("instance".to_owned(), format!("host-{i}:9100")),
    ])
}

/// Everything the store in `dir` has.
fn stored(fs: &dyn Fs, dir: &Path) -> (Floats, usize) {
    let inspection = Inspection::open(fs, dir).expect("a store");
    assert_eq!(inspection.damage, Vec::<String>::new());
    for block in &inspection.blocks {
        block.verify().expect("whole");
    }
    let mut set = inspection.series(&[], i64::MIN, i64::MAX).expect("readable");
    let (mut floats, mut histograms) = (Floats::new(), 0);
    let mut samples = Samples::default();
    while let Some(labels) = set.next(&mut samples).expect("readable") {
        histograms += samples.histograms.len();
        for s in samples.iter() {
            let new = floats
                .entry(labels.clone())
                .or_default()
                .insert(s.timestamp_ms, s.value.to_bits());
            assert_eq!(new, None);
        }
    }
    (floats, histograms)
}

fn dir() -> &'static Path {
    Path::new("/data/metrics")
}

fn random_batch(random: &mut Random) -> (Labels, Samples) {
    let mut samples = Samples::default();
    let start = random.below(40) as i64 * 3_600_000 - 20 * 3_600_000;
    for i in 0..random.below(60) {
        // Not always in order, and sometimes the same time again.
        let t = start + (i as i64 - random.below(5) as i64) * 600_000;
        samples.push(t, random.below(1000) as f64 / 8.0);
    }
    if random.below(4) == 0 {
        samples.histograms.push((start, Arc::new(Histogram::stale())));
    }
    (labels(random.below(30)), samples)
}

#[test]
fn what_is_taken_in_any_order_is_found_and_the_first_of_equal_times_counts() {
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let fs = MemoryFs::default();
        let options = ImportOptions {
            window_ms: [7_200_000, 64_800_000][seed as usize % 2],
            // From one run at the end to runs by the dozen.
            memory_bytes: 1 << (16 + seed),
        };
        let mut importer = Importer::new(&fs, dir(), options.clone()).expect("memory");
        let mut expected = Floats::new();
        let mut histograms = std::collections::BTreeSet::new();
        for _ in 0..400 {
            let (labels, samples) = random_batch(&mut random);
            for s in samples.iter() {
                let series = expected.entry(labels.clone()).or_default();
                series.entry(s.timestamp_ms).or_insert(s.value.to_bits());
            }
            histograms.extend(samples.histograms.iter().map(|(t, _)| (labels.clone(), *t)));
            importer.add(&labels, &samples).expect("memory");
        }
        let report = importer.finish().expect("memory");
        let (found, found_histograms) = stored(&fs, dir());
        assert!(found == expected, "seed {seed}");
        assert_eq!(found_histograms, histograms.len(), "seed {seed}");
        for meta in &report.blocks {
            assert_eq!(
                align(meta.min_ms, options.window_ms),
                align(meta.max_ms - 1, options.window_ms)
            );
        }
        let samples: u64 = report.blocks.iter().map(|m| m.samples).sum();
        let expected: usize = expected.values().map(BTreeMap::len).sum();
        assert_eq!(samples, (expected + histograms.len()) as u64);
        assert!(!fs.exists(&dir().join(STAGING)));
    }
}

fn align(t: i64, width: i64) -> i64 {
    t - t.rem_euclid(width)
}

#[test]
fn what_was_there_before_an_import_stays_and_counts() {
    let fs = MemoryFs::default();
    for value in [1.0, 2.0] {
        let mut importer = Importer::new(&fs, dir(), ImportOptions::default()).expect("memory");
        let mut samples = Samples::default();
        samples.push(1000, value);
        samples.push(2000 + value as i64, value);
        importer.add(&labels(0), &samples).expect("memory");
        importer.finish().expect("memory");
    }
    let (found, _) = stored(&fs, dir());
    let rows: Vec<(i64, f64)> = found[&labels(0)]
        .iter()
        .map(|(t, v)| (*t, f64::from_bits(*v)))
        .collect();
    assert_eq!(rows, [(1000, 1.0), (2001, 1.0), (2002, 2.0)]);
}

#[test]
fn an_import_that_is_dropped_or_fails_leaves_the_store_as_it_was() {
    let inner: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    let mut importer = Importer::new(&*inner, dir(), ImportOptions::default()).expect("memory");
    importer
        .add(&labels(1), &random_batch(&mut Random::new(1)).1)
        .expect("memory");
    importer.finish().expect("memory");
    let before = stored(&*inner, dir()).0;
    let small = ImportOptions {
        memory_bytes: 1,
        ..ImportOptions::default()
    };
    for nth in (0..400).step_by(13) {
        let fs = FaultyFs::new(Arc::clone(&inner));
        fs.fail(nth, std::io::ErrorKind::StorageFull, true);
        let attempt = || -> Result<(), StoreError> {
            let mut importer = Importer::new(&fs, dir(), small.clone())?;
            let mut random = Random::new(nth);
            for _ in 0..200 {
                let (_, samples) = random_batch(&mut random);
                importer.add(&labels(2), &samples)?;
            }
            Err(StoreError::Invalid("dropped".into()))
        };
        attempt().expect_err("fails or is dropped");
        assert!(stored(&*inner, dir()).0 == before, "call {nth}");
    }
    let mut importer = Importer::new(&*inner, dir(), small).expect("what was left is removed");
    importer
        .add(&labels(3), &random_batch(&mut Random::new(2)).1)
        .expect("memory");
    importer.finish().expect("memory");
}

#[test]
fn timestamps_at_the_ends_of_time_are_windows_like_others() {
    let fs = MemoryFs::default();
    let mut importer = Importer::new(&fs, dir(), ImportOptions::default()).expect("memory");
    let mut samples = Samples::default();
    for t in [i64::MIN + 1, -1, 0, 1, i64::MAX - 1] {
        samples.push(t, 1.0);
    }
    importer.add(&labels(0), &samples).expect("memory");
    importer.finish().expect("memory");
    assert_eq!(stored(&fs, dir()).0[&labels(0)].len(), 5);
}

#[test]
fn data_of_no_sensible_time_is_refused_before_it_fills_the_disk() {
    let fs = MemoryFs::default();
    let mut importer = Importer::new(&fs, dir(), ImportOptions::default()).expect("memory");
    let mut samples = Samples::default();
    for i in 0..=MAX_WINDOWS as i64 {
        samples.push(i * 18 * 3_600_000, 1.0);
    }
    let error = importer.add(&labels(0), &samples).unwrap_err();
    assert!(matches!(error, StoreError::Limit { .. }), "{error}");
}

#[test]
fn a_prometheus_moves_in() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/prometheus/data");
    let source = prometheus::Prometheus::open(&durable::RealFs, &data).expect("readable");
    let fs = MemoryFs::default();
    let mut importer = Importer::new(&fs, dir(), ImportOptions::default()).expect("memory");
    let mut taken = 0;
    let mut sink = |labels: &Labels, samples: &Samples| {
        taken += samples.len();
        importer.add(labels, samples)
    };
    for block in &source.blocks {
        block.walk(&durable::RealFs, &mut sink).expect("whole");
    }
    source
        .head
        .expect("a log")
        .walk(&durable::RealFs, &mut sink)
        .expect("whole");
    importer.finish().expect("memory");
    let (floats, histograms) = stored(&fs, dir());
    let floats: usize = floats.values().map(BTreeMap::len).sum();
    assert_eq!(floats + histograms, taken);
    assert_eq!(histograms, 450 + 450 + 438);
}

#[test]
fn a_store_opened_after_an_import_answers_with_it() {
    use model::metrics::{MetricStore, SelectHints, Walk};
    let fs = MemoryFs::default();
    let mut importer = Importer::new(&fs, dir(), ImportOptions::default()).expect("memory");
    let mut samples = Samples::default();
    (0..1000).for_each(|i| samples.push(i * 3_600_000, i as f64));
    importer.add(&labels(7), &samples).expect("memory");
    importer.finish().expect("memory");
    let options = crate::Options {
        retention_ms: None,
        ..crate::Options::default()
    };
    let clock = Arc::new(model::ManualClock::at(2_000 * 3_600_000));
    let (store, report) = crate::Tsdb::open(Arc::new(fs), dir(), options, clock).expect("memory");
    assert_eq!(report.damage, Vec::<String>::new());
    store.recover().expect("memory");
    let hints = SelectHints {
        start_ms: i64::MIN,
        end_ms: i64::MAX,
        step_ms: 0,
        max_series: 0,
        ..SelectHints::default()
    };
    let snapshot = store.snapshot(i64::MIN, i64::MAX).expect("memory");
    let set = snapshot.select(&[], &hints).expect("memory");
    let mut found = Samples::default();
    assert_eq!(
        Walk::new(&*set).next(&mut found).expect("memory"),
        Some(labels(7))
    );
    assert_eq!(
        (found.timestamps, found.values),
        (samples.timestamps, samples.values)
    );
}
