//! Exemplars come back by series and time, after a kill and on a failing disk, and stay within their bounds.

use std::io::ErrorKind;

use durable::{FaultyFs, MemoryFs};
use model::MatchOp;

use super::*;
use crate::random::Random;

fn open(fs: &Arc<dyn Fs>) -> Exemplars {
    let store = Exemplars::open(
        Arc::clone(fs),
        Path::new("/exemplars"),
        ExemplarOptions::default(),
    );
    store.expect("opens")
}

fn memory() -> Arc<dyn Fs> {
    Arc::new(MemoryFs::default())
}

fn row(series: &str, trace: &str, value: f64, timestamp_ms: i64) -> ExemplarRow {
    ExemplarRow {
        series: Labels::from_pairs([("__name__", "latency_bucket"), ("job", series)]),
        exemplar: Exemplar {
            labels: Labels::from_pairs([("trace_id", trace)]),
            value,
            timestamp_ms,
        },
        own_timestamp: true,
    }
}

fn job(regex: &str) -> Vec<Matcher> {
    vec![Matcher::new("job", MatchOp::Regex, regex).expect("a matcher")]
}

/// What is found, as text: `job trace@time`.
fn found(store: &Exemplars, regex: &str, start_ms: i64, end_ms: i64) -> Vec<String> {
    let series = store
        .select_exemplars(&[job(regex)], start_ms, end_ms, 0)
        .expect("reads");
    let lines = series.iter().flat_map(|s| {
        let job = s.labels.get("job").unwrap_or_default().to_owned();
        s.exemplars.iter().map(move |e| {
            let trace = e.labels.get("trace_id").unwrap_or_default();
            format!("{job} {trace}@{}", e.timestamp_ms)
        })
    });
    lines.collect()
}

#[test]
fn they_are_found_by_series_and_time_and_survive_a_restart() {
    let fs = memory();
    let store = open(&fs);
    let rows = [
        row("b", "t1", 1.0, 10),
        row("a", "t2", 0.5, 20),
        row("b", "t3", 2.0, 30),
    ];
    let report = store.append_exemplars(&rows).expect("appends");
    assert_eq!(report.stored, 3);
    let check = |store: &Exemplars| {
        assert_eq!(found(store, ".*", 0, 100), ["a t2@20", "b t1@10", "b t3@30"]);
        assert_eq!(found(store, "b", 11, 30), ["b t3@30"]);
        assert!(found(store, "c", 0, 100).is_empty());
        assert!(found(store, ".*", 31, 100).is_empty());
    };
    check(&store);
    drop(store);
    let store = open(&fs);
    check(&store);
    // What was the newest of its series before the restart still is.
    let report = store.append_exemplars(&[row("b", "t3", 2.0, 30), row("b", "t4", 1.0, 29)]);
    let report = report.expect("appends");
    assert_eq!((report.stored, report.repeated), (0, 1));
    assert_eq!(report.rejected, [(1, RejectedExemplar::OutOfOrder)]);
    store
        .append_exemplars(&[row("b", "t5", 1.0, 31)])
        .expect("appends");
    assert_eq!(found(&open(&fs), "b", 30, 31), ["b t3@30", "b t5@31"]);
}

#[test]
fn selectors_are_a_union_and_results_are_bounded() {
    let store = open(&memory());
    let rows = [
        row("a", "1", 1.0, 1),
        row("b", "2", 1.0, 1),
        row("c", "3", 1.0, 1),
    ];
    store.append_exemplars(&rows).expect("appends");
    let both = store
        .select_exemplars(&[job("a"), job("a|c")], 0, 9, 2)
        .expect("reads");
    assert_eq!(both.len(), 2);
    let limited = store.select_exemplars(&[job(".*")], 0, 9, 2);
    assert!(matches!(limited, Err(StoreError::Limit { limit: 2, .. })));
    assert!(store.select_exemplars(&[], 0, 9, 0).expect("reads").is_empty());
}

