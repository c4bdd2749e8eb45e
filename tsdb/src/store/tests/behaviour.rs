//! What callers rely on, one sentence each.

use super::*;
use model::metrics::{Metadata, MetricType, Rejected};

/// Appends ten samples a second of two series up to `seconds`.
fn feed(tsdb: &Tsdb, from_s: i64, to_s: i64, data: &mut Data) {
    for i in from_s * 10..to_s * 10 {
        append(tsdb, &mut [row(0, i * 100, i as f64), row(1, i * 100, 1.0)], data).unwrap();
    }
}

#[test]
fn refs_are_handed_back_and_serve_the_next_batch() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    let mut rows = [row(0, 0, 1.0), row(1, 0, 1.0), row(0, 1, 2.0)];
    append(&tsdb, &mut rows, &mut data).unwrap();
    assert_ne!(rows[0].series, SeriesRef::UNKNOWN);
    assert_eq!(rows[0].series, rows[2].series);
    assert_ne!(rows[0].series, rows[1].series);
    tsdb.flush().unwrap();
    let mut known = row(1, 5, 9.0);
    known.series = rows[1].series;
    append(&tsdb, std::slice::from_mut(&mut known), &mut data).unwrap();
    assert_eq!(everything(&tsdb), data);
    // A handle of another process means nothing.
    drop(tsdb);
    let tsdb = open(&fs);
    let mut stale = row(1, 7, 9.0);
    stale.series = rows[1].series;
    append(&tsdb, std::slice::from_mut(&mut stale), &mut data).unwrap();
    assert_eq!(everything(&tsdb), data);
}

#[test]
fn rejections_say_why_and_the_rest_of_the_batch_is_stored() {
    let (_, fs) = memory();
    let options = Options {
        max_future_ms: 1000,
        max_series: 2,
        ..small()
    };
    let clock = Arc::new(ManualClock::at(100_000));
    let (tsdb, _) = Tsdb::open(fs, Path::new(DIR), options, clock).unwrap();
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 100_000, 1.0)], &mut data).unwrap();
    let mut rows = [
        row(0, 100_000, 1.0),
        row(0, 100_000, 1.0),
        row(0, 100_000, 2.0),
        row(0, 101_001, 1.0),
        row(0, 99_000, 1.0),
        row(0, 99_000, 3.0),
        row(0, 97_000, 1.0),
        row(1, 101_000, 1.0),
        row(2, 101_000, 1.0),
        MetricRow {
            labels: Labels::empty(),
            ..row(0, 101_000, 1.0)
        },
    ];
    let report = append(&tsdb, &mut rows, &mut data).unwrap();
    let expected = [
        (2, Rejected::Duplicate),
        (3, Rejected::TooFarInFuture),
        (5, Rejected::Duplicate),
        (6, Rejected::OutOfOrder),
        (8, Rejected::SeriesLimit),
        (9, Rejected::InvalidLabels),
    ];
    assert_eq!(report.rejected, expected);
    assert_eq!(report.stored, 4);
    assert_eq!(everything(&tsdb), data);
    let stats = tsdb.stats().unwrap();
    assert_eq!(
        (
            stats.samples_appended,
            stats.samples_late,
            stats.rejected.duplicate
        ),
        (3, 1, 2)
    );
}

#[test]
fn what_is_in_order_for_its_series_is_taken_as_long_as_it_is_kept() {
    let (_, fs) = memory();
    let options = Options {
        retention_ms: Some(1_000_000),
        ..small()
    };
    let clock = Arc::new(ManualClock::at(2_000_000));
    let (tsdb, _) = Tsdb::open(fs, Path::new(DIR), options, clock).unwrap();
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 2_000_000, 1.0)], &mut data).unwrap();
    // A sender that was cut off brings what it kept.
    let mut rows = [
        row(1, 999_999, 1.0),
        row(1, 1_000_000, 2.0),
        row(1, 1_500_000, 3.0),
        row(1, 1_400_000, 4.0),
    ];
    let report = append(&tsdb, &mut rows, &mut data).unwrap();
    assert_eq!(
        report.rejected,
        [(0, Rejected::TooOld), (3, Rejected::OutOfOrder)]
    );
    assert_eq!(everything(&tsdb), data);
}

