//! Many at once: writers, readers, upkeep.

use super::*;
use crate::Unit;

#[test]
fn batches_queries_and_upkeep_run_at_once() {
    let (_, fs) = memory();
    let tsdb = Arc::new(open(&fs));
    let writers: Vec<_> = (0..3u64)
        .map(|w| {
            let tsdb = Arc::clone(&tsdb);
            std::thread::spawn(move || {
                let mut stored = 0;
                for i in 0..1500i64 {
                    let mut rows = [row(w * 2, i * 5, i as f64), row(w * 2 + 1, i * 5, i as f64)];
                    match tsdb.append(&mut rows) {
                        // Another writer may be far ahead: what is refused is refused for both.
                        Ok(report) => {
                            assert!(report.rejected.len() != 1, "{report:?}");
                            stored += report.stored;
                        }
                        Err(StoreError::ReadOnly(why)) => assert!(why.contains("flushed"), "{why}"),
                        Err(other) => panic!("{other}"),
                    }
                }
                stored
            })
        })
        .collect();
    let mut rounds = 0;
    while rounds < 20 || writers.iter().any(|w| !w.is_finished()) {
        tsdb.maintain().unwrap();
        let found = everything(&tsdb);
        for w in 0..3 {
            let pair = [found.get(&series(w * 2)), found.get(&series(w * 2 + 1))];
            assert_eq!(pair[0], pair[1], "a batch shows whole or not at all");
        }
        rounds += 1;
    }
    let stored: usize = writers.into_iter().map(|w| w.join().unwrap()).sum();
    let found = everything(&tsdb);
    assert_eq!(found.values().map(BTreeMap::len).sum::<usize>(), stored);
    drop(tsdb);
    assert_eq!(everything(&open(&fs)), found);
}

#[test]
fn what_is_acknowledged_shows_at_once_and_for_good() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    std::thread::scope(|scope| {
        for w in 0..3u64 {
            let tsdb = &tsdb;
            scope.spawn(move || {
                for i in 0..200i64 {
                    if tsdb.append(&mut [row(w, i, i as f64)]).is_ok() {
                        let found = ask(tsdb, i, i);
                        assert_eq!(found.get(&series(w)).map(BTreeMap::len), Some(1), "{w} at {i}");
                    }
                }
            });
        }
        let mut flushes = 0;
        while tsdb.stats().unwrap().samples_appended < 600 {
            flushes += tsdb.flush().unwrap().min(1);
            tsdb.maintain().unwrap();
        }
        assert!(flushes > 0);
    });
}

#[test]
fn a_snapshot_does_not_change_under_flushes_and_compactions() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    for i in 0..30 {
        append(&tsdb, &mut [row(0, i * 100, i as f64)], &mut data).unwrap();
    }
    let snapshot = tsdb.snapshot(i64::MIN, i64::MAX).unwrap();
    let set = snapshot.select(&[], &hints(i64::MIN, i64::MAX)).unwrap();
    let then = data.clone();
    for i in 30..90 {
        append(
            &tsdb,
            &mut [row(0, i * 100, i as f64), row(1, i * 100, 1.0)],
            &mut data,
        )
        .unwrap();
        if i % 7 == 0 {
            tsdb.flush().unwrap();
        }
        while let Some(unit) = tsdb.step().unwrap() {
            assert!(!matches!(unit, Unit::Expired(_)));
        }
    }
    assert_eq!(read(&*snapshot, &[], &hints(i64::MIN, i64::MAX)).unwrap(), then);
    let mut samples = Samples::default();
    let mut walk = Walk::new(&*set);
    assert_eq!(walk.next(&mut samples).unwrap(), Some(series(0)));
    assert_eq!(samples.len(), 30);
    assert_eq!(walk.next(&mut samples).unwrap(), None);
    assert_eq!(everything(&tsdb), data);
}