#[test]
fn order_is_by_time_then_value_and_without_times_repetitions_are_the_same_one() {
    let store = open(&memory());
    let verdicts = |rows: &[ExemplarRow]| {
        let report = store.append_exemplars(rows).expect("appends");
        (report.stored, report.repeated, report.rejected.len())
    };
    assert_eq!(
        verdicts(&[row("a", "1", 1.0, 10), row("a", "2", 2.0, 10)]),
        (2, 0, 0)
    );
    assert_eq!(verdicts(&[row("a", "1", 1.0, 10)]), (0, 0, 1));
    assert_eq!(verdicts(&[row("a", "2", 2.0, 10)]), (0, 1, 0));
    assert_eq!(verdicts(&[row("a", "2", 2.0, 11)]), (1, 0, 0));
    let untimed = |timestamp_ms| ExemplarRow {
        own_timestamp: false,
        ..row("b", "1", 1.0, timestamp_ms)
    };
    assert_eq!(verdicts(&[untimed(10), untimed(20), untimed(30)]), (1, 2, 0));
    assert_eq!(verdicts(&[row("b", "1", 1.0, 40)]), (1, 0, 0));
}

#[test]
fn what_can_not_be_stored_is_named() {
    let store = open(&memory());
    let long = "x".repeat(1000);
    let mut nameless = row("a", "1", 1.0, 1);
    nameless.series = Labels::empty();
    let report = store
        .append_exemplars(&[row("a", &long, 1.0, 1), nameless])
        .expect("appends");
    let reasons = [
        (0, RejectedExemplar::LabelsTooLong),
        (1, RejectedExemplar::InvalidLabels),
    ];
    assert_eq!(report.rejected, reasons);
}

#[test]
fn bytes_are_bounded_and_the_oldest_go_first() {
    let fs = memory();
    let options = ExemplarOptions {
        max_bytes: 64 << 10,
        ..ExemplarOptions::default()
    };
    let dir = Path::new("/exemplars");
    let store = Exemplars::open(Arc::clone(&fs), dir, options).expect("opens");
    let on_disk = || fs.list(dir).expect("lists").iter().map(|e| e.len).sum::<u64>();
    for at in 0..3000 {
        store
            .append_exemplars(&[row("a", &format!("{at:032}"), 1.0, at)])
            .expect("appends");
        assert!(
            on_disk() <= options.max_bytes + 16 * 8 + 200,
            "{at}: {}",
            on_disk()
        );
    }
    let left = found(&store, "a", 0, 3000);
    assert!(left.len() > 500 && left.len() < 2000, "{}", left.len());
    assert!(left.last().is_some_and(|last| last.ends_with("@2999")));
    drop(store);
    let store = Exemplars::open(Arc::clone(&fs), dir, options).expect("opens");
    assert_eq!(found(&store, "a", 0, 3000), left);
    assert_eq!(
        store.stats().bytes + 8 * fs.list(dir).expect("lists").len() as u64,
        on_disk()
    );
}

#[test]
fn age_is_bounded() {
    let fs = memory();
    let store = open(&fs);
    let day_ms = 86_400_000;
    for day in 0..20 {
        store.maintain(day * day_ms).expect("maintains");
        store
            .append_exemplars(&[row("a", "t", 1.0, day * day_ms)])
            .expect("appends");
    }
    store.maintain(20 * day_ms).expect("maintains");
    let left = found(&store, "a", 0, i64::MAX);
    assert_eq!(left.first().map(String::as_str), Some("a t@432000000"));
    assert_eq!(left.len(), 15);
    store.maintain(40 * day_ms).expect("maintains");
    store.maintain(40 * day_ms).expect("maintains");
    assert!(found(&store, "a", 0, i64::MAX).is_empty());
    assert_eq!(fs.list(Path::new("/exemplars")).expect("lists").len(), 1);
}

