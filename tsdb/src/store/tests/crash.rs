//! A failure at every changing call: what was acknowledged is there, and shows once.

use std::io::ErrorKind;

use durable::FaultyFs;

use super::*;

/// A life with batches, late samples, new series, cuts, compactions and syncs. Errors are ignored but noted:
/// `data` is what was acknowledged, `synced` what was when a sync last succeeded.
fn live(tsdb: &Tsdb, data: &mut Data, synced: &mut Data) {
    for step in 0..40i64 {
        let now_ms = 10_000 + step * 230;
        let mut rows: Vec<MetricRow> = (0..4)
            .map(|i| row(i + step as u64 / 8, now_ms, step as f64))
            .collect();
        rows.push(row(1, now_ms - 1300, -1.0));
        let _ = append(tsdb, &mut rows, data);
        if step % 5 == 4 && tsdb.sync().is_ok() {
            *synced = data.clone();
        }
        if step % 9 == 8 {
            let _ = tsdb.maintain();
        }
    }
}

/// Everything of `expected` is in `found`.
fn assert_holds(found: &Data, expected: &Data, context: &str) {
    for (labels, times) in expected {
        let there = found.get(labels);
        for (ts, bits) in times {
            let value = there.and_then(|times| times.get(ts));
            assert_eq!(value, Some(bits), "{context}: {labels} at {ts}");
        }
    }
}

/// Lives with the `nth` call failing. Gives whether the life came that far.
fn crash_at(nth: u64, kind: ErrorKind, forever: bool, power_cut: bool) -> bool {
    let context = format!("call {nth} fails with {kind:?}, forever {forever}, power cut {power_cut}");
    let (memory_fs, _) = memory();
    let faulty = FaultyFs::new(Arc::new(memory_fs.clone()));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    faulty.fail(nth, kind, forever);
    let (mut data, mut synced) = (Data::new(), Data::new());
    if let Ok((tsdb, _)) = open_with(&fs, small()) {
        live(&tsdb, &mut data, &mut synced);
        let readable = everything(&tsdb);
        assert_holds(&readable, &data, &format!("{context}: while running"));
    }
    let reached = faulty.calls() > nth;
    faulty.heal();
    if power_cut {
        memory_fs.power_cut();
        data = synced;
    }
    let (tsdb, _) = open_with(&fs, small()).unwrap();
    let found = everything(&tsdb);
    assert_holds(&found, &data, &context);
    let mut rows = [row(0, 30_000, 1.0)];
    assert_eq!(
        append(&tsdb, &mut rows, &mut data).unwrap().stored,
        1,
        "{context}: it goes on"
    );
    tsdb.maintain().unwrap();
    assert_holds(&everything(&tsdb), &data, &format!("{context}: after upkeep"));
    drop(tsdb);
    let (tsdb, report) = open_with(&fs, small()).unwrap();
    assert_eq!(report.damage, Vec::<String>::new(), "{context}");
    assert_holds(
        &everything(&tsdb),
        &data,
        &format!("{context}: after another start"),
    );
    reached
}

fn crash_everywhere(kind: ErrorKind, forever: bool, power_cut: bool) {
    let mut nth = 0;
    while crash_at(nth, kind, forever, power_cut) {
        nth += 1;
    }
    assert!(nth > 100, "only {nth} changing calls");
}

#[test]
fn the_disk_dies_at_every_call() {
    crash_everywhere(ErrorKind::Other, true, false);
}

#[test]
fn the_disk_dies_at_every_call_and_the_power_goes() {
    crash_everywhere(ErrorKind::Other, true, true);
}

#[test]
fn one_call_fails_and_the_engine_goes_on() {
    crash_everywhere(ErrorKind::Other, false, false);
}

#[test]
fn the_disk_is_full_for_one_call() {
    crash_everywhere(ErrorKind::StorageFull, false, true);
}

#[test]
fn a_full_disk_refuses_batches_until_there_is_room() {
    full_disk(Arc::new(MemoryFs::new()), Path::new(DIR));
}

#[test]
fn a_real_full_disk_refuses_batches_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    full_disk(Arc::new(durable::RealFs), dir.path());
}

fn full_disk(inner: Arc<dyn Fs>, dir: &Path) {
    let faulty = FaultyFs::new(inner);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let open = || {
        let opened = Tsdb::open(Arc::clone(&fs), dir, small(), Arc::new(ManualClock::at(0)));
        let (tsdb, report) = opened.unwrap();
        assert_eq!(report.damage, Vec::<String>::new());
        tsdb
    };
    let tsdb = open();
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 1000, 1.0)], &mut data).unwrap();
    // The write fails, taking its half back succeeds.
    faulty.fail(0, ErrorKind::StorageFull, false);
    let refused = append(&tsdb, &mut [row(0, 2000, 2.0), row(7, 2000, 2.0)], &mut data);
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
    assert_eq!(everything(&tsdb), data, "nothing of the batch shows");
    assert_eq!(tsdb.poisoned(), None);
    append(&tsdb, &mut [row(0, 2000, 2.5), row(7, 2000, 2.5)], &mut data).unwrap();
    assert_eq!(everything(&tsdb), data);
    drop(tsdb);
    assert_eq!(everything(&open()), data);
}

#[test]
fn a_failed_sync_poisons_writing_but_not_reading() {
    let (memory_fs, _) = memory();
    let faulty = FaultyFs::new(Arc::new(memory_fs));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let tsdb = open(&fs);
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 1000, 1.0)], &mut data).unwrap();
    faulty.fail(0, ErrorKind::Other, false);
    assert!(matches!(tsdb.sync(), Err(StoreError::ReadOnly(_))));
    assert!(tsdb.poisoned().unwrap().contains("sync"));
    let refused = tsdb.append(&mut [row(0, 2000, 2.0)]);
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
    assert_eq!(everything(&tsdb), data);
    drop(tsdb);
    assert_eq!(open(&fs).poisoned(), None);
}

#[test]
fn leftovers_of_a_crash_are_cleaned_up_on_open() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    for i in 0..80 {
        append(&tsdb, &mut [row(0, i * 100, i as f64)], &mut data).unwrap();
    }
    tsdb.maintain().unwrap();
    let compacted = tsdb.blocks().iter().filter(|b| b.level > 1).count();
    assert!(compacted > 0);
    let blocks = Path::new(DIR).join("blocks");
    for name in ["0000000099.tmp", "0000000098_0_1000.gone"] {
        fs.create_dir_all(&blocks.join(name)).unwrap();
        fs.create(&blocks.join(name).join("index")).unwrap();
    }
    drop(tsdb);
    let tsdb = open(&fs);
    assert_eq!(everything(&tsdb), data);
    let names: Vec<String> = fs.list(&blocks).unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names.len(), tsdb.blocks().len(), "{names:?}");
}
