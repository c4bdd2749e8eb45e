//! What is left of old samples, asked for as users do.

use model::metrics::Wanted;
use promql::{Engine, EngineOptions, QueryContext};

use super::*;
use crate::Downsampling;
use crate::downsample::AGGREGATE;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Samples lie a little after the full minute, so that none is on the edge of a window.
const PHASE: i64 = 7000;

/// How much there is.
const HOURS: i64 = 30;

fn options(downsample: Vec<Downsampling>) -> Options {
    Options {
        retention_ms: match downsample.as_slice() {
            [] => None,
            _ => Some(8 * HOUR),
        },
        max_future_ms: i64::MAX / 2,
        downsample,
        ..Options::default()
    }
}

/// Five minutes and an hour, as early as can be.
fn both(five_minutes: Option<i64>, one_hour: Option<i64>) -> Vec<Downsampling> {
    let early = |downsampling| Downsampling {
        after_ms: 0,
        ..downsampling
    };
    vec![
        early(Downsampling::five_minutes(five_minutes)),
        early(Downsampling::one_hour(one_hour)),
    ]
}

/// A counter that begins anew now and then, a gauge, and a gauge that ends after five hours and a half.
fn values(minute: i64) -> Vec<MetricRow> {
    let at_ms = minute * MINUTE + PHASE;
    let counter = (minute % 433) * 3 + minute % 7 + if minute % 433 == 0 { 0 } else { 2 };
    let gauge = (minute * 7919) % 1009;
    let mut rows = vec![row(0, at_ms, counter as f64), row(1, at_ms, gauge as f64 - 500.0)];
    if at_ms < 5 * HOUR + 30 * MINUTE {
        rows.push(row(2, at_ms, gauge as f64));
    }
    rows
}

/// A store that lived through it all.
fn filled(fs: &Arc<dyn Fs>, options: Options) -> Tsdb {
    let clock = Arc::new(ManualClock::at(0));
    let (tsdb, _) = Tsdb::open(Arc::clone(fs), Path::new(DIR), options, Arc::clone(&clock) as _).unwrap();
    tsdb.recover().unwrap();
    for minute in 0..HOURS * 60 {
        tsdb.append(&mut values(minute)).unwrap();
        clock.advance(MINUTE);
        if minute % 5 == 0 {
            tsdb.maintain().unwrap();
        }
    }
    tsdb.flush().unwrap();
    tsdb.maintain().unwrap();
    tsdb
}

fn plain() -> Tsdb {
    filled(&memory().1, options(Vec::new()))
}

type Answer = BTreeMap<Labels, BTreeMap<i64, f64>>;

fn query(tsdb: &Tsdb, query: &str, (start_ms, end_ms, step_ms): (i64, i64, i64), resolution: i64) -> Answer {
    let engine = Engine::new(EngineOptions::default());
    let context = QueryContext {
        max_resolution_ms: resolution,
        ..QueryContext::default()
    };
    let result = engine.range(tsdb, query, start_ms, end_ms, step_ms, &context);
    let promql::Value::Matrix(series) = result.unwrap().value else {
        panic!("not a matrix");
    };
    series
        .iter()
        .map(|s| {
            (
                s.labels.clone(),
                s.floats().map(|p| (p.timestamp_ms, p.value)).collect(),
            )
        })
        .collect()
}

/// The ends of the ranges that blocks of a resolution cover: the first and the last.
fn covered(tsdb: &Tsdb, resolution_ms: i64) -> Option<(i64, i64)> {
    let blocks = tsdb.blocks();
    let blocks = || blocks.iter().filter(|m| m.resolution_ms == resolution_ms);
    Some((
        blocks().map(|m| m.min_ms).min()?,
        blocks().map(|m| m.max_ms).max()?,
    ))
}