#[test]
fn a_disk_that_fails_at_any_call_loses_nothing_acknowledged() {
    for nth in 0..60 {
        let inner = memory();
        let faulty = FaultyFs::new(Arc::clone(&inner));
        let options = ExemplarOptions {
            max_bytes: 16 << 10,
            ..ExemplarOptions::default()
        };
        let dir = Path::new("/exemplars");
        let fs: Arc<dyn Fs> = Arc::new(faulty.clone());
        let store = Exemplars::open(fs, dir, options).expect("opens");
        faulty.fail(nth, ErrorKind::StorageFull, false);
        let mut acknowledged = Vec::new();
        for at in 0..50 {
            let appended = store.append_exemplars(&[row("a", &format!("{at:040}"), 1.0, at)]);
            match appended {
                Ok(report) => {
                    assert_eq!(report.stored, 1);
                    acknowledged.push(format!("a {at:040}@{at}"));
                }
                Err(_) => store.maintain(0).expect("mends"),
            }
        }
        assert!(acknowledged.len() >= 49, "{nth}: {}", acknowledged.len());
        assert_eq!(found(&store, "a", 0, 100), acknowledged, "{nth}");
        drop(store);
        let store = Exemplars::open(inner, dir, options).expect("opens again");
        assert_eq!(found(&store, "a", 0, 100), acknowledged, "{nth}");
    }
}

#[test]
fn a_torn_tail_and_spoilt_bytes_cost_what_they_hit() {
    let fs = memory();
    let store = open(&fs);
    for at in 0..100 {
        store
            .append_exemplars(&[row("a", "t", at as f64, at)])
            .expect("appends");
    }
    drop(store);
    let path = Path::new("/exemplars/0000000001.log");
    let whole = fs.read(path).expect("reads");
    fs.truncate(path, whole.len() as u64 - 5).expect("truncates");
    assert_eq!(found(&open(&fs), "a", 0, 100).len(), 99);
    let mut random = Random::new(3);
    for _ in 0..200 {
        let mut spoilt = whole.clone();
        let at = 8 + random.below(spoilt.len() as u64 - 8) as usize;
        spoilt[at] ^= 1 << random.below(8);
        fs.create(path)
            .and_then(|mut file| file.write_all(&spoilt))
            .expect("writes");
        let store = open(&fs);
        assert!(found(&store, "a", 0, 100).len() < 100);
        let appended = store
            .append_exemplars(&[row("a", "new", 1.0, 1000)])
            .expect("appends");
        assert_eq!(appended.stored, 1);
        assert_eq!(found(&store, "a", 1000, 1000), ["a new@1000"]);
    }
}

#[test]
fn random_batches_are_found_as_a_plain_list_has_them() {
    let fs = memory();
    let mut store = open(&fs);
    let mut random = Random::new(11);
    let mut model: Vec<ExemplarRow> = Vec::new();
    for round in 0..60 {
        let mut rows = Vec::new();
        for i in 0..random.below(40) {
            let series = format!("s{}", random.below(12));
            rows.push(row(
                &series,
                &format!("t{}", random.next()),
                i as f64,
                round * 10 + (i as i64) / 8,
            ));
        }
        let report = store.append_exemplars(&rows).expect("appends");
        assert_eq!(report.stored, rows.len(), "each later than those before");
        model.extend(rows);
        if random.below(10) == 0 {
            store = open(&fs);
        }
        let (start, end) = (random.below(600) as i64, random.below(600) as i64);
        let regex = format!("s1?{}", random.below(10));
        let matcher = job(&regex);
        let mut expected: Vec<&ExemplarRow> = model
            .iter()
            .filter(|r| matcher.iter().all(|m| m.matches_labels(&r.series)))
            .filter(|r| (start..=end).contains(&r.exemplar.timestamp_ms))
            .collect();
        expected.sort_by(|a, b| a.series.cmp(&b.series));
        let expected: Vec<&Exemplar> = expected.iter().map(|r| &r.exemplar).collect();
        let got = store.select_exemplars(&[matcher], start, end, 0).expect("reads");
        let got: Vec<&Exemplar> = got.iter().flat_map(|s| &s.exemplars).collect();
        assert_eq!(got, expected);
    }
}
