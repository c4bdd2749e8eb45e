//! The rule for one sample, case by case.

use super::*;

const HOUR: i64 = 3_600_000;

fn verdict(last: Option<(i64, f64)>, ts: i64, value: f64) -> Verdict {
    let options = Options::default();
    let floor = Floor {
        floor_ms: 8 * HOUR,
        batch: 1,
    };
    let bounds = Bounds::new(Some(10 * HOUR), floor, 10 * HOUR, &options);
    judge(
        &bounds,
        last.map(|(t, v)| (t, v.to_bits())),
        Sample {
            timestamp_ms: ts,
            value,
        },
    )
}

#[test]
fn samples_are_judged_as_prometheus_does() {
    let last = Some((10 * HOUR - 60_000, 1.0));
    assert_eq!(verdict(last, 10 * HOUR, 2.0), Verdict::InOrder);
    assert_eq!(verdict(None, 10 * HOUR - HOUR, 2.0), Verdict::InOrder);
    assert_eq!(verdict(last, 10 * HOUR - 60_000, 1.0), Verdict::Repeated);
    assert_eq!(
        verdict(last, 10 * HOUR - 60_000, 2.0),
        Verdict::Rejected(Rejected::Duplicate)
    );
    assert_eq!(verdict(last, 10 * HOUR - HOUR / 2, 2.0), Verdict::Late);
    assert_eq!(
        verdict(last, 10 * HOUR - HOUR / 2 - 1, 2.0),
        Verdict::Rejected(Rejected::OutOfOrder)
    );
    assert_eq!(
        verdict(None, 10 * HOUR - HOUR - 1, 2.0),
        Verdict::Rejected(Rejected::TooOld)
    );
    assert_eq!(verdict(None, 10 * HOUR + 600_000, 2.0), Verdict::InOrder);
    assert_eq!(
        verdict(None, 10 * HOUR + 600_001, 2.0),
        Verdict::Rejected(Rejected::TooFarInFuture)
    );
}

#[test]
fn nan_payloads_tell_values_apart() {
    let (nan, stale) = (model::metrics::NORMAL_NAN, model::metrics::STALE_NAN);
    assert_eq!(verdict(Some((10 * HOUR, nan)), 10 * HOUR, nan), Verdict::Repeated);
    assert_eq!(
        verdict(Some((10 * HOUR, nan)), 10 * HOUR, stale),
        Verdict::Rejected(Rejected::Duplicate)
    );
}

#[test]
fn an_empty_head_takes_any_past() {
    let bounds = Bounds::new(None, Floor::NONE, 0, &Options::default());
    let sample = Sample {
        timestamp_ms: -HOUR * 100_000,
        value: 0.0,
    };
    assert_eq!(judge(&bounds, None, sample), Verdict::InOrder);
}

#[test]
fn labels_have_bounds() {
    assert!(!is_valid(&Labels::empty()));
    assert!(is_valid(&Labels::from_pairs([("a", "b")])));
    assert!(!is_valid(&Labels::from_pairs([("", "b")])));
    assert!(!is_valid(&Labels::from_pairs([(
        "a",
        "b".repeat(MAX_LABEL_BYTES)
    )])));
    assert!(!is_valid(&Labels::from_pairs(
        (0..=MAX_LABELS).map(|i| (format!("l{i}"), "x"))
    )));
}
