//! A disk without room: batches are refused, everything else goes on, and all is well again once there is room.

use std::io::ErrorKind;

use durable::FaultyFs;

use super::*;

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
        let (tsdb, opened) = opened.unwrap();
        let recovered = tsdb.recover().unwrap();
        assert_eq!([opened.damage, recovered.damage].concat(), Vec::<String>::new());
        tsdb
    };
    let tsdb = open();
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 1000, 1.0)], &mut data).unwrap();
    faulty.fail(0, ErrorKind::StorageFull, true);
    for ms in 2000..2005 {
        let refused = append(&tsdb, &mut [row(0, ms, 2.0), row(7, ms, 2.0)], &mut data);
        assert!(matches!(refused, Err(StoreError::ReadOnly(_))), "{refused:?}");
        assert!(tsdb.maintain().is_err());
        assert_eq!(within(&everything(&tsdb), 0, 1999), data);
    }
    assert!(tsdb.stats().unwrap().generations <= 2, "nothing piles up");
    assert_eq!(tsdb.poisoned(), None);
    faulty.heal();
    tsdb.maintain().unwrap();
    append(&tsdb, &mut [row(0, 3000, 2.5), row(7, 3000, 2.5)], &mut data).unwrap();
    // What was refused may be there or not: it was applied before the disk said no.
    let acknowledged = |found: Data| [within(&found, 0, 1999), within(&found, 2100, i64::MAX)];
    let expected = acknowledged(data);
    assert_eq!(acknowledged(everything(&tsdb)), expected);
    drop(tsdb);
    assert_eq!(acknowledged(everything(&open())), expected);
}

#[test]
fn a_disk_full_from_the_start_is_read_and_written_once_there_is_room() {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let mut data = Data::new();
    append(&open(&fs), &mut [row(0, 1000, 1.0)], &mut data).unwrap();
    // Folders are there already; the first thing that takes room is the new log.
    faulty.fail(2, ErrorKind::StorageFull, true);
    let tsdb = open(&fs);
    assert_eq!(everything(&tsdb), data);
    assert!(append(&tsdb, &mut [row(0, 2000, 1.0)], &mut data).is_err());
    assert!(tsdb.maintain().is_err());
    faulty.heal();
    tsdb.maintain().unwrap();
    append(&tsdb, &mut [row(0, 2000, 1.0)], &mut data).unwrap();
    assert_eq!(everything(&tsdb), data);
    drop(tsdb);
    assert_eq!(everything(&open(&fs)), data);
}

#[test]
fn the_log_does_not_grow_without_bound_when_nothing_is_flushed() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    let mut refused = 0;
    for i in 0..5000 {
        let mut rows: Vec<MetricRow> = (0..8).map(|s| row(s, i, (i * s as i64) as f64 * 0.37)).collect();
        match append(&tsdb, &mut rows, &mut data) {
            Ok(_) => {}
            Err(StoreError::ReadOnly(why)) => {
                assert!(why.contains("flushed"), "{why}");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    let stats = tsdb.stats().unwrap();
    assert!(refused > 0 && stats.refused_batches == refused, "{stats:?}");
    assert!(stats.wal_bytes < 5 * small().wal_bytes, "{stats:?}");
    tsdb.maintain().unwrap();
    append(&tsdb, &mut [row(0, 6000, 1.0)], &mut data).unwrap();
    assert_eq!(everything(&tsdb), data);
}

#[test]
fn a_log_that_cannot_be_begun_again_and_again_leaves_one_file() {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let tsdb = open(&fs);
    let mut data = Data::new();
    faulty.fail(0, ErrorKind::StorageFull, false);
    assert!(append(&tsdb, &mut [row(0, 1000, 1.0)], &mut data).is_err());
    for _ in 0..20 {
        // The file is created, and its first bytes find no room.
        faulty.fail(1, ErrorKind::StorageFull, false);
        assert!(tsdb.maintain().is_err());
    }
    let wal = fs.list(&Path::new(DIR).join("wal")).unwrap();
    assert!(wal.len() <= 2, "{wal:?}");
    faulty.heal();
    tsdb.maintain().unwrap();
    append(&tsdb, &mut [row(1, 2000, 2.0)], &mut data).unwrap();
    drop(tsdb);
    assert_eq!(everything(&open(&fs)).get(&series(1)), data.get(&series(1)));
}

#[test]
fn a_block_that_cannot_be_deleted_keeps_none_of_the_others() {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let options = Options {
        retention_ms: Some(10_000),
        ..small()
    };
    let (tsdb, _) = open_with(&fs, options).unwrap();
    let mut rows: Vec<MetricRow> = (0..5).map(|s| row(0, s * 1000, 1.0)).collect();
    tsdb.append(&mut rows).unwrap();
    tsdb.flush().unwrap();
    tsdb.append(&mut [row(0, 100_000, 1.0)]).unwrap();
    faulty.fail(0, ErrorKind::Other, false);
    assert!(tsdb.step().is_err());
    let left = fs.list(&Path::new(DIR).join("blocks")).unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_compaction_that_found_no_room_waits_a_minute() {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let clock = Arc::new(ManualClock::at(0));
    let (tsdb, _) = Tsdb::open(fs, Path::new(DIR), small(), Arc::clone(&clock) as _).unwrap();
    let mut data = Data::new();
    for ms in [0, 500, 2000] {
        append(&tsdb, &mut [row(0, ms, 1.0)], &mut data).unwrap();
        tsdb.flush().unwrap();
    }
    clock.advance(1000);
    faulty.fail(0, ErrorKind::StorageFull, true);
    assert!(tsdb.step().is_err());
    let calls = faulty.calls();
    for _ in 0..59 {
        clock.advance(1000);
        assert_eq!(tsdb.step().unwrap(), None);
    }
    assert_eq!(faulty.calls(), calls);
    clock.advance(1000);
    assert!(tsdb.step().is_err());
    faulty.heal();
    clock.advance(60_000);
    assert_eq!(tsdb.maintain().unwrap().compacted, 1);
    assert_eq!(everything(&tsdb), data);
}
