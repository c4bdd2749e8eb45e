//! A failure at every changing call: what was acknowledged is there, and shows once.

use std::io::ErrorKind;

use durable::FaultyFs;

use super::*;
use crate::Fsync;

/// A life with batches, late samples, new series, flushes, compactions and syncs. Errors are ignored but noted:
/// `data` is what was acknowledged, `synced` what was when a sync last succeeded.
fn live(tsdb: &Tsdb, data: &mut Data, synced: &mut Data) {
    for step in 0..20i64 {
        let now_ms = 10_000 + step * 230;
        let mut rows: Vec<MetricRow> = (0..4)
            .map(|i| row(i + step as u64 / 5, now_ms, step as f64))
            .collect();
        rows.push(row(1, now_ms - 1300, -1.0));
        let _ = append(tsdb, &mut rows, data);
        if step % 4 == 3 && tsdb.sync().is_ok() {
            *synced = data.clone();
        }
        if step % 7 == 6 {
            let _ = tsdb.flush();
        }
        if step % 3 == 2 {
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

/// How a life goes wrong.
#[derive(Debug, Clone, Copy)]
struct Fault {
    kind: ErrorKind,
    /// Whether all calls after it fail as well.
    forever: bool,
    power_cut: bool,
    fsync: Fsync,
}

/// Lives with the `nth` call failing. Gives whether the life came that far.
fn crash_at(nth: u64, fault: Fault) -> bool {
    let Fault {
        kind,
        forever,
        power_cut,
        fsync,
    } = fault;
    let context = format!("call {nth}, {fault:?}");
    let small = || Options { fsync, ..small() };
    let (memory_fs, _) = memory();
    let faulty = FaultyFs::new(Arc::new(memory_fs.clone()));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    faulty.fail(nth, kind, forever);
    let (mut data, mut synced) = (Data::new(), Data::new());
    if let Ok((tsdb, _)) = open_with(&fs, small()) {
        live(&tsdb, &mut data, &mut synced);
        // Where the disk is well again, the engine is as well, unless it no longer knows what the disk holds.
        if !forever && faulty.calls() > nth && tsdb.poisoned().is_none() {
            let _ = tsdb.maintain();
            let mut rows = [row(3, 20_000, 7.0)];
            let goes_on = append(&tsdb, &mut rows, &mut data);
            assert_eq!(goes_on.unwrap().stored, 1, "{context}: it goes on by itself");
        }
        let readable = everything(&tsdb);
        assert_holds(&readable, &data, &format!("{context}: while running"));
    }
    let reached = faulty.calls() > nth;
    faulty.heal();
    if power_cut {
        memory_fs.power_cut();
        if fsync != Fsync::Always {
            data = synced;
        }
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
    tsdb.flush().unwrap();
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

fn crash_everywhere(fault: Fault) {
    let mut nth = 0;
    while crash_at(nth, fault) {
        nth += 1;
    }
    assert!(nth > 100, "only {nth} changing calls");
}

const FAULT: Fault = Fault {
    kind: ErrorKind::Other,
    forever: true,
    power_cut: false,
    fsync: Fsync::Every(1000),
};

#[test]
fn the_disk_dies_at_every_call() {
    crash_everywhere(FAULT);
}

#[test]
fn the_disk_dies_at_every_call_and_the_power_goes() {
    crash_everywhere(Fault {
        power_cut: true,
        ..FAULT
    });
}

#[test]
fn the_disk_dies_at_every_call_and_the_power_goes_and_every_batch_was_synced() {
    crash_everywhere(Fault {
        power_cut: true,
        fsync: Fsync::Always,
        ..FAULT
    });
}

#[test]
fn one_call_fails_and_the_engine_goes_on() {
    crash_everywhere(Fault {
        forever: false,
        ..FAULT
    });
}

#[test]
fn the_disk_is_full_for_one_call() {
    crash_everywhere(Fault {
        kind: ErrorKind::StorageFull,
        forever: false,
        power_cut: true,
        ..FAULT
    });
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
        if i % 30 == 0 {
            tsdb.flush().unwrap();
        }
    }
    tsdb.flush().unwrap();
    append(&tsdb, &mut [row(0, 9000, 1.0)], &mut data).unwrap();
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