#[test]
fn over_whole_windows_the_answer_is_that_of_the_samples() {
    let (plain, (_, fs)) = (plain(), memory());
    let reduced = filled(&fs, options(both(None, None)));
    assert!(
        covered(&reduced, 0).unwrap().0 >= 20 * HOUR,
        "{:?}",
        reduced.blocks()
    );
    assert_eq!(covered(&reduced, 5 * MINUTE).unwrap().0, 0);
    assert_eq!(covered(&reduced, HOUR).unwrap().0, 0);
    // Into what still has its samples, too.
    let range = (HOUR, 29 * HOUR, HOUR);
    for resolution in [0, 5 * MINUTE, HOUR] {
        for function in [
            "min_over_time",
            "max_over_time",
            "sum_over_time",
            "count_over_time",
        ] {
            let text = format!("{function}({{job=\"j\"}}[1h])");
            let expected = query(&plain, &text, range, 0);
            assert!(expected.len() == 3 && expected.values().any(|points| points.len() == 29));
            assert_eq!(
                query(&reduced, &text, range, resolution),
                expected,
                "{text} {resolution}"
            );
        }
        let mean = "avg_over_time({job=\"j\"}[2h])";
        let (found, expected) = (query(&reduced, mean, range, HOUR), query(&plain, mean, range, 0));
        for (labels, points) in &expected {
            for (ms, value) in points.range(..20 * HOUR) {
                // The last window of what ends has fewer samples and counts as much as another.
                if labels.get("i") != Some("2") {
                    assert!((found[labels][ms] - value).abs() < 1e-9, "{labels} {ms}");
                }
            }
        }
    }
}

#[test]
fn counters_grow_as_they_did_through_every_reset() {
    let (plain, (_, fs)) = (plain(), memory());
    let reduced = filled(&fs, options(both(None, None)));
    // From the last sample of a window to that of another.
    let at = |hour: i64| hour * HOUR - MINUTE + PHASE;
    let range = (at(3), at(29), HOUR);
    for resolution in [0, 5 * MINUTE, HOUR] {
        for text in [
            "increase(m0[3600001ms])",
            "rate(m0[7200001ms])",
            "resets(m0[18000001ms]) > bool 0",
        ] {
            let expected = query(&plain, text, range, 0);
            assert!(expected.values().any(|points| points.len() > 20), "{expected:?}");
            assert_eq!(
                query(&reduced, text, range, resolution),
                expected,
                "{text} {resolution}"
            );
        }
    }
}

#[test]
fn a_selector_sees_a_series_from_its_beginning_to_its_end() {
    let (plain, (_, fs)) = (plain(), memory());
    let reduced = filled(&fs, options(both(None, None)));
    let range = (0, 29 * HOUR, 4 * MINUTE);
    let text = "{job=\"j\"}";
    let expected = query(&plain, text, range, 0);
    for resolution in [0, 5 * MINUTE, HOUR] {
        let found = query(&reduced, text, range, resolution);
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>()
        );
        for (labels, points) in &expected {
            let from_ms = 2 * HOUR;
            let times =
                |answer: &BTreeMap<i64, f64>| answer.range(from_ms..).map(|(ms, _)| *ms).collect::<Vec<_>>();
            assert_eq!(times(&found[labels]), times(points), "{labels} {resolution}");
            assert!(
                found[labels].keys().all(|ms| points.contains_key(ms)),
                "not before, not after"
            );
        }
    }
    // What is said between two windows of an hour is what was true at the end of the first.
    let hourly = query(&reduced, "m1", (3 * HOUR, 20 * HOUR, 10 * MINUTE), HOUR);
    let ends = query(&plain, "m1", (0, 29 * HOUR, HOUR), 0);
    for (ms, value) in &hourly[&series(1)] {
        let end_ms = ms - ms % HOUR;
        if ms - end_ms < 59 * MINUTE {
            assert_eq!(ends[&series(1).clone()][&end_ms], *value, "{ms}");
        }
    }
}

