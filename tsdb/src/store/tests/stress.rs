//! Writers, readers and upkeep that meet in all sorts of ways: a disk that takes its time, differently for every seed.
//! What is asked: a batch shows whole; what is acknowledged shows at once, and for good; nothing shows before what came
//! before it; nobody waits for ever.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use durable::FaultyFs;

use super::*;
use crate::Fsync;

const WRITERS: u64 = 3;
const BATCHES: i64 = 60;
/// Series of a writer, which are made over two calls, so that they lie in two pages.
const WIDTH: u64 = 6;
/// Longer than any run takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// How many batches of each writer a snapshot shows.
fn shown(tsdb: &Tsdb, seed: u64) -> Vec<i64> {
    let found = everything(tsdb);
    let writer = |writer: u64| {
        let times = |i: u64| {
            found
                .get(&series(writer * WIDTH + i))
                .cloned()
                .unwrap_or_default()
        };
        let first = times(0);
        let numbers: Vec<i64> = first.keys().map(|ms| ms / 50).collect();
        assert!(
            numbers.iter().copied().eq(0..first.len() as i64),
            "seed {seed}: no gaps: {numbers:?}"
        );
        assert!(
            (1..WIDTH).all(|i| times(i) == first),
            "seed {seed}: a batch shows whole"
        );
        first.len() as i64
    };
    (0..WRITERS).map(writer).collect()
}

fn run(seed: u64) {
    let (_, memory) = memory();
    let faulty = FaultyFs::new(memory);
    faulty.dawdle(seed);
    let fs: Arc<dyn Fs> = Arc::new(faulty);
    let options = Options {
        out_of_order_window_ms: i64::MAX / 4,
        wal_bytes: 2048,
        wal_segment_bytes: 512,
        fsync: if seed.is_multiple_of(2) {
            Fsync::Always
        } else {
            Fsync::Every(1)
        },
        ..small()
    };
    let (tsdb, _) = open_with(&fs, options.clone()).unwrap();
    let (tsdb, done) = (&tsdb, &AtomicBool::new(false));
    let acknowledged: &[AtomicI64] =
        &std::array::from_fn::<_, { WRITERS as usize }, _>(|_| AtomicI64::new(0));
    let seen = || {
        acknowledged
            .iter()
            .map(|n| n.load(Ordering::SeqCst))
            .collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    for batch in 0..BATCHES {
                        write(tsdb, writer, batch);
                        acknowledged[writer as usize].store(batch + 1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                tsdb.step().unwrap();
                tsdb.sync().unwrap();
            }
        });
        scope.spawn(|| {
            let mut before = vec![0; WRITERS as usize];
            while !done.load(Ordering::SeqCst) {
                let least = seen();
                let now = shown(tsdb, seed);
                assert!(
                    now.iter().zip(&least).all(|(now, least)| now >= least),
                    "seed {seed}: {now:?} {least:?}"
                );
                assert!(
                    now.iter().zip(&before).all(|(now, before)| now >= before),
                    "seed {seed}"
                );
                before = now;
            }
        });
        let results: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::SeqCst);
        results.into_iter().for_each(|result| result.unwrap());
    });
    assert_eq!(shown(tsdb, seed), [BATCHES; WRITERS as usize]);
    let (again, found) = open_with(&fs, options).unwrap();
    assert_eq!(found.damage, Vec::<String>::new());
    assert!(
        everything(&again) == everything(tsdb),
        "seed {seed}: another content"
    );
}

/// Appends one batch, however often it takes.
fn write(tsdb: &Tsdb, writer: u64, batch: i64) {
    let rows = |from: u64, to: u64| (from..to).map(|i| row(writer * WIDTH + i, batch * 50, batch as f64));
    if batch == 0 {
        for (from, to) in [(0, WIDTH / 2), (WIDTH / 2, WIDTH)] {
            let new: Vec<NewSeries> = rows(from, to)
                .map(|row| NewSeries {
                    labels: row.labels,
                    timestamp_ms: from as i64,
                })
                .collect();
            tsdb.create(&new, &mut Vec::new());
        }
    }
    let mut rows: Vec<MetricRow> = rows(0, WIDTH).collect();
    loop {
        match tsdb.append(&mut rows) {
            Ok(report) => return assert_eq!(report.stored, rows.len(), "{report:?}"),
            Err(StoreError::ReadOnly(why)) if why.contains("flushed") => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn acknowledged_batches_show_whole_and_in_order_whatever_the_order_of_threads() {
    let (done, finished) = mpsc::channel();
    let runs = std::thread::spawn(move || {
        for seed in 1..=12 {
            run(seed);
            done.send(seed).unwrap();
        }
    });
    loop {
        match finished.recv_timeout(DEADLINE) {
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("a run hangs"),
        }
    }
    runs.join().unwrap();
}
