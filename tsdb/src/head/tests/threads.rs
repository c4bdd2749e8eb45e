//! Many threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::metrics::{AppendReport, NewSeries, SeriesRef};

use super::fixture::{contents, replayed, sample, target};
use crate::head::{Bounds, Limits, Memtable, SeriesTable};

#[test]
fn one_series_from_many_threads_is_one() {
    let table = SeriesTable::new(Limits::default());
    let new: Vec<NewSeries> = target(1, 300)
        .into_iter()
        .map(|labels| NewSeries {
            labels,
            timestamp_ms: 5,
        })
        .collect();
    let made: Vec<Vec<SeriesRef>> = std::thread::scope(|scope| {
        let one = || {
            let mut refs = Vec::new();
            table.create(&new, &mut refs);
            refs.into_iter().map(|series| series.unwrap()).collect()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(made.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(table.len(), 300);
}

#[test]
fn threads_that_append_to_the_same_pages_agree_with_the_log() {
    let table = Arc::new(SeriesTable::new(Limits::default()));
    let memtable = Memtable::new(Arc::clone(&table), 1);
    let new: Vec<NewSeries> = target(1, 200)
        .into_iter()
        .map(|labels| NewSeries {
            labels,
            timestamp_ms: 5,
        })
        .collect();
    let mut refs = Vec::new();
    table.create(&new, &mut refs);
    let refs: Vec<SeriesRef> = refs.into_iter().map(|series| series.unwrap()).collect();
    let log = parking_lot::Mutex::new(Vec::new());
    let batches = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (log, batches, memtable, refs) = (&log, &batches, &memtable, &refs);
            scope.spawn(move || {
                for t in 0..300i64 {
                    // Each time is contested by two threads with the same values.
                    let timestamp_ms = t * 2 + thread / 2;
                    let samples: Vec<_> = refs
                        .iter()
                        .map(|&series| sample(series, timestamp_ms, timestamp_ms as f64))
                        .collect();
                    let mut report = AppendReport::default();
                    let batch = batches.fetch_add(1, Ordering::SeqCst) + 1;
                    let mut record = |bytes: &[u8], kind| log.lock().push((kind, bytes.to_vec()));
                    memtable.append(batch, &samples, &Bounds::NONE, &mut record, &mut report);
                    assert_eq!(report.stored, samples.len());
                    memtable.set_sealable(batch.saturating_sub(8));
                }
            });
        }
        let reader = scope.spawn(|| {
            for _ in 0..20 {
                contents(&memtable, batches.load(Ordering::SeqCst));
            }
        });
        reader.join().unwrap();
    });
    assert_eq!(memtable.samples(), 600 * 200);
    let all = contents(&memtable, u64::MAX);
    assert!(all.len() == 200 && all.values().all(|samples| samples.len() == 600));
    assert!(contents(&replayed(&log.lock()), u64::MAX) == all);
}
