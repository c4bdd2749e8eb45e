//! What becomes of series and samples, one rule a test.

use std::sync::Arc;

use model::metrics::{HistogramRow, Rejected, SeriesRef, StartRow};
use model::{Histogram, Labels, Matcher};

use super::fixture::{Head, contents, keys, read, replayed, sample, target, unwrapped};
use crate::head::{Bounds, Limits};

#[test]
fn series_are_found_by_key_in_any_order() {
    let head = Head::new();
    let labels: Vec<Labels> = (0..5).flat_map(|i| target(i, 300)).collect();
    let refs = unwrapped(head.create(&labels, 1));
    let mut shuffled: Vec<usize> = (0..labels.len()).collect();
    shuffled.sort_by_key(|i| i.wrapping_mul(7919) % 1501);
    for order in [(0..labels.len()).collect::<Vec<_>>(), shuffled] {
        let wanted: Vec<Labels> = order.iter().map(|&i| labels[i].clone()).collect();
        let mut found = Vec::new();
        for _ in 0..2 {
            head.table.find(&keys(&wanted), &mut found);
            assert_eq!(found, order.iter().map(|&i| refs[i]).collect::<Vec<_>>());
        }
    }
    let mut found = vec![refs[0]];
    head.table.find(&keys(&target(9, 3)), &mut found);
    assert_eq!(found, [SeriesRef::UNKNOWN; 3]);
}

#[test]
fn two_shards_that_alternate_are_predicted_and_right() {
    let head = Head::new();
    let (even, odd) = (target(1, 200), target(2, 200));
    let even_refs = unwrapped(head.create(&even, 1));
    let odd_refs = unwrapped(head.create(&odd, 1));
    let mixed: Vec<Labels> = even
        .iter()
        .zip(&odd)
        .flat_map(|(a, b)| [a.clone(), b.clone()])
        .collect();
    let expected: Vec<SeriesRef> = even_refs
        .iter()
        .zip(&odd_refs)
        .flat_map(|(a, b)| [*a, *b])
        .collect();
    let mut found = Vec::new();
    head.table.find(&keys(&mixed), &mut found);
    assert_eq!(found, expected);
}

#[test]
fn a_call_makes_a_series_once_and_pages_do_not_mix_timestamps() {
    let head = Head::new();
    let labels = target(1, 3);
    let twice = [labels.clone(), labels.clone()].concat();
    let refs = unwrapped(head.create(&twice, 1));
    assert_eq!(refs[..3], refs[3..]);
    assert_eq!(head.table.len(), 3);
    let new: Vec<_> = target(2, 4)
        .into_iter()
        .zip([10, 10, 20, 20])
        .map(|(labels, timestamp_ms)| model::metrics::NewSeries { labels, timestamp_ms })
        .collect();
    let mut refs = Vec::new();
    head.table.create(&new, &mut refs);
    let pages: Vec<u64> = refs.iter().map(|series| series.unwrap().0 >> 9).collect();
    assert!(pages[0] == pages[1] && pages[2] == pages[3] && pages[0] != pages[2]);
}

#[test]
fn labels_that_cannot_be_are_refused() {
    let head = Head::new();
    let many: Vec<(String, String)> = (0..1025).map(|i| (format!("l{i}"), "x".to_owned())).collect();
    let labels = [
        Labels::empty(),
        Labels::from_pairs([("", "x")]),
        Labels::from_pairs(many),
        Labels::from_pairs([("a", "x".repeat(128 << 10))]),
        Labels::from_pairs([("a", "b")]),
    ];
    let refs = head.create(&labels, 1);
    assert_eq!(refs[..4], [Err(Rejected::InvalidLabels); 4]);
    assert!(refs[4].is_ok());
}

