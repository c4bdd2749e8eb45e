//! The disk fails at every call that changes it, once or for good; whatever was acknowledged is there afterwards.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use durable::{FaultyFs, Fs, MemoryFs};
use model::spans::{SpanSink, SpanStore, TraceId};
use model::{ManualClock, StoreError};
use traces::{Options, Traces};

use crate::support::{DIR, NOW_MS, everything, open, span};

/// Writes, cuts and drops; gives the traces that were acknowledged, and of them those synced.
fn work(fs: &Arc<dyn Fs>) -> Result<(Vec<u128>, Vec<u128>), StoreError> {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let (store, _) = Traces::open(Arc::clone(fs), Path::new(DIR), Options::default(), clock)?;
    let (mut acknowledged, mut synced) = (Vec::new(), Vec::new());
    for id in 1..=8u64 {
        if store
            .append(&[
                span(id.into(), id, id as i64),
                span(id.into(), id + 100, id as i64),
            ])
            .is_ok()
        {
            acknowledged.push(u128::from(id));
        }
        if id % 2 == 0 && store.sync().is_ok() {
            synced = acknowledged.clone();
        }
        if id % 3 == 0 {
            let _ = store.cut();
        }
        // Reading goes on, whatever the disk does to writes.
        assert_eq!(present(&store), acknowledged);
    }
    Ok((acknowledged, synced))
}

fn present(store: &Traces) -> Vec<u128> {
    let found = store.find_traces(&everything(100)).unwrap();
    assert!(
        found.iter().all(|trace| trace.spans.len() == 2),
        "batches are kept whole"
    );
    let mut ids: Vec<u128> = found.iter().map(|trace| trace.trace_id.0).collect();
    ids.sort_unstable();
    ids
}

fn changing_calls() -> u64 {
    let faulty = FaultyFs::new(Arc::new(MemoryFs::new()));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    assert_eq!(work(&fs).unwrap().0.len(), 8);
    faulty.calls()
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_disk_fails() {
    let calls = changing_calls();
    let mut runs = 0;
    for at in 0..calls {
        for (kind, forever) in [
            (ErrorKind::Other, true),
            (ErrorKind::Other, false),
            (ErrorKind::StorageFull, false),
        ] {
            let memory = MemoryFs::new();
            let faulty = FaultyFs::new(Arc::new(memory.clone()));
            faulty.fail(at, kind, forever);
            let fs: Arc<dyn Fs> = Arc::new(faulty);
            let (acknowledged, _) = work(&fs).unwrap_or_default();
            let inner: Arc<dyn Fs> = Arc::new(memory);
            let (store, report) = open(&inner);
            assert_eq!(
                present(&store),
                acknowledged,
                "call {at}, {kind:?}, forever: {forever}: {report:?}"
            );
            store.append(&[span(99, 99, 99), span(99, 100, 99)]).unwrap();
            store.cut().unwrap();
            assert!(present(&store).contains(&99), "work goes on after call {at}");
            runs += 1;
        }
    }
    eprintln!("{runs} failures survived");
    assert!(runs > 60, "{runs}");
}

#[test]
fn what_was_synced_survives_a_power_cut_at_every_call() {
    for at in 0..=changing_calls() {
        let memory = MemoryFs::new();
        let faulty = FaultyFs::new(Arc::new(memory.clone()));
        faulty.fail(at, ErrorKind::Other, true);
        let fs: Arc<dyn Fs> = Arc::new(faulty);
        let (_, synced) = work(&fs).unwrap_or_default();
        memory.power_cut();
        let inner: Arc<dyn Fs> = Arc::new(memory);
        let present = present(&open(&inner).0);
        assert!(
            synced.iter().all(|id| present.contains(id)),
            "call {at}: {synced:?} in {present:?}"
        );
    }
}

#[test]
fn a_failed_sync_stops_writes_and_not_reads() {
    let faulty = FaultyFs::new(Arc::new(MemoryFs::new()));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let (store, _) = open(&fs);
    store.append(&[span(1, 1, 1)]).unwrap();
    faulty.fail(0, ErrorKind::Other, false);
    assert!(store.sync().is_err());
    assert!(store.poisoned().is_some());
    assert!(matches!(
        store.append(&[span(2, 2, 2)]),
        Err(StoreError::ReadOnly(_))
    ));
    assert!(store.trace(TraceId(1)).unwrap().is_some());
}

#[test]
fn a_full_disk_refuses_a_batch_and_takes_it_later() {
    let faulty = FaultyFs::new(Arc::new(MemoryFs::new()));
    let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
    let (store, _) = open(&fs);
    faulty.fail(0, ErrorKind::StorageFull, false);
    assert!(matches!(
        store.append(&[span(1, 1, 1)]),
        Err(StoreError::ReadOnly(_))
    ));
    store.append(&[span(1, 1, 1)]).unwrap();
    assert_eq!(open(&fs).1.replayed, 1);
}
