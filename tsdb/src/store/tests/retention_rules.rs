//! Retention by matcher over time: hidden at once, removed from disk soon, kept where a rule is longer.

use super::*;
use crate::RetentionRule;
use crate::inspect::Inspection;

const GENERAL_MS: i64 = 10_000;
const SHORT_MS: i64 = 2_000;

fn rule(name: &str, retention_ms: Option<i64>) -> RetentionRule {
    RetentionRule {
        matchers: vec![Matcher::equal("__name__", name)],
        retention_ms,
    }
}

/// `m0` is kept for two seconds, `m1` for good, `m2` as everything else.
fn rules() -> Vec<RetentionRule> {
    vec![rule("m0", Some(SHORT_MS)), rule("m1", None)]
}

fn options() -> Options {
    Options {
        retention_ms: Some(GENERAL_MS),
        retention_rules: rules(),
        flush_age_ms: 1500,
        ..small()
    }
}

fn retention_of(labels: &Labels) -> Option<i64> {
    match labels.metric_name() {
        "m0" => Some(SHORT_MS),
        "m1" => None,
        _ => Some(GENERAL_MS),
    }
}

fn newest(data: &Data) -> i64 {
    *data
        .values()
        .filter_map(|times| times.keys().last())
        .max()
        .unwrap()
}

/// What is to be seen of `data`.
fn kept(data: &Data) -> Data {
    let newest_ms = newest(data);
    let part = data.iter().map(|(labels, times)| {
        let first_ms = retention_of(labels).map_or(i64::MIN, |ms| newest_ms - ms);
        let times = times.range(first_ms..).map(|(ms, bits)| (*ms, *bits));
        (labels.clone(), times.collect::<BTreeMap<_, _>>())
    });
    part.filter(|(_, times)| !times.is_empty()).collect()
}

/// The oldest sample on disk of a metric, hidden or not.
fn oldest_on_disk(fs: &Arc<dyn Fs>, name: &str) -> i64 {
    let inspection = Inspection::open(&**fs, Path::new(DIR)).unwrap();
    let matchers = vec![vec![Matcher::equal("__name__", name)]];
    let mut set = inspection.series(&matchers, i64::MIN, i64::MAX).unwrap();
    let (mut samples, mut oldest_ms) = (Samples::default(), i64::MAX);
    while set.next(&mut samples).unwrap().is_some() {
        oldest_ms = oldest_ms.min(samples.timestamps[0]);
    }
    oldest_ms
}

#[test]
fn each_series_is_kept_as_long_as_its_rule_says() {
    let (_, fs) = memory();
    let clock = Arc::new(ManualClock::at(0));
    let mut data = Data::new();
    let mut erased = 0;
    let (mut tsdb, _) = Tsdb::open(
        Arc::clone(&fs),
        Path::new(DIR),
        options(),
        Arc::clone(&clock) as _,
    )
    .unwrap();
    for second in 0..40i64 {
        for tenth in 0..10 {
            let now_ms = second * 1000 + tenth * 100;
            clock.set(now_ms);
            let mut rows: Vec<MetricRow> = (0..6).map(|i| row(i, now_ms, now_ms as f64)).collect();
            append(&tsdb, &mut rows, &mut data).unwrap();
        }
        erased += tsdb.maintain().unwrap().erased;
        assert_eq!(everything(&tsdb), kept(&data), "second {second}");
        let snapshot = tsdb.snapshot(i64::MIN, newest(&data) - SHORT_MS - 1).unwrap();
        assert!(
            snapshot
                .series(&[Matcher::equal("__name__", "m0")])
                .unwrap()
                .is_empty()
        );
        if second > 30 {
            // A block goes when all of it is too old; until then it is hidden.
            let blocks = tsdb.blocks();
            let longest_ms = blocks.iter().map(|b| b.max_ms - b.min_ms).max().unwrap();
            for (name, kept_ms) in [("m0", SHORT_MS), ("m2", GENERAL_MS)] {
                let oldest_ms = oldest_on_disk(&fs, name);
                assert!(
                    oldest_ms >= newest(&data) - kept_ms - longest_ms,
                    "{name}: {oldest_ms}"
                );
            }
            assert_eq!(oldest_on_disk(&fs, "m1"), 0);
        }
        if second == 25 {
            drop(tsdb);
            (tsdb, _) = Tsdb::open(
                Arc::clone(&fs),
                Path::new(DIR),
                options(),
                Arc::clone(&clock) as _,
            )
            .unwrap();
            tsdb.recover().unwrap();
        }
    }
    assert!(erased > 10, "only {erased} blocks were purged");
}

#[test]
fn upkeep_comes_to_rest_where_a_longer_rule_cuts_into_a_block() {
    let (_, fs) = memory();
    let rules = vec![rule("m1", Some(3 * SHORT_MS)), rule("m0", Some(SHORT_MS))];
    // The last one fits series that the first keeps.
    let all = RetentionRule {
        matchers: vec![Matcher::equal("job", "j")],
        retention_ms: Some(SHORT_MS),
    };
    let options = Options {
        retention_ms: None,
        retention_rules: [rules, vec![all]].concat(),
        block_duration_ms: 10_000,
        ..small()
    };
    let (tsdb, _) = open_with(&fs, options).unwrap();
    let mut data = Data::new();
    let mut rows: Vec<MetricRow> = (0..80)
        .flat_map(|s| [row(0, s * 100, 1.0), row(1, s * 100, 1.0)])
        .collect();
    append(&tsdb, &mut rows, &mut data).unwrap();
    tsdb.flush().unwrap();
    for ms in [10_500, 10_600, 10_700] {
        append(&tsdb, &mut [row(1, ms, 1.0)], &mut data).unwrap();
        let erased = tsdb.maintain().unwrap().erased;
        assert_eq!(erased, usize::from(ms == 10_500), "at {ms}");
    }
}

#[test]
fn rules_can_change_and_without_any_whole_blocks_go() {
    let (_, fs) = memory();
    let options = Options {
        retention_rules: Vec::new(),
        ..options()
    };
    let (tsdb, _) = open_with(&fs, options).unwrap();
    let mut data = Data::new();
    for step in 0..80 {
        let mut rows: Vec<MetricRow> = (0..3).map(|i| row(i, step * 100, 1.0)).collect();
        append(&tsdb, &mut rows, &mut data).unwrap();
    }
    assert_eq!(everything(&tsdb), data);
    tsdb.set_retention_rules(rules());
    // Also what is in memory only.
    assert_eq!(everything(&tsdb), kept(&data));
    tsdb.set_retention_rules(Vec::new());
    assert_eq!(everything(&tsdb), data, "nothing was removed yet");
    tsdb.flush().unwrap();
    tsdb.set_retention_rules(vec![rule("m0", Some(SHORT_MS))]);
    assert!(tsdb.maintain().unwrap().erased > 0);
    assert_eq!(tsdb.maintain().unwrap().erased, 0);
    assert!(oldest_on_disk(&fs, "m0") >= 4000);
    append(&tsdb, &mut [row(2, 30_000, 1.0)], &mut data).unwrap();
    assert!(
        tsdb.maintain().unwrap().expired > 0,
        "the general retention holds for the others"
    );
    assert_eq!(everything(&tsdb).len(), 1);
}
