//! Backups of small stores, taken again and again, and brought back.

use std::io::ErrorKind;
use std::sync::Arc;

use durable::{FaultyFs, MemoryFs};
use model::metrics::{MetricRow, MetricSink, MetricStore, Sample, Samples, SelectHints, SeriesRef, Walk};
use model::{Labels, ManualClock, Matcher};

use super::*;
use crate::{Options, Tsdb};

fn dir() -> &'static Path {
    Path::new("/data/metrics")
}

fn to() -> &'static Path {
    Path::new("/backup")
}

fn open(fs: &Arc<dyn Fs>, dir: &Path) -> Tsdb {
    let options = Options {
        block_duration_ms: 1000,
        retention_ms: None,
        max_future_ms: i64::MAX / 2,
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::at(0));
    let (tsdb, report) = Tsdb::open(Arc::clone(fs), dir, options, clock).expect("opens");
    assert_eq!(report.damage, Vec::<String>::new());
    tsdb.recover().expect("replays");
    tsdb
}

fn append(tsdb: &Tsdb, from_ms: i64, to_ms: i64) {
    for timestamp_ms in (from_ms..to_ms).step_by(100) {
        let row = |job: &str| MetricRow {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", "up"), ("job", job)]),
            sample: Sample {
                timestamp_ms,
                value: timestamp_ms as f64,
            },
        };
        tsdb.append(&mut [row("a"), row("b")]).expect("taken");
    }
}

fn all(tsdb: &Tsdb) -> Vec<(Labels, Samples)> {
    let hints = SelectHints {
        start_ms: i64::MIN,
        end_ms: i64::MAX,
        step_ms: 0,
        max_series: 0,
        ..SelectHints::default()
    };
    let snapshot = tsdb.snapshot(i64::MIN, i64::MAX).expect("a snapshot");
    let set = snapshot.select(&[], &hints).expect("selects");
    let mut walk = Walk::new(&*set);
    let (mut found, mut samples) = (Vec::new(), Samples::default());
    while let Some(labels) = walk.next(&mut samples).expect("reads") {
        found.push((labels, samples.clone()));
    }
    found
}

fn memory() -> (MemoryFs, Arc<dyn Fs>) {
    let fs = MemoryFs::new();
    (fs.clone(), Arc::new(fs))
}

#[test]
fn a_backup_of_a_stopped_store_takes_only_what_is_new() {
    let (_, fs) = memory();
    let tsdb = open(&fs, dir());
    append(&tsdb, 0, 3000);
    tsdb.flush().expect("flushed");
    tsdb.close().expect("closed");
    drop(tsdb);
    let first = backup(&*fs, dir(), to()).expect("backed up");
    assert_eq!((first.blocks, first.kept), (3, 0));
    let again = backup(&*fs, dir(), to()).expect("backed up");
    assert_eq!((again.blocks, again.kept, again.removed), (0, 3, 0));

    let tsdb = open(&fs, dir());
    append(&tsdb, 3000, 5000);
    tsdb.flush().expect("flushed");
    tsdb.delete_series(&[vec![Matcher::equal("job", "b")]], 0, 1500)
        .expect("deleted");
    // Only in the log.
    append(&tsdb, 5000, 5500);
    tsdb.close().expect("closed");
    let expected = all(&tsdb);
    drop(tsdb);
    let more = backup(&*fs, dir(), to()).expect("backed up");
    assert_eq!((more.blocks, more.kept), (2, 3));
    assert_eq!(
        restore(&*fs, to(), Path::new("/new/metrics"))
            .expect("restored")
            .blocks,
        5
    );
    assert_eq!(all(&open(&fs, Path::new("/new/metrics"))), expected);

    let tsdb = open(&fs, dir());
    assert_eq!(tsdb.clean_tombstones().expect("cleaned"), 2);
    tsdb.close().expect("closed");
    drop(tsdb);
    let cleaned = backup(&*fs, dir(), to()).expect("backed up");
    assert!(cleaned.removed >= 2, "{cleaned:?}");
    assert_eq!(all(&open(&fs, to())), expected);
}

#[test]
fn a_snapshot_is_backed_up_while_the_store_goes_on() {
    let (_, fs) = memory();
    let tsdb = open(&fs, dir());
    append(&tsdb, 0, 2500);
    let snapshot = tsdb.snapshot_to("first", false).expect("taken");
    let expected = all(&tsdb);
    append(&tsdb, 2500, 4000);
    tsdb.maintain().expect("maintained");
    backup(&*fs, &snapshot, to()).expect("backed up");
    assert_eq!(all(&open(&fs, to())), expected);
}

#[test]
fn what_is_not_empty_or_not_whole_is_refused() {
    let (memory_fs, fs) = memory();
    assert!(backup(&*fs, dir(), to()).is_err(), "no store");
    let tsdb = open(&fs, dir());
    append(&tsdb, 0, 2500);
    tsdb.flush().expect("flushed");
    drop(tsdb);
    assert!(backup(&*fs, dir(), Path::new("/data")).is_err(), "no backup");
    backup(&*fs, dir(), to()).expect("backed up");
    assert!(restore(&*fs, to(), dir()).is_err(), "not empty");
    let mark = to().join(INCOMPLETE);
    fs.create(&mark).expect("a file");
    assert!(restore(&*fs, to(), Path::new("/new")).is_err(), "incomplete");
    fs.remove_file(&mark).expect("removed");
    let blocks = fs.list(&to().join(BLOCKS)).expect("listed");
    let meta = to().join(BLOCKS).join(&blocks[0].name).join("meta");
    memory_fs.flip_bit(&meta, 200).expect("flipped");
    assert!(restore(&*fs, to(), Path::new("/new")).is_err(), "damaged");
    assert!(!fs.exists(Path::new("/new")));
}

#[test]
fn a_backup_or_restoration_that_fails_is_begun_again() {
    for nth in 0.. {
        let (memory_fs, fs) = memory();
        let tsdb = open(&fs, dir());
        append(&tsdb, 0, 1500);
        tsdb.flush().expect("flushed");
        backup(&*fs, dir(), to()).expect("backed up");
        append(&tsdb, 1500, 3500);
        tsdb.delete_series(&[vec![Matcher::equal("job", "b")]], 0, 500)
            .expect("deleted");
        let expected = all(&tsdb);
        drop(tsdb);
        let faulty = FaultyFs::new(Arc::clone(&fs));
        faulty.fail(nth, ErrorKind::Other, true);
        let new = Path::new("/new");
        let failed = backup(&faulty, dir(), to()).and_then(|_| restore(&faulty, to(), new));
        let reached = faulty.calls() > nth;
        assert_eq!(failed.is_err(), reached, "call {nth}");
        faulty.heal();
        memory_fs.power_cut();
        if !fs.exists(new) {
            backup(&*fs, dir(), to()).expect("backed up");
            restore(&*fs, to(), new).expect("restored");
        }
        assert_eq!(all(&open(&fs, new)), expected, "call {nth}");
        if !reached {
            assert!(nth > 30, "only {nth} calls");
            return;
        }
    }
}
