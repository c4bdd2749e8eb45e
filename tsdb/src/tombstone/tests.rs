use std::path::Path;
use std::sync::Arc;

use durable::{Fs, MemoryFs};
use model::metrics::Samples;
use model::{Histogram, MatchOp};

use super::*;
use crate::random::Random;

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "a")])
}

fn regex(value: &str) -> Vec<Matcher> {
    vec![Matcher::new("__name__", MatchOp::Regex, value).expect("compiles")]
}

fn tombstone(below: u64) -> Tombstone {
    Tombstone {
        matchers: regex("debug_.*"),
        start_ms: 10,
        end_ms: 20,
        below,
    }
}

#[test]
fn a_tombstone_concerns_its_series_in_the_blocks_of_its_time() {
    let erased = Erased {
        tombstones: [tombstone(5)].into(),
        ..Erased::default()
    };
    assert!(erased.of(&labels("debug_x"), 4).covers(10, 20));
    assert!(erased.of(&labels("debug_x"), 5).is_empty());
    assert!(erased.of(&labels("up"), 4).is_empty());
}

#[test]
fn the_first_rule_that_fits_gives_the_retention() {
    let rule = |value, retention_ms| RetentionRule {
        matchers: regex(value),
        retention_ms,
    };
    let erased = Erased {
        rules: [
            rule("debug_a.*", Some(5)),
            rule("debug_.*", Some(2)),
            rule("slo_.*", None),
        ]
        .into(),
        retention_ms: Some(100),
        newest_ms: 1000,
        ..Erased::default()
    };
    assert_eq!(erased.retention_of(&labels("debug_a")), Some(5));
    assert_eq!(erased.retention_of(&labels("debug_b")), Some(2));
    assert_eq!(erased.retention_of(&labels("slo_b")), None);
    assert_eq!(erased.retention_of(&labels("up")), Some(100));
    assert_eq!(erased.longest_retention_ms(), None);
    let lost = erased.of(&labels("debug_b"), 1);
    assert!(lost.contains(997) && !lost.contains(998));
    assert!(erased.of(&labels("slo_b"), 1).is_empty());
    assert!(erased.of(&labels("up"), 1).contains(899));
}

#[test]
fn the_longest_retention_is_the_general_one_or_that_of_a_rule() {
    let mut erased = Erased {
        retention_ms: Some(100),
        ..Erased::default()
    };
    assert_eq!(erased.longest_retention_ms(), Some(100));
    erased.rules = [RetentionRule {
        matchers: regex("a"),
        retention_ms: Some(300),
    }]
    .into();
    assert_eq!(erased.longest_retention_ms(), Some(300));
}

#[test]
fn downsampled_blocks_obey_the_rules_that_are_shorter_than_usual() {
    let rule = |name: &str, retention_ms| RetentionRule {
        matchers: regex(name),
        retention_ms,
    };
    let mut erased = Erased {
        tombstones: [tombstone(5)].into(),
        rules: [rule("debug_a.*", Some(500)), rule("debug_.*", Some(2))].into(),
        retention_ms: Some(100),
        newest_ms: 1000,
    };
    assert_eq!(erased.at(0).retention_of(&labels("other")), Some(100));
    let downsampled = erased.at(300_000);
    assert_eq!(downsampled.retention_of(&labels("other")), None);
    assert_eq!(downsampled.retention_of(&labels("debug_ab")), None);
    assert_eq!(downsampled.retention_of(&labels("debug_x")), Some(2));
    assert_eq!(downsampled.tombstones, erased.tombstones);
    erased.rules = [rule("debug_a.*", Some(500))].into();
    assert!(erased.at(300_000).rules.is_empty());
}

#[test]
fn what_cannot_be_concerned_is_known_by_its_times() {
    let meta = |id, min_ms, max_ms| BlockMeta::for_tests(id, min_ms, max_ms, 1);
    let mut erased = Erased {
        tombstones: [tombstone(5)].into(),
        retention_ms: Some(50),
        newest_ms: 1000,
        ..Erased::default()
    };
    assert!(erased.reaches(&meta(4, 0, 11)) && erased.reaches(&meta(4, 20, 30)));
    assert!(!erased.reaches(&meta(4, 0, 10)) && !erased.reaches(&meta(4, 21, 30)));
    assert!(!erased.reaches(&meta(5, 0, 30)));
    let rule = |retention_ms| RetentionRule {
        matchers: regex("a"),
        retention_ms,
    };
    erased.rules = [rule(Some(100)), rule(None)].into();
    // Beside a longer rule the general retention hides samples too.
    assert!(erased.reaches(&meta(5, 949, 960)) && !erased.reaches(&meta(5, 950, 960)));
    erased.rules = [rule(Some(10))].into();
    assert!(erased.reaches(&meta(5, 989, 1000)) && !erased.reaches(&meta(5, 990, 1000)));
}

#[test]
fn intervals_are_a_set_of_times() {
    let mut random = Random::new(7);
    for _ in 0..200 {
        let (mut intervals, mut set) = (Intervals::default(), [false; 64]);
        for _ in 0..6 {
            let (start, end) = ((random.next() % 64) as i64, (random.next() % 64) as i64);
            intervals.add(start, end);
            (start..=end).for_each(|ms| set[ms as usize] = true);
        }
        for (ms, expected) in set.iter().enumerate() {
            assert_eq!(intervals.contains(ms as i64), *expected, "{intervals:?} at {ms}");
        }
        let mut samples = Samples::default();
        (0..64).for_each(|ms| samples.push(ms, ms as f64));
        let histogram = Arc::new(Histogram::stale());
        samples.histograms = (0..64).map(|ms| (ms, Arc::clone(&histogram))).collect();
        intervals.cut(&mut samples, 2, 2);
        let kept: Vec<i64> = (0..64).filter(|&ms| ms < 2 || !set[ms as usize]).collect();
        assert_eq!(samples.timestamps, kept);
        assert!(samples.histograms.iter().map(|(ms, _)| *ms).eq(kept));
        assert!(samples.iter().all(|s| s.value == s.timestamp_ms as f64));
    }
}

#[test]
fn the_ends_of_time_are_times_too() {
    let mut intervals = Intervals::default();
    intervals.add(i64::MIN, i64::MAX);
    intervals.add(3, 4);
    assert!(intervals.covers(i64::MIN, i64::MAX));
}

#[test]
fn tombstones_survive_and_damage_is_noticed() {
    let (fs, dir) = (MemoryFs::new(), Path::new("/data"));
    fs.create_dir_all(dir).expect("folder");
    assert_eq!(load(&fs, dir).expect("no file"), []);
    let all = vec![tombstone(3), tombstone(9)];
    save(&fs, dir, &all).expect("saved");
    assert_eq!(load(&fs, dir).expect("loaded"), all);
    let path = dir.join("tombstones");
    save(&fs, dir, &[]).expect("nothing saved");
    assert!(!fs.exists(&path), "no file where nothing is deleted");
    save(&fs, dir, &[]).expect("nothing saved again");
    save(&fs, dir, &all).expect("saved again");
    let good = fs.read(&path).expect("bytes");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs.create(&path).expect("file").write_all(&bad).expect("written");
        assert!(load(&fs, dir).is_err(), "flip at {at}");
    }
}