#[test]
fn samples_move_into_blocks_and_the_log_stays_short() {
    let (_, fs) = memory();
    let options = Options {
        wal_bytes: 2048,
        ..small()
    };
    let (tsdb, _) = open_with(&fs, options).unwrap();
    let mut data = Data::new();
    let mut wal_bytes = Vec::new();
    for second in 0..60 {
        feed(&tsdb, second, second + 1, &mut data);
        tsdb.maintain().unwrap();
        wal_bytes.push(tsdb.stats().unwrap().wal_bytes);
    }
    let longest = wal_bytes.iter().max().unwrap();
    assert!(*longest < 4_000, "the log does not grow: {wal_bytes:?}");
    let stats = tsdb.stats().unwrap();
    assert!(
        stats.flushes.count > 3 && stats.compactions.count > 1,
        "{stats:?}"
    );
    assert!(tsdb.blocks().iter().any(|b| b.level >= 3), "{:?}", tsdb.blocks());
    assert_eq!(everything(&tsdb), data);
    assert_eq!(stats.samples_appended, 1200);
    drop(tsdb);
    let (tsdb, found) = open_with(&fs, small()).unwrap();
    assert!(found.samples < 1200, "{found:?}");
    assert_eq!(everything(&tsdb), data);
}

#[test]
fn what_was_flushed_is_in_blocks_alone() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    feed(&tsdb, 0, 3, &mut data);
    assert_eq!(tsdb.flush().unwrap(), 3);
    let stats = tsdb.stats().unwrap();
    assert_eq!((stats.head_samples, stats.generations), (0, 1));
    assert_eq!(everything(&tsdb), data);
    feed(&tsdb, 3, 4, &mut data);
    assert_eq!(everything(&tsdb), data);
    assert_eq!(ask(&tsdb, 2950, 3050), within(&data, 2950, 3050));
}

#[test]
fn of_two_values_for_one_time_the_first_stays() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    append(&tsdb, &mut [row(0, 100, 1.0)], &mut data).unwrap();
    tsdb.flush().unwrap();
    append(&tsdb, &mut [row(0, 100, 2.0), row(0, 200, 2.0)], &mut data).unwrap();
    assert_eq!(everything(&tsdb), data);
    tsdb.flush().unwrap();
    append(&tsdb, &mut [row(0, 100, 3.0), row(0, 200, 3.0)], &mut data).unwrap();
    tsdb.flush().unwrap();
    append(&tsdb, &mut [row(0, 5000, 3.0)], &mut data).unwrap();
    tsdb.flush().unwrap();
    assert_eq!(everything(&tsdb), data);
    assert!(tsdb.maintain().unwrap().compacted > 0);
    assert_eq!(everything(&tsdb), data);
    assert_eq!(data[&series(0)][&100], 1.0f64.to_bits());
}

#[test]
fn retention_deletes_whole_blocks_by_time_and_by_size() {
    let (_, fs) = memory();
    let options = Options {
        retention_ms: Some(5000),
        ..small()
    };
    let (tsdb, _) = open_with(&fs, options).unwrap();
    let mut data = Data::new();
    feed(&tsdb, 0, 20, &mut data);
    tsdb.flush().unwrap();
    assert!(tsdb.maintain().unwrap().expired > 0);
    assert_eq!(tsdb.maintain().unwrap().expired, 0);
    let found = everything(&tsdb);
    let oldest = *found.values().next().unwrap().keys().next().unwrap();
    assert!((14_000..=15_000).contains(&oldest), "{oldest}");
    assert_eq!(found, within(&data, oldest, i64::MAX));
    drop(tsdb);
    let options = Options {
        retention_bytes: Some(1),
        ..small()
    };
    let (tsdb, _) = open_with(&fs, options).unwrap();
    feed(&tsdb, 20, 21, &mut data);
    tsdb.maintain().unwrap();
    assert_eq!(tsdb.blocks(), []);
    assert_eq!(everything(&tsdb), within(&data, 20_000, i64::MAX));
}

