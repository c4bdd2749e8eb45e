//! What a cache of answers is told: never that something holds which does not.

use std::ops::Bound;

use model::metrics::Revision;

use super::*;
use crate::random::Random;

/// The earliest sample that is in one and not in the other.
fn earliest_difference(before: &Data, after: &Data) -> Option<i64> {
    let mut earliest: Option<i64> = None;
    let none = BTreeMap::new();
    for labels in before.keys().chain(after.keys()) {
        let (a, b) = (
            before.get(labels).unwrap_or(&none),
            after.get(labels).unwrap_or(&none),
        );
        let gone = a.iter().filter(|(ms, value)| b.get(ms) != Some(value));
        let come = b.iter().filter(|(ms, value)| a.get(ms) != Some(value));
        let first = gone.chain(come).map(|(ms, _)| *ms).min();
        earliest = [earliest, first].into_iter().flatten().min();
    }
    earliest
}

#[test]
fn every_change_is_told_and_none_too_late() {
    let (_, fs) = memory();
    let options = Options {
        retention_ms: Some(20_000),
        ..small()
    };
    let tsdb = open_with(&fs, options).unwrap().0;
    let mut random = Random::new(11);
    let mut kept: Vec<(Revision, Data)> = Vec::new();
    let mut now_ms = 0;
    for step in 0..400 {
        kept.push((tsdb.revision(), everything(&tsdb)));
        match random.below(12) {
            0 => drop(tsdb.maintain().unwrap()),
            1 => drop(tsdb.flush().unwrap()),
            2 if step > 100 => {
                let matchers = vec![Matcher::equal("__name__", "m1")];
                let _ = tsdb.delete_series(&[matchers], now_ms - 300, now_ms - 200);
            }
            3 => {
                let late_ms = (now_ms - random.below(2000) as i64).max(0);
                tsdb.append(&mut [row(random.below(5), late_ms, 7.0)]).unwrap();
            }
            _ => {
                now_ms += random.below(200) as i64;
                tsdb.append(&mut [row(random.below(5), now_ms, 1.0)]).unwrap();
            }
        }
        let now = everything(&tsdb);
        let at = random.below(kept.len() as u64) as usize;
        for (revision, then) in [&kept[at], &kept[kept.len() - 1]] {
            let told = tsdb.changed_since(*revision);
            if let Some(truth_ms) = earliest_difference(then, &now) {
                assert!(
                    told.is_some_and(|told| told <= truth_ms),
                    "step {step}: {told:?} {truth_ms}"
                );
            }
        }
    }
}

#[test]
fn flushing_and_compacting_change_nothing_and_late_samples_only_what_follows_them() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    for ms in 0..2000 {
        tsdb.append(&mut [row(1, ms, ms as f64)]).unwrap();
    }
    let revision = tsdb.revision();
    tsdb.flush().unwrap();
    tsdb.maintain().unwrap();
    assert_eq!(tsdb.changed_since(revision), None);
    // What is there already is no change, nor is what is refused.
    tsdb.append(&mut [row(1, 700, 700.0), row(1, 1999, 5.0)]).unwrap();
    tsdb.append(&mut [row(2, 1700, 1.0)]).unwrap();
    assert!(tsdb.changed_since(revision).is_some_and(|ms| ms <= 1700));
    let revision = tsdb.revision();
    tsdb.append(&mut [row(2, 1500, 1.0), row(2, 1600, 1.0)]).unwrap();
    assert_eq!(tsdb.changed_since(revision), Some(1500));
    tsdb.append(&mut [row(1, 2000, 1.0)]).unwrap();
    assert_eq!(tsdb.changed_since(revision), Some(1500));
    let revision = tsdb.revision();
    let matchers = vec![Matcher::equal("__name__", "nothing of that name")];
    tsdb.delete_series(&[matchers], 0, 1000).unwrap();
    assert_eq!(tsdb.changed_since(revision), None);
}

#[test]
fn with_rules_nothing_holds_for_they_hide_samples_as_time_goes_on() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    tsdb.append(&mut [row(1, 5000, 1.0)]).unwrap();
    let revision = tsdb.revision();
    let rule = crate::RetentionRule {
        matchers: Vec::new(),
        retention_ms: Some(100),
    };
    tsdb.set_retention_rules(vec![rule]);
    assert_eq!(tsdb.changed_since(revision), Some(i64::MIN));
    tsdb.set_retention_rules(Vec::new());
    assert_eq!(tsdb.changed_since(revision), Some(i64::MIN));
    assert_eq!(tsdb.changed_since(tsdb.revision()), None);
}

#[test]
fn while_others_write_a_kept_answer_is_never_wrong() {
    let (_, fs) = memory();
    let tsdb = open(&fs);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3u64)
            .map(|w| {
                let tsdb = &tsdb;
                scope.spawn(move || {
                    let mut random = Random::new(w + 1);
                    for i in 0..1500i64 {
                        let ms = (i - random.below(40) as i64).max(0);
                        let _ = tsdb.append(&mut [row(w, ms, ms as f64)]);
                    }
                })
            })
            .collect();
        let mut rounds = 0;
        while rounds < 10 || writers.iter().any(|w| !w.is_finished()) {
            let revision = tsdb.revision();
            let then = everything(&tsdb);
            std::thread::yield_now();
            let now = everything(&tsdb);
            // Asked after the snapshot: what that shows beyond the first is told for sure.
            let told = tsdb.changed_since(revision).unwrap_or(i64::MAX);
            for (labels, samples) in &now {
                let before = then.get(labels).cloned().unwrap_or_default();
                let range = (Bound::Unbounded, Bound::Excluded(told));
                assert!(samples.range(range).eq(before.range(range)), "{told}");
            }
            rounds += 1;
        }
    });
}