#[test]
fn limits_refuse_and_say_which() {
    let head = Head::with(Limits {
        max_series: 10,
        max_series_per_metric: 3,
        max_bytes: 0,
    });
    let metric = |name: &str, count: usize| -> Vec<Labels> {
        (0..count)
            .map(|i| Labels::from_pairs([("__name__", name.to_owned()), ("i", i.to_string())]))
            .collect()
    };
    let refs = head.create(&metric("a", 5), 1);
    assert_eq!(refs.iter().filter(|r| r.is_ok()).count(), 3);
    assert_eq!(refs[4], Err(Rejected::SeriesLimit));
    let distinct: Vec<Labels> = (0..10).flat_map(|i| metric(&format!("m{i}"), 1)).collect();
    let refs = head.create(&distinct, 1);
    assert_eq!(refs.iter().filter(|r| r.is_ok()).count(), 7);
    let refused = head.table.refused();
    assert_eq!(
        (refused.series, refused.series_per_metric, refused.bytes),
        (3, 2, 0)
    );
    let small = Head::with(Limits {
        max_bytes: 1000,
        ..Limits::default()
    });
    assert!(small.create(&target(1, 20), 1).iter().all(Result::is_ok));
    assert_eq!(small.create(&target(2, 1), 1), [Err(Rejected::SeriesLimit)]);
    assert_eq!(small.table.refused().bytes, 1);
}

#[test]
fn samples_are_judged_by_the_rules() {
    let mut head = Head::new();
    let refs = unwrapped(head.create(&target(1, 3), 1));
    head.scrape(&refs, 1000, |i| i as f64);
    head.bounds = Bounds {
        in_order_from_ms: 500,
        late_from_ms: 900,
        until_ms: 5000,
    };
    let report = head.append(&[
        sample(refs[0], 1000, 0.0),
        sample(refs[1], 1000, 7.0),
        sample(refs[0], 950, 1.0),
        sample(refs[0], 899, 1.0),
        sample(refs[0], 499, 1.0),
        sample(refs[0], 5001, 1.0),
        sample(refs[0], 5000, 1.0),
        sample(SeriesRef(77 << 32), 1000, 1.0),
        sample(SeriesRef(refs[2].0 + 1), 2000, 1.0),
        sample(SeriesRef::UNKNOWN, 2000, 1.0),
    ]);
    assert_eq!(report.stored, 3);
    assert_eq!(
        report.rejected,
        [
            (1, Rejected::Duplicate),
            (3, Rejected::OutOfOrder),
            (4, Rejected::TooOld),
            (5, Rejected::TooFarInFuture),
            (7, Rejected::UnknownSeries),
            (8, Rejected::UnknownSeries),
            (9, Rejected::UnknownSeries),
        ]
    );
    assert_eq!((head.memtable.samples(), head.memtable.late_samples()), (5, 1));
    assert_eq!(
        (head.memtable.oldest_ms(), head.memtable.newest_ms()),
        (Some(950), Some(5000))
    );
}

#[test]
fn a_request_cut_in_the_middle_of_a_page_is_no_late_sample() {
    let mut head = Head::new();
    let refs = unwrapped(head.create(&target(1, 100), 1));
    for t in 1..200 {
        let cut = (t * 37 % 100) as usize;
        head.scrape(&refs[..cut], t * 1000, |i| i as f64);
        head.scrape(&refs[cut..], t * 1000, |i| i as f64);
        head.commit();
    }
    assert_eq!(head.memtable.late_samples(), 0);
    assert!(head.memtable.runs() <= 10, "{} runs", head.memtable.runs());
}

#[test]
fn selections_have_samples_in_the_range() {
    let mut head = Head::new();
    let (a, b) = (target(1, 100), target(2, 100));
    let a_refs = unwrapped(head.create(&a, 1));
    let b_refs = unwrapped(head.create(&b, 1));
    for t in 0..100 {
        head.scrape(&a_refs, t * 1000, |_| t as f64);
        head.scrape(&b_refs[..50], 200_000 + t * 1000, |_| t as f64);
        head.commit();
    }
    let names = |matchers: &[Matcher], start, end| -> Vec<Labels> {
        let found = head.memtable.selection(matchers, u64::MAX, start, end).unwrap();
        let mut labels: Vec<Labels> = (0..found.len()).map(|at| found.labels(at)).collect();
        labels.sort();
        labels
    };
    let sorted = |mut labels: Vec<Labels>| {
        labels.sort();
        labels
    };
    assert_eq!(names(&[], 0, 99_000), sorted(a.clone()));
    assert_eq!(names(&[], 99_001, 199_999), Vec::<Labels>::new());
    assert_eq!(
        names(&[Matcher::equal("cpu", "0")], 200_000, 200_000),
        sorted(b[..50].to_vec())
    );
    let two = [
        Matcher::equal("__name__", "node_metric_1_total"),
        Matcher::equal("cpu", "1"),
    ];
    assert_eq!(names(&two, 0, 0), [a[98].clone()]);
    let ids = head.memtable.select_ids(&[], u64::MAX, 200_000, 300_000).unwrap();
    assert_eq!(head.table.label_values("instance", Some(&ids)), ["host-2:9100"]);
    assert_eq!(head.table.label_values("instance", None).len(), 2);
    assert_eq!(
        head.table.label_names(Some(&ids)),
        ["__name__", "cpu", "instance", "job"]
    );
    let cardinality = head.table.cardinality(2);
    assert_eq!(
        (cardinality.series, cardinality.series_by_label_pair.len()),
        (200, 2)
    );
    assert_eq!(cardinality.series_by_label_pair[0], ("job=node".to_owned(), 200));
}

