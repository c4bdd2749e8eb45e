//! Cutting, retention and bounds.

use std::path::Path;
use std::sync::Arc;

use durable::{MemoryFs, RealFs};
use log_indexer::{IndexPlace, Logs, Options};
use model::StoreError;
use model::logs::{LogSink, LogStore, RejectedLine};

use super::support::{DAY_MS, HOUR_NS, all, clock, everything, line, options, texts};

fn open(fs: &MemoryFs, options: &Options, clock: &Arc<model::ManualClock>) -> Logs {
    let options = Options {
        index: IndexPlace::Memory,
        ..options.clone()
    };
    Logs::open(
        Arc::new(fs.clone()),
        Path::new("/logs"),
        options,
        Arc::<model::ManualClock>::clone(clock),
    )
    .unwrap()
    .0
}

#[test]
fn the_head_is_cut_when_large_and_when_old() {
    let clock = clock();
    let large = Options {
        head_bytes: 1000,
        ..options()
    };
    let logs = open(&MemoryFs::new(), &large, &clock);
    logs.append(&[line("a", 1, "x")]).unwrap();
    logs.maintain().unwrap();
    assert_eq!(logs.stats().unwrap().cuts_total, 0);
    logs.append(&[line("a", 2, &"y".repeat(1000))]).unwrap();
    logs.maintain().unwrap();
    let stats = logs.stats().unwrap();
    assert_eq!((stats.cuts_total, stats.head_lines, stats.days), (1, 0, 1));
    logs.append(&[line("a", 3, "z")]).unwrap();
    clock.advance(3_600_000);
    logs.maintain().unwrap();
    assert_eq!(logs.stats().unwrap().cuts_total, 2);
    assert_eq!(all(&logs).len(), 3);
}

#[test]
fn the_log_shrinks_when_its_lines_are_in_blocks() {
    let logs = open(&MemoryFs::new(), &options(), &clock());
    logs.append(&[line("a", 1, &"x".repeat(5000))]).unwrap();
    assert!(logs.stats().unwrap().wal_bytes > 5000);
    logs.flush().unwrap();
    assert!(logs.stats().unwrap().wal_bytes < 100);
}

#[test]
fn days_out_of_the_retention_are_deleted_and_their_lines_refused() {
    let clock = clock();
    let dir = tempfile::tempdir().unwrap();
    let two_days = Options {
        retention_ms: 2 * 86_400_000,
        ..options()
    };
    let clock_too: Arc<dyn model::Clock> = Arc::<model::ManualClock>::clone(&clock);
    let (logs, _) = Logs::open(Arc::new(RealFs), dir.path(), two_days.clone(), clock_too).unwrap();
    logs.append(&[line("a", -24 * HOUR_NS, "yesterday"), line("a", 1, "today")])
        .unwrap();
    logs.flush().unwrap();
    logs.maintain().unwrap();
    assert_eq!(texts(&logs, &everything()), ["yesterday", "today"]);
    clock.set(DAY_MS + 2 * 86_400_000);
    logs.maintain().unwrap();
    assert_eq!(texts(&logs, &everything()), ["today"]);
    assert!(!dir.path().join("days/2026-11-20").exists());
    let report = logs.append(&[line("a", -1, "late")]).unwrap();
    assert_eq!(report.rejected, [(0, RejectedLine::TooOld)]);
    drop(logs);
    let (logs, report) = Logs::open(Arc::new(RealFs), dir.path(), two_days, clock).unwrap();
    assert_eq!(report.damage, [""; 0]);
    assert_eq!(texts(&logs, &everything()), ["today"]);
}

#[test]
fn the_oldest_days_go_when_all_take_too_many_bytes() {
    let small = Options {
        retention_bytes: 1,
        ..options()
    };
    let logs = open(&MemoryFs::new(), &small, &clock());
    logs.append(&[line("a", -24 * HOUR_NS, "yesterday"), line("a", 1, "today")])
        .unwrap();
    logs.flush().unwrap();
    logs.maintain().unwrap();
    assert_eq!(texts(&logs, &everything()), ["today"]);
    // A late line of the deleted day begins it anew.
    logs.append(&[line("a", -24 * HOUR_NS, "late")]).unwrap();
    logs.flush().unwrap();
    assert_eq!(texts(&logs, &everything()), ["late", "today"]);
}

#[test]
fn streams_and_memory_are_bounded() {
    let few = Options {
        max_streams: 2,
        max_head_bytes: 1000,
        ..options()
    };
    let logs = open(&MemoryFs::new(), &few, &clock());
    logs.append(&[line("a", 1, "x"), line("b", 1, "x")]).unwrap();
    let refused = logs.append(&[line("c", 1, "x")]);
    assert!(
        matches!(refused, Err(StoreError::Limit { what: "streams", .. })),
        "{refused:?}"
    );
    logs.append(&[line("a", 2, &"x".repeat(2000))]).unwrap();
    assert!(matches!(
        logs.append(&[line("a", 3, "x")]),
        Err(StoreError::Limit { .. })
    ));
    logs.flush().unwrap();
    logs.append(&[line("c", 3, "x")]).unwrap();
    assert_eq!(logs.query(&everything()).unwrap().len(), 4);
}

#[test]
fn lines_of_known_streams_are_taken_where_there_is_no_room_for_more() {
    let few = Options {
        max_streams: 2,
        ..options()
    };
    let logs = open(&MemoryFs::new(), &few, &clock());
    logs.append(&[line("a", 1, "x")]).unwrap();
    let report = logs
        .append(&[
            line("b", 2, "x"),
            line("c", 3, "x"),
            line("a", 4, "x"),
            line("b", 5, "x"),
        ])
        .unwrap();
    assert_eq!(
        (report.stored, report.rejected),
        (3, vec![(1, RejectedLine::TooManyStreams)])
    );
    let times: Vec<i64> = all(&logs)
        .iter()
        .map(|r| r.timestamp_ns - DAY_MS * 1_000_000)
        .collect();
    assert_eq!(times, [1, 2, 4, 5]);
}

#[test]
fn many_tiny_streams_are_cut_before_they_lock_others_out() {
    let few = Options {
        max_streams: 10,
        ..options()
    };
    let logs = open(&MemoryFs::new(), &few, &clock());
    for i in 0..50 {
        let report = logs.append(&[line(&i.to_string(), i, "x")]).unwrap();
        assert_eq!(report.stored, 1, "stream {i}");
        logs.maintain().unwrap();
    }
    assert_eq!(all(&logs).len(), 50);
    assert_eq!(logs.stats().unwrap().cuts_total, 10);
}

#[test]
fn queries_and_cuts_go_on_beside_appends() {
    let logs = open(&MemoryFs::new(), &options(), &clock());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for i in 0..300 {
                logs.append(&[line("a", i, &format!("{i:03}"))]).unwrap();
            }
        });
        let mut seen = 0;
        while !writer.is_finished() {
            logs.flush().unwrap();
            let found = texts(&logs, &everything());
            assert!(found.len() >= seen, "lines went missing during a cut");
            assert!(
                found.iter().enumerate().all(|(i, l)| *l == format!("{i:03}")),
                "{found:?}"
            );
            seen = found.len();
        }
    });
    assert_eq!(all(&logs).len(), 300);
}
