//! Kills, power cuts and failing disks: what was acknowledged is there afterwards, once.

use std::io::ErrorKind;
use std::sync::Arc;

use durable::{FaultyFs, MemoryFs};
use model::logs::{LogRecord, LogSink, LogStore};

use super::support::{HOUR_NS, all, everything, line, open_disk, open_fs, open_memory};

fn numbered(from: usize, to: usize) -> Vec<LogRecord> {
    let at = |i: usize| (i as i64 - 20) * HOUR_NS / 2;
    (from..to)
        .map(|i| line(["a", "b"][i % 2], at(i), &format!("line {i}")))
        .collect()
}

#[test]
fn a_store_dropped_without_close_comes_back_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (logs, _) = open_disk(dir.path());
    logs.append(&numbered(0, 10)).unwrap();
    logs.flush().unwrap();
    logs.append(&numbered(10, 15)).unwrap();
    drop(logs);
    let (logs, report) = open_disk(dir.path());
    assert_eq!((report.replayed, report.damage), (5, vec![]));
    assert_eq!(all(&logs), numbered(0, 15));
    logs.append(&numbered(15, 17)).unwrap();
    assert_eq!(all(&logs), numbered(0, 17));
}

#[test]
fn a_power_cut_takes_at_most_what_was_not_synced() {
    let fs = MemoryFs::new();
    let (logs, _) = open_memory(&fs);
    logs.append(&numbered(0, 10)).unwrap();
    logs.flush().unwrap();
    logs.append(&numbered(10, 12)).unwrap();
    logs.sync().unwrap();
    logs.append(&numbered(12, 14)).unwrap();
    drop(logs);
    fs.power_cut();
    let (logs, _) = open_memory(&fs);
    assert_eq!(all(&logs), numbered(0, 12));
}

/// Appends and cuts, going on after errors; gives the lines that were acknowledged.
fn scenario(fs: &FaultyFs) -> Vec<LogRecord> {
    let mut stored = Vec::new();
    let Ok((logs, _)) = open_fs(Arc::new(fs.clone())) else {
        return stored;
    };
    for round in 0..3 {
        let batch = numbered(round * 4, round * 4 + 4);
        if logs.append(&batch).is_ok() {
            stored.extend(batch);
        }
        let _ = logs.flush();
        // Whatever failed, the lines show, once, while the store lives.
        assert_eq!(all(&logs), stored);
    }
    stored
}

#[test]
fn whichever_call_fails_acknowledged_lines_are_there_once() {
    let healthy = FaultyFs::new(Arc::new(MemoryFs::new()));
    assert_eq!(scenario(&healthy).len(), 12);
    for (kind, forever) in [(ErrorKind::StorageFull, false), (ErrorKind::Other, true)] {
        for nth in 0..healthy.calls() {
            let memory = MemoryFs::new();
            let fs = FaultyFs::new(Arc::new(memory.clone()));
            fs.fail(nth, kind, forever);
            let stored = scenario(&fs);
            let (logs, report) = open_memory(&memory);
            let run = format!("call {nth} fails, {kind:?}, forever {forever}");
            assert_eq!(all(&logs), stored, "{run}");
            // A segment of the log that was being begun is the only thing that may be torn.
            assert!(
                report.damage.iter().all(|d| d.contains("/wal/")),
                "{run}: {:?}",
                report.damage
            );
            logs.flush().unwrap();
            assert_eq!(all(&logs), stored, "{run}");
        }
    }
}

#[test]
fn a_failed_sync_ends_writing_but_not_reading() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let (logs, _) = open_fs(Arc::new(fs.clone())).unwrap();
    logs.append(&numbered(0, 3)).unwrap();
    assert!(logs.poisoned().is_none());
    fs.fail(0, ErrorKind::Other, false);
    assert!(logs.sync().is_err());
    assert!(logs.poisoned().is_some());
    let refused = logs.append(&numbered(3, 4));
    assert!(
        matches!(refused, Err(model::StoreError::ReadOnly(_))),
        "{refused:?}"
    );
    assert!(logs.maintain().is_ok() && logs.flush().is_err());
    assert_eq!(logs.query(&everything()).unwrap(), numbered(0, 3));
}

#[test]
fn a_full_disk_refuses_and_then_takes_lines_again() {
    let fs = FaultyFs::new(Arc::new(MemoryFs::new()));
    let (logs, _) = open_fs(Arc::new(fs.clone())).unwrap();
    fs.fail(0, ErrorKind::StorageFull, false);
    let refused = logs.append(&numbered(0, 3));
    assert!(
        matches!(refused, Err(model::StoreError::ReadOnly(_))),
        "{refused:?}"
    );
    assert!(logs.poisoned().is_none());
    logs.append(&numbered(3, 5)).unwrap();
    assert_eq!(all(&logs), numbered(3, 5));
}