#[test]
fn starts_are_read_with_the_samples_and_replayed() {
    let mut head = Head::new();
    let labels = target(1, 4);
    let refs = unwrapped(head.create(&labels, 1));
    let start = |series, from_ms, start_ms| StartRow {
        series,
        from_ms,
        start_ms,
    };
    let mut log = Vec::new();
    for t in 1..50 {
        let rows = [
            start(refs[1], t * 1000, 7),
            start(refs[2], t * 1000, t / 40 * 1000),
            start(SeriesRef(9 << 32), 1, 1),
        ];
        head.memtable
            .append_starts(&rows, &mut |bytes, kind| log.push((kind, bytes.to_vec())));
        head.scrape(&refs, t * 1000, |i| i as f64);
    }
    assert_eq!(log.len(), 3, "a page and two changes");
    log.append(&mut head.log);
    let copy = replayed(&log);
    for memtable in [&head.memtable, &copy] {
        let starts = |i: usize| read(memtable, &labels[i], u64::MAX, 0, i64::MAX).starts;
        assert!(starts(0).is_empty());
        assert_eq!(starts(1).changes(), [(1000, 7)]);
        assert_eq!(starts(2).changes(), [(40_000, 1000)]);
        let some = read(memtable, &labels[1], u64::MAX, 20_000, 30_000);
        assert_eq!(some.starts.changes(), [(20_000, 7)]);
    }
}

#[test]
fn native_histograms_go_the_way_of_floats() {
    let mut head = Head::new();
    let labels = target(1, 4);
    let refs = unwrapped(head.create(&labels, 1));
    head.scrape(&refs, 1000, |i| i as f64);
    let row = |series, timestamp_ms, sum: f64| HistogramRow {
        series,
        timestamp_ms,
        histogram: Arc::new(Histogram {
            sum,
            ..Histogram::stale()
        }),
    };
    let mut stored = 0;
    let mut log = std::mem::take(&mut head.log);
    let mut append = |head: &mut Head, rows: &[HistogramRow]| {
        head.batch += 1;
        let mut report = Default::default();
        let mut record = |bytes: &[u8], kind| log.push((kind, bytes.to_vec()));
        head.memtable
            .append_histograms(head.batch, rows, &Bounds::NONE, &mut record, &mut report);
        head.commit();
        report
    };
    for t in 2..100 {
        stored += append(
            &mut head,
            &[row(refs[1], t * 1000, t as f64), row(refs[3], t * 1000, 0.0)],
        )
        .stored;
    }
    assert_eq!(stored, 196);
    let report = append(
        &mut head,
        &[
            row(refs[1], 5000, 5.0),
            row(refs[1], 5000, 6.0),
            row(refs[1], 5500, 6.0),
            row(SeriesRef(5 << 32), 1, 1.0),
        ],
    );
    assert_eq!(report.stored, 2);
    assert_eq!(
        report.rejected,
        [(1, Rejected::Duplicate), (3, Rejected::UnknownSeries)]
    );
    let copy = replayed(&log);
    for memtable in [&head.memtable, &copy] {
        let samples = read(memtable, &labels[1], u64::MAX, 0, i64::MAX);
        assert_eq!((samples.values.len(), samples.histograms.len()), (1, 99));
        assert!(samples.histograms.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(samples.histograms[4].1.sum, 6.0);
        assert_eq!(
            read(memtable, &labels[1], u64::MAX, 2000, 3000).histograms.len(),
            2
        );
        assert_eq!(contents(memtable, u64::MAX).len(), 4);
    }
}
