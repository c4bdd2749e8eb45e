//! After a kill: batches are taken at once, and nothing is asked of half a replay.

use super::*;

/// A database whose log holds `data`, as after a kill.
fn killed() -> (Arc<dyn Fs>, Data) {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    for i in 0..40 {
        append(
            &tsdb,
            &mut [row(0, i * 100, i as f64), row(1, i * 100, 1.0)],
            &mut data,
        )
        .unwrap();
    }
    (fs, data)
}

#[test]
fn batches_are_taken_before_the_replay_and_snapshots_wait_for_it() {
    let (fs, mut data) = killed();
    let (tsdb, opened) = open_only(&fs, small()).unwrap();
    assert!(opened.to_replay > 0);
    append(&tsdb, &mut [row(0, 4000, 9.0), row(5, 4000, 9.0)], &mut data).unwrap();
    assert_eq!(tsdb.maintain().unwrap().flushed, 0, "the older comes first");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| everything(&tsdb));
        let until = std::time::Instant::now() + std::time::Duration::from_millis(20);
        while std::time::Instant::now() < until {
            assert!(!asked.is_finished());
            std::thread::yield_now();
        }
        let report = tsdb.recover().unwrap();
        assert_eq!((report.samples, report.series), (80, 2));
        assert_eq!(asked.join().unwrap(), data);
    });
    let progress = tsdb.replay_progress();
    assert!(
        progress.total > 0 && progress.done == progress.total,
        "{progress:?}"
    );
    assert_eq!(tsdb.recover().unwrap(), RecoverReport::default());
}

#[test]
fn what_was_replayed_is_flushed_and_its_log_removed() {
    let (fs, mut data) = killed();
    let tsdb = open(&fs);
    append(&tsdb, &mut [row(0, 4000, 9.0)], &mut data).unwrap();
    let before = tsdb.stats().unwrap().wal_bytes;
    assert!(tsdb.maintain().unwrap().flushed >= 1);
    assert!(tsdb.stats().unwrap().wal_bytes < before / 4);
    assert_eq!(everything(&tsdb), data);
    drop(tsdb);
    let (tsdb, found) = open_with(&fs, small()).unwrap();
    assert_eq!(found.samples, 1);
    assert_eq!(everything(&tsdb), data);
}

#[test]
fn kill_after_kill_loses_nothing() {
    let (fs, mut data) = killed();
    for i in 0..10 {
        let tsdb = open(&fs);
        append(&tsdb, &mut [row(i % 3, 4000 + i as i64 * 10, 1.5)], &mut data).unwrap();
        if i % 4 == 3 {
            tsdb.maintain().unwrap();
        }
        assert_eq!(everything(&tsdb), data, "{i}");
    }
}

#[test]
fn a_log_of_blocks_that_were_published_is_not_replayed_again() {
    let (fs, data) = killed();
    let wal = Path::new(DIR).join("wal");
    let kept = fs.read(&wal.join("0000000001-00001.log")).unwrap();
    let tsdb = open(&fs);
    tsdb.flush().unwrap();
    drop(tsdb);
    // As if the process had died before the log was removed.
    fs.create(&wal.join("0000000001-00001.log"))
        .unwrap()
        .write_all(&kept)
        .unwrap();
    let (tsdb, found) = open_with(&fs, small()).unwrap();
    assert_eq!(found.samples, 0);
    assert!(!fs.exists(&wal.join("0000000001-00001.log")));
    assert_eq!(everything(&tsdb), data);
}

#[test]
fn a_log_of_another_version_is_told_and_left_alone() {
    let (_, fs) = memory();
    drop(open(&fs));
    let path = Path::new(DIR).join("wal").join("0000000009.log");
    fs.create(&path).unwrap().write_all(b"MHLOG\x00\x00\x01").unwrap();
    let (_, found) = open_with(&fs, small()).unwrap();
    assert_eq!(found.damage.len(), 1, "{:?}", found.damage);
    assert!(fs.exists(&path));
}
