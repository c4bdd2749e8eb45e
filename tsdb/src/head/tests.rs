//! Handles, visibility and truncation of the head.

use super::*;
use crate::merge;
use crate::view::View;
use model::metrics::Samples;

fn at(batch: u64) -> View {
    View {
        batch,
        floor: Floor::NONE,
    }
}

fn times(data: &SeriesData, view: View) -> Vec<i64> {
    let mut out = Samples::default();
    merge::read(
        &data.sources(view, i64::MIN, i64::MAX),
        i64::MIN,
        i64::MAX,
        &mut out,
    )
    .unwrap();
    out.timestamps
}

#[test]
fn a_view_sees_its_batches_only_even_within_a_sealed_chunk() {
    let series = Series::new(SeriesRef(1 << 32), Labels::from_pairs([("a", "b")]), 1);
    let mut data = series.data.lock();
    for i in 0..500u64 {
        data.push(i as i64, 0.0, i + 1, 100);
    }
    data.push_late(LateSample {
        timestamp_ms: -5,
        value: 0.0,
        batch: 300,
    });
    assert_eq!(times(&data, at(100)), (0..100).collect::<Vec<_>>());
    assert_eq!(times(&data, at(130)), (0..130).collect::<Vec<_>>());
    assert_eq!(times(&data, at(300)).len(), 301);
    assert_eq!(times(&data, at(u64::MAX)).len(), 501);
}

#[test]
fn truncation_takes_what_the_floor_covers_and_nothing_a_view_sees() {
    let series = Series::new(SeriesRef(1 << 32), Labels::from_pairs([("a", "b")]), 1);
    let mut data = series.data.lock();
    for i in 0..300u64 {
        data.push(i as i64, 0.0, i + 1, u64::MAX);
    }
    data.push_late(LateSample {
        timestamp_ms: -5,
        value: 0.0,
        batch: 300,
    });
    data.push_late(LateSample {
        timestamp_ms: -4,
        value: 0.0,
        batch: 301,
    });
    let floor = Floor {
        floor_ms: 130,
        batch: 300,
    };
    let view = View { batch: 301, floor };
    let before = times(&data, view);
    data.truncate(floor);
    assert_eq!(times(&data, view), before);
    assert_eq!(before, std::iter::once(-4).chain(130..300).collect::<Vec<_>>());
    data.truncate(Floor {
        floor_ms: 300,
        batch: 301,
    });
    assert!(data.is_empty());
}

#[test]
fn the_handle_of_a_collected_series_finds_nobody() {
    let head = Head::default();
    let labels = |i: u64| Labels::from_pairs([("a", i.to_string())]);
    let insert = |i: u64| {
        let mut index = head.index.write();
        let id = index.upcoming(0).unwrap();
        assert!(index.insert(Arc::new(Series::new(id, labels(i), 1))));
        id
    };
    let first = insert(1);
    let kept = insert(2);
    head.index
        .read()
        .by_ref(kept)
        .unwrap()
        .data
        .lock()
        .push(1, 1.0, 1, 1);
    assert_eq!(head.truncate(Floor::NONE, || ()), 1);
    let again = insert(3);
    assert_ne!(first, again);
    assert_eq!(slot_of(first.0), slot_of(again.0));
    let index = head.index.read();
    assert!(index.by_ref(first).is_none());
    assert_eq!(index.by_ref(again).unwrap().labels, labels(3));
    assert_eq!(index.by_ref(kept).unwrap().labels, labels(2));
    assert_eq!(index.len(), 2);
}

#[test]
fn a_replayed_series_takes_over_slot_and_labels() {
    let mut index = Index::default();
    let labels = Labels::from_pairs([("a", "b")]);
    let insert = |index: &mut Index, id: u64, labels: &Labels| {
        index.insert(Arc::new(Series::new(SeriesRef(id), labels.clone(), 1)))
    };
    assert!(insert(&mut index, 1 << 32, &Labels::from_pairs([("x", "y")])));
    assert!(insert(&mut index, 2 << 32, &labels));
    assert!(insert(&mut index, 3 << 32 | 5, &labels));
    assert!(!insert(&mut index, 3 << 32 | u64::from(u32::MAX), &labels));
    assert!(!insert(&mut index, 5, &labels));
    assert_eq!(index.len(), 1);
    index.finish_replay();
    assert_eq!(index.upcoming(0), Some(SeriesRef(4 << 32 | 4)));
    assert_eq!(index.upcoming(4), Some(SeriesRef(4 << 32)));
    assert_eq!(index.upcoming(5), Some(SeriesRef(4 << 32 | 6)));
}
