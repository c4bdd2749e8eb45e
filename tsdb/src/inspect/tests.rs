//! Inspections of stores that imports made.

use std::path::Path;
use std::sync::Arc;

use durable::{Fs, MemoryFs};
use model::metrics::Samples;
use model::{Labels, Matcher};

use super::*;
use crate::import::{ImportOptions, Importer};

fn dir() -> &'static Path {
    Path::new("/data/metrics")
}

fn labels(metric: &str, instance: u64) -> Labels {
    Labels::from_pairs([("__name__", metric), ("instance", &format!("host-{instance}"))])
}

/// Two days of two metrics, in blocks of a day; one instance of ten goes after half of the second day.
fn store() -> MemoryFs {
    let fs = MemoryFs::default();
    let options = ImportOptions {
        window_ms: 86_400_000,
        ..ImportOptions::default()
    };
    let mut importer = Importer::new(&fs, dir(), options).expect("memory");
    for instance in 0..10 {
        let mut samples = Samples::default();
        let until = if instance == 9 { 36 } else { 48 };
        for i in 0..until * 60 {
            samples.push(i * 60_000, (i * (instance as i64 + 1)) as f64);
        }
        importer
            .add(&labels("requests", instance), &samples)
            .expect("memory");
        if instance < 3 {
            importer
                .add(&labels("errors", instance), &samples)
                .expect("memory");
        }
    }
    importer.finish().expect("memory");
    fs
}

#[test]
fn an_analysis_counts_series_once_and_entries_by_block() {
    let fs = store();
    let inspection = Inspection::open(&fs, dir()).expect("a store");
    assert_eq!(inspection.blocks.len(), 2);
    let found = inspection.analyze().expect("readable");
    assert_eq!((found.series, found.entries), (13, 26));
    assert_eq!(found.samples, (12 * 48 + 36) * 60);
    assert_eq!(found.metrics["requests"].series, 10);
    assert_eq!(found.metrics["errors"].samples, 3 * 48 * 60);
    assert_eq!(
        (found.labels["instance"].values, found.labels["instance"].series),
        (10, 13)
    );
    assert_eq!(found.labels["__name__"].value_bytes, 14);
    assert_eq!(found.pairs["instance=host-1"], 2);
    assert_eq!(found.churn.get("instance=host-9"), Some(&1));
    assert_eq!(found.churn.get("instance=host-1"), None);
    let parts: u64 = found.metrics.values().map(|m| m.bytes).sum();
    assert!(
        parts <= found.bytes && parts > found.bytes * 9 / 10,
        "{parts} of {}",
        found.bytes
    );
}

#[test]
fn series_come_in_label_order_by_matcher_and_range_whole() {
    let fs = store();
    let inspection = Inspection::open(&fs, dir()).expect("a store");
    let all = |sets: &[Vec<Matcher>], from: i64, to: i64| {
        let mut set = inspection.series(sets, from, to).expect("readable");
        let (mut found, mut samples) = (Vec::new(), Samples::default());
        while let Some(labels) = set.next(&mut samples).expect("readable") {
            assert!(samples.timestamps.iter().all(|t| (from..=to).contains(t)));
            found.push((labels, samples.len()));
        }
        assert!(found.is_sorted_by(|a, b| a.0 < b.0));
        found
    };
    assert_eq!(all(&[], i64::MIN, i64::MAX).len(), 13);
    // Both blocks, one minute on either side.
    let set = vec![Matcher::equal("instance", "host-1")];
    let found = all(std::slice::from_ref(&set), 86_400_000 - 60_000, 86_400_000);
    assert_eq!(found, [(labels("errors", 1), 2), (labels("requests", 1), 2)]);
    assert_eq!(all(&[], 86_400_000 - 60_000, 86_400_000).len(), 13);
    // A series that satisfies both comes once.
    let sets = [set, vec![Matcher::equal("__name__", "errors")]];
    assert_eq!(all(&sets, 0, 0).len(), 4);
    assert_eq!(all(&[], -10, -1).len(), 0);
}

#[test]
fn a_damaged_block_is_told_of_and_the_others_are_there() {
    let fs = store();
    let path = Inspection::open(&fs, dir()).expect("a store").blocks[0]
        .dir()
        .join("meta");
    fs.flip_bit(&path, 100).expect("memory");
    let inspection = Inspection::open(&fs, dir()).expect("a store");
    assert_eq!(inspection.blocks.len(), 1);
    assert_eq!(inspection.damage.len(), 1, "{:?}", inspection.damage);
}

#[test]
fn an_inspection_writes_nothing() {
    let fs = store();
    let faulty = durable::FaultyFs::new(Arc::new(fs.clone()));
    let list = |fs: &dyn Fs| fs.list(&dir().join("blocks")).expect("memory");
    fs.create_dir_all(&dir().join("blocks/0000000009.tmp"))
        .expect("memory");
    let before = list(&fs);
    Inspection::open(&faulty, dir())
        .expect("a store")
        .analyze()
        .expect("readable");
    verify_log(&faulty, dir()).expect("no log");
    assert_eq!(list(&fs), before);
}

#[test]
fn a_folder_without_a_store_is_refused() {
    assert!(Inspection::open(&MemoryFs::default(), dir()).is_err());
}