#[test]
fn the_label_of_aggregates_never_shows() {
    let (_, fs) = memory();
    let reduced = filled(&fs, options(both(None, None)));
    let snapshot = reduced.snapshot(0, 10 * HOUR).unwrap();
    let all: Vec<Labels> = (0..3).map(series).collect();
    assert_eq!(snapshot.series(&[]).unwrap(), all);
    assert_eq!(snapshot.series(&[Matcher::equal("i", "2")]).unwrap(), [series(2)]);
    let names = ["__name__", "i", "job"];
    assert_eq!(snapshot.label_names(&[]).unwrap(), names);
    assert_eq!(snapshot.label_names(&[Matcher::equal("i", "1")]).unwrap(), names);
    assert_eq!(snapshot.label_values("i", &[]).unwrap(), ["0", "1", "2"]);
    assert_eq!(snapshot.label_values(AGGREGATE, &[]).unwrap(), [""; 0]);
    let late = reduced.snapshot(6 * HOUR, 10 * HOUR).unwrap();
    assert_eq!(late.series(&[]).unwrap(), all[..2]);
    for wanted in [Wanted::Last, Wanted::Mean, Wanted::Counter] {
        let hints = SelectHints {
            wanted,
            max_resolution_ms: HOUR,
            ..hints(0, 29 * HOUR)
        };
        let found = read(&*reduced.snapshot(0, 29 * HOUR).unwrap(), &[], &hints).unwrap();
        assert_eq!(found.keys().cloned().collect::<Vec<_>>(), all);
    }
    let names = reduced.cardinality(100).values_by_label_name;
    assert!(names.iter().all(|(name, _)| name != AGGREGATE));
    assert_eq!(reduced.stats().unwrap().head_series, 2);
}

#[test]
fn each_resolution_is_kept_as_long_as_it_says() {
    let (_, fs) = memory();
    let options = options(both(Some(15 * HOUR), Some(24 * HOUR)));
    let reduced = filled(&fs, options);
    let oldest = |resolution_ms| covered(&reduced, resolution_ms).unwrap().0;
    let newest_ms = HOURS * HOUR - MINUTE + PHASE;
    for (resolution_ms, kept_ms) in [(0, 8 * HOUR), (5 * MINUTE, 15 * HOUR), (HOUR, 24 * HOUR)] {
        let lag_ms = newest_ms - kept_ms - oldest(resolution_ms);
        assert!(
            (0..2 * HOUR + HOUR).contains(&lag_ms),
            "{resolution_ms}: {lag_ms}"
        );
    }
    // Whatever is left answers, the finest there is.
    let points = |hour: i64| {
        let hints = SelectHints {
            wanted: Wanted::Max,
            ..hints(hour * HOUR, hour * HOUR + HOUR - 1)
        };
        let snapshot = reduced.snapshot(0, 30 * HOUR).unwrap();
        let found = read(&*snapshot, &[Matcher::equal("i", "1")], &hints).unwrap();
        found.values().map(BTreeMap::len).sum::<usize>()
    };
    assert_eq!([3, 10, 18, 26].map(points), [0, 1, 12, 60]);
}

#[test]
fn after_a_restart_the_answers_are_the_same_and_nothing_is_done_again() {
    let (_, fs) = memory();
    let reduced = filled(&fs, options(both(None, None)));
    let ask = |tsdb: &Tsdb| {
        query(
            tsdb,
            "max_over_time({job=\"j\"}[1h])",
            (HOUR, 29 * HOUR, HOUR),
            HOUR,
        )
    };
    let (blocks, expected) = (reduced.blocks(), ask(&reduced));
    drop(reduced);
    let (again, found) = open_with(&fs, options(both(None, None))).unwrap();
    assert_eq!(found.damage, Vec::<String>::new());
    assert_eq!(again.maintain().unwrap().downsampled, 0);
    assert_eq!(again.blocks(), blocks);
    assert_eq!(ask(&again), expected);
    // Without the setting nothing more is downsampled, and nothing is lost.
    drop(again);
    let (without, _) = open_with(
        &fs,
        Options {
            retention_ms: Some(8 * HOUR),
            ..options(Vec::new())
        },
    )
    .unwrap();
    without.maintain().unwrap();
    assert_eq!(ask(&without), expected);
}

