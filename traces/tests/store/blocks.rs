//! Life of a block: cut, read, retained, dropped, damaged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, MemoryFs};
use model::spans::{Operation, SpanSink, SpanStore, TraceId, TraceQuery};
use model::{ManualClock, StoreError};
use traces::{Maintenance, Options};

use crate::support::{DIR, NOW_MS, child_of, everything, open, open_with, span};

fn memory() -> (MemoryFs, Arc<dyn Fs>) {
    let memory = MemoryFs::new();
    (memory.clone(), Arc::new(memory))
}

fn block_files(fs: &MemoryFs) -> Vec<PathBuf> {
    let dir = Path::new(DIR).join("blocks");
    fs.list(&dir)
        .unwrap()
        .into_iter()
        .map(|entry| dir.join(entry.name))
        .collect()
}

#[test]
fn spans_answer_the_same_from_memory_from_a_block_and_after_reopening() {
    let (_, fs) = memory();
    let (store, _) = open(&fs);
    store
        .append(&[span(1, 1, 10), child_of(span(1, 2, 11), 1, "db")])
        .unwrap();
    store.append(&[span(2, 3, 5)]).unwrap();
    let ask = |store: &traces::Traces| {
        (
            store.services().unwrap(),
            store.operations("s", None).unwrap(),
            store.operations("s", Some("client")).unwrap(),
            store.find_traces(&everything(10)).unwrap(),
            store.trace(TraceId(2)).unwrap(),
            store.dependencies(0, 100).unwrap(),
        )
    };
    let head = ask(&store);
    assert_eq!(head.0, ["db", "s"]);
    assert_eq!(
        head.1,
        [Operation {
            name: "op".into(),
            kind: "server".into()
        }]
    );
    assert!(head.2.is_empty());
    assert_eq!(
        head.3.iter().map(|t| t.trace_id.0).collect::<Vec<_>>(),
        [1, 2],
        "newest first"
    );
    assert_eq!(
        (
            head.5[0].parent.as_str(),
            head.5[0].child.as_str(),
            head.5[0].calls
        ),
        ("s", "db", 1)
    );
    assert_eq!(store.cut().unwrap(), 3);
    assert_eq!(store.stats().head_spans, 0);
    assert_eq!(ask(&store), head);
    drop(store);
    let (store, report) = open(&fs);
    assert_eq!((report.replayed, report.blocks, report.damage.len()), (0, 1, 0));
    assert_eq!(ask(&store), head);
    assert_eq!(store.trace(TraceId(3)).unwrap(), None);
}

