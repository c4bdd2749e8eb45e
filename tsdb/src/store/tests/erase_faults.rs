//! A failure at every changing call of a life with deletions, purges and snapshots: what was deleted stays gone, what was
//! not stays there, and a snapshot is what the database was.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use durable::FaultyFs;

use super::*;
use crate::Fsync;

type Gone = BTreeSet<(Labels, i64)>;

/// What is known of a life whose calls may have failed.
#[derive(Default)]
struct Known {
    /// Appended with success, and not deleted.
    there: Data,
    /// Deleted with success.
    gone: Gone,
    snapshots: Vec<(PathBuf, Data, Gone)>,
}

impl Known {
    fn delete(&mut self, tsdb: &Tsdb, i: u64, from: i64, to: i64) {
        let matchers = vec![Matcher::equal("i", i.to_string())];
        let done = tsdb.delete_series(&[matchers], from, to).is_ok();
        let times = self.there.entry(series(i)).or_default();
        let concerned: Vec<i64> = times.range(from..=to).map(|(ms, _)| *ms).collect();
        for ms in concerned {
            // Where it failed they may be there or not.
            times.remove(&ms);
            if done {
                self.gone.insert((series(i), ms));
            }
        }
    }

    fn snapshot(&mut self, tsdb: &Tsdb, name: &str) {
        if let Ok(path) = tsdb.snapshot_to(name, false) {
            self.snapshots.push((path, self.there.clone(), self.gone.clone()));
        }
    }
}

fn live(tsdb: &Tsdb, known: &mut Known) {
    for step in 0..24i64 {
        let mut rows: Vec<MetricRow> = (0..3).map(|i| row(i, step * 170, step as f64)).collect();
        let _ = append(tsdb, &mut rows, &mut known.there);
        match step {
            3 | 13 => drop(tsdb.flush()),
            5 => known.delete(tsdb, 1, 200, 600),
            8 => drop(tsdb.maintain()),
            9 => known.snapshot(tsdb, "first"),
            11 => known.delete(tsdb, 0, 0, 1500),
            15 => drop(tsdb.clean_tombstones()),
            17 => drop(tsdb.maintain()),
            19 => known.delete(tsdb, 2, 0, i64::MAX),
            21 => drop(tsdb.clean_tombstones()),
            22 => known.snapshot(tsdb, "second"),
            _ => {}
        }
    }
}

fn check(found: &Data, there: &Data, gone: &Gone, context: &str) {
    for (labels, times) in there {
        let known = found.get(labels);
        for (ms, bits) in times {
            let value = known.and_then(|times| times.get(ms));
            assert_eq!(value, Some(bits), "{context}: {labels} at {ms}");
        }
    }
    for (labels, ms) in gone {
        let shown = found.get(labels).is_some_and(|times| times.contains_key(ms));
        assert!(!shown, "{context}: {labels} at {ms} was deleted");
    }
}

fn fail_at(nth: u64, kind: ErrorKind, forever: bool) -> bool {
    let context = format!("call {nth}, {kind:?}, forever: {forever}");
    let options = || Options {
        fsync: Fsync::Always,
        ..small()
    };
    let (memory_fs, _) = memory();
    let faulty = FaultyFs::new(Arc::new(memory_fs.clone()));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    faulty.fail(nth, kind, forever);
    let mut known = Known::default();
    if let Ok((tsdb, _)) = open_with(&fs, options()) {
        live(&tsdb, &mut known);
        check(&everything(&tsdb), &known.there, &known.gone, &context);
    }
    let reached = faulty.calls() > nth;
    faulty.heal();
    memory_fs.power_cut();
    for round in 0..3 {
        let (tsdb, _) = open_with(&fs, options()).unwrap();
        let context = format!("{context}, start {round}");
        check(&everything(&tsdb), &known.there, &known.gone, &context);
        tsdb.maintain().unwrap();
        if round == 1 {
            tsdb.clean_tombstones().unwrap();
            assert_eq!(tsdb.tombstones(), [], "{context}");
        }
        check(&everything(&tsdb), &known.there, &known.gone, &context);
    }
    for (path, there, gone) in &known.snapshots {
        let clock = Arc::new(ManualClock::at(0));
        let (copy, report) = Tsdb::open(Arc::clone(&fs), path, options(), clock).unwrap();
        assert_eq!(report.damage, Vec::<String>::new(), "{context}");
        copy.recover().unwrap();
        check(
            &everything(&copy),
            there,
            gone,
            &format!("{context}, {}", path.display()),
        );
    }
    let snapshots = Path::new(DIR).join("snapshots");
    if fs.exists(&snapshots) {
        let left = fs.list(&snapshots).unwrap();
        assert!(
            left.iter().all(|e| !e.name.ends_with(".tmp")),
            "{context}: {left:?}"
        );
    }
    reached
}

fn fail_everywhere(kind: ErrorKind, forever: bool) {
    let mut nth = 0;
    while fail_at(nth, kind, forever) {
        nth += 1;
    }
    assert!(nth > 100, "only {nth} changing calls");
}

#[test]
fn the_disk_dies_at_every_call() {
    fail_everywhere(ErrorKind::Other, true);
}

#[test]
fn one_call_fails() {
    fail_everywhere(ErrorKind::Other, false);
}

#[test]
fn the_disk_is_full_for_one_call() {
    fail_everywhere(ErrorKind::StorageFull, false);
}