#[test]
fn what_comes_late_is_downsampled_as_well() {
    let (_, fs) = memory();
    let reduced = filled(&fs, options(both(None, None)));
    let before = query(&reduced, "max_over_time(m0[1h])", (HOUR, 29 * HOUR, HOUR), HOUR);
    // A series nobody has heard of, in a range that is downsampled already and of which there are samples still.
    let from = 22 * 60;
    let mut late: Vec<MetricRow> = (from..from + 90)
        .map(|m| row(7, m * MINUTE + PHASE, m as f64))
        .collect();
    for row in &mut late {
        assert_eq!(reduced.append(std::slice::from_mut(row)).unwrap().stored, 1);
    }
    reduced.flush().unwrap();
    assert!(reduced.maintain().unwrap().downsampled >= 2);
    assert_eq!(reduced.maintain().unwrap().downsampled, 0, "once");
    let hour = from / 60 + 1;
    let found = query(
        &reduced,
        "max_over_time(m1{i=\"7\"}[1h])",
        (hour * HOUR, hour * HOUR, HOUR),
        HOUR,
    );
    assert_eq!(
        found.values().next().unwrap()[&(hour * HOUR)],
        (hour * 60 - 1) as f64
    );
    assert_eq!(
        query(&reduced, "max_over_time(m0[1h])", (HOUR, 29 * HOUR, HOUR), HOUR),
        before
    );
}

#[test]
fn after_a_long_silence_samples_are_downsampled_before_they_go() {
    let (_, fs) = memory();
    let reduced = filled(&fs, options(both(None, None)));
    let month = 30 * 24 * 60;
    reduced.append(&mut values(month)).unwrap();
    reduced.maintain().unwrap();
    let expected = query(&plain(), "max_over_time(m0[1h])", (HOUR, 30 * HOUR, HOUR), 0);
    let found = query(&reduced, "max_over_time(m0[1h])", (HOUR, 30 * HOUR, HOUR), 0);
    assert_eq!(found, expected);
    assert_eq!(covered(&reduced, 0).map_or(0, |_| 1), 0, "{:?}", reduced.blocks());
}

#[test]
fn deleted_series_are_deleted_from_downsampled_blocks_too() {
    let (_, fs) = memory();
    let reduced = filled(&fs, options(both(None, None)));
    let name = |name: &str| vec![Matcher::equal("__name__", name)];
    reduced.delete_series(&[name("m0")], 0, 10 * HOUR - 1).unwrap();
    reduced.delete_series(&[name("m1")], i64::MIN, i64::MAX).unwrap();
    let ask = |text: &str| query(&reduced, text, (HOUR, 29 * HOUR, HOUR), HOUR);
    let check = || {
        let left = ask("max_over_time(m0[1h])");
        assert_eq!(
            left[&series(0).without_name()].first_key_value().unwrap().0,
            &(11 * HOUR)
        );
        assert_eq!(ask("max_over_time(m1[1h])"), Answer::new());
        let snapshot = reduced.snapshot(0, 9 * HOUR).unwrap();
        assert_eq!(snapshot.series(&[]).unwrap(), [series(2)]);
        let all = [Matcher::equal("job", "j")];
        assert_eq!(snapshot.label_values("i", &all).unwrap(), ["2"]);
    };
    check();
    assert!(reduced.clean_tombstones().unwrap() > 0);
    assert_eq!(reduced.tombstones(), []);
    check();
    // What is erased is not made again from anything, nor does it look as if it were missing.
    assert_eq!(reduced.maintain().unwrap().downsampled, 0);
    check();
}

#[test]
fn a_series_kept_longer_shows_its_samples_and_others_what_they_were_reduced_to() {
    let (plain, (_, fs)) = (plain(), memory());
    let rule = |name: &str, retention_ms| crate::RetentionRule {
        matchers: vec![Matcher::equal("__name__", name)],
        retention_ms,
    };
    let reduced = filled(
        &fs,
        Options {
            retention_rules: vec![rule("m0", None), rule("m2", Some(3 * HOUR))],
            ..options(both(None, None))
        },
    );
    let all = (HOUR, 29 * HOUR, HOUR);
    let ask = |tsdb: &Tsdb, text: &str| query(tsdb, text, all, 0);
    for text in [
        "changes(m0[1h])",
        "max_over_time(m0[1h])",
        "max_over_time(m1[1h])",
    ] {
        assert_eq!(ask(&reduced, text), ask(&plain, text), "{text}");
    }
    assert_eq!(ask(&reduced, "m2"), Answer::new());
    assert_eq!(reduced.maintain().unwrap(), crate::MaintainReport::default());
}
