//! Snapshots on disk: what was there, and nothing of what came later.

use super::*;

fn open_at(fs: &Arc<dyn Fs>, path: &Path) -> Tsdb {
    let clock = Arc::new(ManualClock::at(0));
    let (tsdb, report) = Tsdb::open(Arc::clone(fs), path, small(), clock).unwrap();
    assert_eq!(report.damage, Vec::<String>::new());
    tsdb.recover().unwrap();
    tsdb
}

fn fill(tsdb: &Tsdb, data: &mut Data, steps: std::ops::Range<i64>) {
    for step in steps {
        let mut rows: Vec<MetricRow> = (0..5).map(|i| row(i, step * 100, step as f64)).collect();
        append(tsdb, &mut rows, data).unwrap();
    }
}

#[test]
fn a_snapshot_opens_as_a_database_and_does_not_follow_the_other() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    fill(&tsdb, &mut data, 0..30);
    tsdb.delete_series(&[vec![Matcher::equal("i", "1")]], 0, 1000)
        .unwrap();
    data.get_mut(&series(1)).unwrap().retain(|ms, _| *ms > 1000);
    fill(&tsdb, &mut data, 30..40);
    tsdb.set_metadata("m0", &Default::default());
    let path = tsdb.snapshot_to("20261121T120000Z-00ff", false).unwrap();
    let then = data.clone();
    fill(&tsdb, &mut data, 40..80);
    tsdb.flush().unwrap();
    tsdb.clean_tombstones().unwrap();
    tsdb.maintain().unwrap();
    let copy = open_at(&fs, &path);
    assert_eq!(everything(&copy), then);
    assert_eq!(copy.metadata().len(), 1);
    // Nor does the database follow the snapshot.
    copy.delete_series(&[vec![Matcher::equal("job", "j")]], i64::MIN, i64::MAX)
        .unwrap();
    copy.clean_tombstones().unwrap();
    drop(copy);
    assert_eq!(everything(&tsdb), data);
    drop(tsdb);
    assert_eq!(everything(&open(&fs)), data);
}

#[test]
fn without_the_head_only_blocks_are_in_it() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    fill(&tsdb, &mut data, 0..10);
    tsdb.flush().unwrap();
    let flushed = data.clone();
    fill(&tsdb, &mut data, 10..20);
    let path = tsdb.snapshot_to("blocks", true).unwrap();
    assert_eq!(everything(&open_at(&fs, &path)), flushed);
    assert!(tsdb.stats().unwrap().head_samples > 0);
}

#[test]
fn names_are_names_and_used_once() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    for name in ["", ".", "..", "a/b", "../x", "x.tmp", "/x"] {
        let refused = tsdb.snapshot_to(name, true);
        assert!(
            matches!(refused, Err(StoreError::Invalid(_))),
            "{name}: {refused:?}"
        );
    }
    tsdb.snapshot_to("a", true).unwrap();
    assert!(tsdb.snapshot_to("a", true).is_err());
}

#[test]
fn on_a_real_disk_it_is_consistent_while_writing_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let fs: Arc<dyn Fs> = Arc::new(durable::RealFs);
    let tsdb = open_at(&fs, dir.path());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let copies = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for step in 0.. {
                // One value for all series of a batch: a batch is in a snapshot whole or not at all.
                let mut rows: Vec<MetricRow> = (0..5).map(|i| row(i, step * 10, step as f64)).collect();
                match tsdb.append(&mut rows) {
                    Ok(_) => {}
                    // Flushing does not keep up with a loop that does nothing but append.
                    Err(StoreError::ReadOnly(_)) => drop(tsdb.maintain()),
                    Err(other) => panic!("{other}"),
                }
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
            }
        });
        let mut copies = Vec::new();
        for n in 0..5 {
            let before = everything(&tsdb);
            copies.push((tsdb.snapshot_to(&format!("s{n}"), false).unwrap(), before));
            tsdb.maintain().unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        writer.join().unwrap();
        copies
    });
    drop(tsdb);
    for (path, before) in copies {
        let found = everything(&open_at(&fs, &path));
        for (labels, times) in &before {
            let there = &found[labels];
            assert!(
                times.iter().all(|(ms, bits)| there.get(ms) == Some(bits)),
                "{labels}"
            );
        }
        let mut lengths = found.values().map(BTreeMap::len);
        let first = lengths.next();
        assert!(lengths.all(|len| Some(len) == first), "a batch is whole");
    }
}