#[test]
fn a_trace_in_several_blocks_and_in_memory_comes_back_whole() {
    let (_, fs) = memory();
    let (store, _) = open(&fs);
    for (i, service) in ["a", "b", "c"].into_iter().enumerate() {
        let i = i as u64;
        store
            .append(&[child_of(span(9, i + 1, i as i64), i, service)])
            .unwrap();
        if i < 2 {
            store.cut().unwrap();
        }
    }
    let trace = store.trace(TraceId(9)).unwrap().unwrap();
    assert_eq!(
        trace.spans.iter().map(|s| s.span_id.0).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    // Parents lie in older blocks than their children.
    let calls = store.dependencies(0, 10).unwrap();
    let calls: Vec<_> = calls
        .iter()
        .map(|d| (d.parent.as_str(), d.child.as_str(), d.calls))
        .collect();
    assert_eq!(calls, [("a", "b", 1), ("b", "c", 1)]);
    let query = TraceQuery {
        service: Some("a".into()),
        ..everything(5)
    };
    assert_eq!(store.find_traces(&query).unwrap(), [trace]);
}

#[test]
fn a_push_that_is_tried_again_shows_once() {
    let (_, fs) = memory();
    let (store, _) = open(&fs);
    let changed = model::spans::Span {
        duration_ns: 5,
        ..span(1, 1, 10)
    };
    for _ in 0..3 {
        store.append(&[span(1, 1, 10), changed.clone()]).unwrap();
        store.append(&[span(1, 1, 10)]).unwrap();
        store.cut().unwrap();
    }
    store.append(&[span(1, 1, 10)]).unwrap();
    let trace = store.trace(TraceId(1)).unwrap().unwrap();
    assert_eq!(trace.spans.len(), 2, "one for each span that differs");
    assert_eq!(store.stats().block_spans, 6, "a block keeps a span once");
}

#[test]
fn blocks_are_cut_by_size_and_by_age() {
    let (_, fs) = memory();
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let options = Options {
        head_bytes: 2000,
        head_ms: 60_000,
        ..Options::default()
    };
    let (store, _) = open_with(&fs, options, clock.clone());
    store.append(&[span(1, 1, 1)]).unwrap();
    assert_eq!(
        store.maintain().unwrap(),
        Maintenance::default(),
        "small and young"
    );
    clock.advance(60_000);
    assert_eq!(store.maintain().unwrap().cut_spans, 1, "old enough");
    let many: Vec<_> = (0..50).map(|i| span(2, i + 1, 1)).collect();
    store.append(&many).unwrap();
    assert_eq!(store.maintain().unwrap().cut_spans, 50, "large enough");
    assert_eq!(store.maintain().unwrap(), Maintenance::default(), "nothing left");
}

#[test]
fn blocks_go_by_age_of_arrival_and_by_the_disk_budget() {
    let (memory, fs) = memory();
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let options = Options {
        retention_ms: 10_000,
        ..Options::default()
    };
    let (store, _) = open_with(&fs, options.clone(), clock.clone());
    for i in 1..=4u64 {
        store.append(&[span(i.into(), i, -5)]).unwrap();
        store.cut().unwrap();
        clock.advance(5000);
    }
    assert_eq!(store.maintain().unwrap().dropped_blocks, 2);
    assert_eq!(store.trace(TraceId(1)).unwrap(), None);
    assert!(store.trace(TraceId(3)).unwrap().is_some());
    assert_eq!(block_files(&memory).len(), 2);
    let budget = store.stats().block_bytes - 1;
    drop(store);
    let (store, _) = open_with(
        &fs,
        Options {
            retention_bytes: budget,
            ..options
        },
        clock,
    );
    assert_eq!(store.maintain().unwrap().dropped_blocks, 1);
    assert_eq!(block_files(&memory).len(), 1);
    store.append(&[span(5, 5, 5)]).unwrap();
    store.cut().unwrap();
    assert!(store.trace(TraceId(4)).unwrap().is_some() && store.trace(TraceId(5)).unwrap().is_some());
}

#[test]
fn large_traces_and_many_groups_stay_findable() {
    let (_, fs) = memory();
    let (store, _) = open(&fs);
    let fat = |trace: u128, id: u64, start| {
        let mut span = span(trace, id, start);
        let text: String = (0..2000)
            .map(|i| char::from(b'a' + ((id as usize * 31 + i * 7) % 26) as u8))
            .collect();
        span.tags.push(model::spans::Tag::string("text", text));
        span.tags.push(model::spans::Tag::string("id", id.to_string()));
        span
    };
    let large: Vec<_> = (1..=2000).map(|id| fat(1, id, 10)).collect();
    store.append(&large).unwrap();
    for trace in 2..=600u128 {
        store
            .append(&[fat(trace, trace as u64 + 5000, trace as i64 * 100)])
            .unwrap();
    }
    store.cut().unwrap();
    assert_eq!(store.trace(TraceId(1)).unwrap().unwrap().spans.len(), 2000);
    for trace in 2..=600 {
        assert!(store.trace(TraceId(trace)).unwrap().is_some(), "{trace}");
    }
    let found = store.find_traces(&everything(3)).unwrap();
    assert_eq!(
        found.iter().map(|t| t.trace_id.0).collect::<Vec<_>>(),
        [600, 599, 598]
    );
    let needle = TraceQuery {
        tags: vec![("id".into(), "1234".into())],
        ..everything(3)
    };
    assert_eq!(store.find_traces(&needle).unwrap()[0].trace_id.0, 1);
}

#[test]
fn answers_are_bounded() {
    let (_, fs) = memory();
    let options = Options {
        max_spans_per_trace: 10,
        max_answer_spans: 25,
        ..Options::default()
    };
    let (store, _) = open_with(&fs, options, Arc::new(ManualClock::at(NOW_MS)));
    let spans: Vec<_> = (1..=100).map(|id| span(1, id, 1000 - id as i64)).collect();
    store.append(&spans).unwrap();
    let trace = store.trace(TraceId(1)).unwrap().unwrap();
    assert_eq!(
        trace.spans.iter().map(|s| s.start_ns).collect::<Vec<_>>(),
        (900..910).collect::<Vec<i64>>()
    );
    assert_eq!(
        trace.spans[0].warnings,
        ["the 90 latest spans of this trace are not shown"]
    );
    let spans: Vec<_> = (2..=50).map(|id| span(id.into(), id, 1)).collect();
    store.append(&spans).unwrap();
    assert!(matches!(
        store.find_traces(&everything(100)),
        Err(StoreError::Limit { limit: 25, .. })
    ));
    assert_eq!(store.find_traces(&everything(5)).unwrap().len(), 5);
}

#[test]
fn a_span_without_ids_is_refused_with_its_batch() {
    let (_, fs) = memory();
    let (store, _) = open(&fs);
    for bad in [span(0, 1, 1), span(1, 0, 1)] {
        assert!(matches!(
            store.append(&[span(5, 5, 5), bad]),
            Err(StoreError::Invalid(_))
        ));
    }
    assert_eq!(store.find_traces(&everything(5)).unwrap(), []);
    assert_eq!(store.stats().failed_batches, 2);
}

#[test]
fn a_head_that_cannot_become_a_block_is_bounded() {
    let (_, fs) = memory();
    let options = Options {
        max_head_bytes: 500,
        ..Options::default()
    };
    let (store, _) = open_with(&fs, options, Arc::new(ManualClock::at(NOW_MS)));
    while store.append(&[span(1, 1, 1)]).is_ok() {}
    assert!(matches!(
        store.append(&[span(1, 1, 1)]),
        Err(StoreError::Limit { .. })
    ));
    store.cut().unwrap();
    store.append(&[span(1, 1, 1)]).unwrap();
}

#[test]
fn no_flipped_bit_of_a_block_panics_or_gives_wrong_spans() {
    let (memory, fs) = memory();
    let (store, _) = open(&fs);
    let spans: Vec<_> = (1..=3).map(|id| span(id.into(), id, id as i64)).collect();
    store.append(&spans).unwrap();
    store.cut().unwrap();
    let whole = store.find_traces(&everything(10)).unwrap();
    drop(store);
    let path = block_files(&memory).pop().unwrap();
    let bits = memory.read(&path).unwrap().len() * 8;
    let (mut refused, mut failed) = (0, 0);
    for bit in 0..bits {
        memory.flip_bit(&path, bit).unwrap();
        let (store, report) = open(&fs);
        refused += report.damage.len();
        match store.find_traces(&everything(10)) {
            Ok(found) if report.damage.is_empty() => assert_eq!(found, whole, "bit {bit}"),
            Ok(found) => assert!(found.is_empty(), "bit {bit}"),
            Err(StoreError::Corrupt { .. }) => failed += 1,
            Err(other) => panic!("bit {bit}: {other}"),
        }
        let _ = (store.trace(TraceId(2)), store.dependencies(0, 10));
        memory.flip_bit(&path, bit).unwrap();
    }
    assert!(
        refused > 0 && failed > 0,
        "{refused} refused, {failed} failed of {bits}"
    );
}

#[test]
fn a_block_that_is_cut_short_is_reported_and_its_number_not_used_again() {
    let (memory, fs) = memory();
    let (store, _) = open(&fs);
    store.append(&[span(1, 1, 1)]).unwrap();
    store.cut().unwrap();
    drop(store);
    let path = block_files(&memory).pop().unwrap();
    let len = memory.read(&path).unwrap().len() as u64;
    for cut in (0..len).rev() {
        fs.truncate(&path, cut).unwrap();
        let (_, report) = open(&fs);
        assert_eq!(report.damage.len(), 1, "cut at {cut}");
    }
    let (store, _) = open(&fs);
    store.append(&[span(2, 2, 2)]).unwrap();
    store.cut().unwrap();
    assert_eq!(block_files(&memory).len(), 2);
    assert!(store.trace(TraceId(2)).unwrap().is_some());
}

#[test]
fn a_log_taken_away_does_not_hide_what_is_logged_later() {
    let (_, fs) = memory();
    let (store, _) = open(&fs);
    for i in 1..=3u64 {
        store.append(&[span(i.into(), i, 1)]).unwrap();
        store.cut().unwrap();
    }
    drop(store);
    fs.remove_dir_all(&Path::new(DIR).join("wal")).unwrap();
    let (store, _) = open(&fs);
    store.append(&[span(7, 7, 7)]).unwrap();
    drop(store);
    let (store, report) = open(&fs);
    assert_eq!(report.replayed, 1);
    assert!(store.trace(TraceId(7)).unwrap().is_some());
}