#[test]
fn too_many_series_are_an_error() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    feed(&tsdb, 0, 5, &mut Data::new());
    tsdb.flush().unwrap();
    feed(&tsdb, 5, 6, &mut Data::new());
    let snapshot = tsdb.snapshot(0, 10_000).unwrap();
    let select = |max_series| {
        snapshot
            .select(
                &[],
                &SelectHints {
                    max_series,
                    ..hints(0, 10_000)
                },
            )
            .map(|_| ())
    };
    assert!(matches!(
        select(1),
        Err(StoreError::Limit {
            what: "series",
            limit: 1
        })
    ));
    assert!(select(2).is_ok(), "a series in blocks and memory counts once");
}

#[test]
fn names_and_values_come_sorted_from_head_and_blocks() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    feed(&tsdb, 0, 5, &mut Data::new());
    tsdb.flush().unwrap();
    tsdb.append(&mut [row(10, 5000, 1.0)]).unwrap();
    let snapshot = tsdb.snapshot(0, 10_000).unwrap();
    assert_eq!(snapshot.label_names(&[]).unwrap(), ["__name__", "i", "job"]);
    assert_eq!(snapshot.label_values("i", &[]).unwrap(), ["0", "1", "10"]);
    let m1 = [Matcher::equal("__name__", "m1")];
    assert_eq!(snapshot.label_values("i", &m1).unwrap(), ["1", "10"]);
    assert_eq!(snapshot.label_names(&m1).unwrap(), ["__name__", "i", "job"]);
    assert_eq!(
        snapshot.label_values("absent", &[]).unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn a_closed_database_takes_no_more_and_answers_still() {
    let (memory_fs, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    feed(&tsdb, 0, 1, &mut data);
    tsdb.close().unwrap();
    assert!(matches!(
        tsdb.append(&mut [row(0, 5000, 1.0)]),
        Err(StoreError::ReadOnly(_))
    ));
    assert_eq!(everything(&tsdb), data);
    memory_fs.power_cut();
    assert_eq!(everything(&open(&fs)), data);
}

#[test]
fn metadata_is_remembered_within_bounds() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let metadata = |help: &str| Metadata {
        metric_type: MetricType::Counter,
        help: help.into(),
        unit: String::new(),
    };
    tsdb.set_metadata("b", &metadata("old"));
    tsdb.set_metadata("b", &metadata("new"));
    tsdb.set_metadata("a", &metadata("x"));
    tsdb.set_metadata("c", &metadata(&"long".repeat(2000)));
    assert_eq!(
        tsdb.metadata(),
        [("a".to_owned(), metadata("x")), ("b".to_owned(), metadata("new"))]
    );
}

#[test]
fn the_largest_labels_are_listed() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut rows: Vec<MetricRow> = (0..7).map(|i| row(i, 0, 1.0)).collect();
    tsdb.append(&mut rows).unwrap();
    let found = tsdb.cardinality(2);
    assert_eq!((found.series, found.label_pairs), (7, 11));
    assert_eq!(
        found.series_by_metric_name,
        [("m0".to_owned(), 3), ("m1".to_owned(), 2)]
    );
    assert_eq!(
        found.values_by_label_name,
        [("i".to_owned(), 7), ("__name__".to_owned(), 3)]
    );
    assert_eq!(
        found.bytes_by_label_name,
        [("__name__".to_owned(), 14), ("i".to_owned(), 7)]
    );
    assert_eq!(
        found.series_by_label_pair,
        [("job=j".to_owned(), 7), ("__name__=m0".to_owned(), 3)]
    );
}

#[test]
fn after_billions_of_batches_a_snapshot_still_sees_none_that_came_later() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    let mut data = Data::new();
    tsdb.present.skip_to((1 << 31) + 5);
    append(&tsdb, &mut [row(0, 0, 1.0)], &mut data).unwrap();
    tsdb.flush().unwrap();
    let snapshot = tsdb.snapshot(i64::MIN, i64::MAX).unwrap();
    let before = data.clone();
    // So many rows that some are sealed within the batch that brings them.
    let mut rows: Vec<MetricRow> = (1..100).map(|ms| row(0, ms, ms as f64)).collect();
    append(&tsdb, &mut rows, &mut data).unwrap();
    assert_eq!(read(&*snapshot, &[], &hints(i64::MIN, i64::MAX)).unwrap(), before);
    assert_eq!(everything(&tsdb), data);
}
