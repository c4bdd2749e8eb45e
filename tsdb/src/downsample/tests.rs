use model::metrics::STALE_NAN;

use super::*;
use crate::random::Random;

fn samples(pairs: &[(i64, f64)]) -> Samples {
    let mut samples = Samples::default();
    pairs.iter().for_each(|&(ms, value)| samples.push(ms, value));
    samples
}

fn windows(of: &Samples, aggregate: Aggregate) -> Samples {
    let mut into = Samples::default();
    downsample(of, 100, aggregate, &mut into);
    into
}

fn put_together(raw: &Samples) -> Samples {
    let mut into = Samples::default();
    let part = |aggregate| windows(raw, aggregate);
    counter(
        &part(Aggregate::First),
        &part(Aggregate::Increase),
        &part(Aggregate::Last),
        100,
        &mut into,
    );
    into
}

#[test]
fn a_window_becomes_one_number_at_its_last_sample() {
    let raw = samples(&[
        (0, 4.0),
        (30, 1.0),
        (99, 3.0),
        (100, 7.0),
        (350, STALE_NAN),
        (410, f64::NAN),
    ]);
    let expect = |aggregate, values: &[(i64, f64)]| {
        let found: Vec<(i64, u64)> = windows(&raw, aggregate)
            .iter()
            .map(|s| (s.timestamp_ms, s.value.to_bits()))
            .collect();
        let expected: Vec<(i64, u64)> = values.iter().map(|&(ms, v)| (ms, v.to_bits())).collect();
        assert_eq!(found, expected, "{aggregate:?}");
    };
    expect(Aggregate::Count, &[(99, 3.0), (100, 1.0), (410, 1.0)]);
    expect(Aggregate::First, &[(99, 4.0), (100, 7.0), (410, f64::NAN)]);
    expect(Aggregate::Last, &[(99, 3.0), (100, 7.0), (410, f64::NAN)]);
    expect(Aggregate::Max, &[(99, 4.0), (100, 7.0), (410, f64::NAN)]);
    expect(Aggregate::Min, &[(99, 1.0), (100, 7.0), (410, f64::NAN)]);
    expect(Aggregate::Sum, &[(99, 8.0), (100, 7.0), (410, f64::NAN)]);
    // 4 → 1 is a reset: the counter grew by 1 after it began anew.
    expect(Aggregate::Increase, &[(99, 3.0), (100, 0.0), (410, 0.0)]);
}

#[test]
fn windows_before_the_epoch_are_aligned_too() {
    let raw = samples(&[(-150, 1.0), (-100, 2.0), (-1, 3.0), (0, 4.0)]);
    assert_eq!(windows(&raw, Aggregate::Count).timestamps, [-150, -1, 0]);
}

#[test]
fn a_counter_put_together_grew_as_the_samples_did() {
    let mut random = Random::new(3);
    for _ in 0..100 {
        let (mut raw, mut at_ms, mut value, mut grown) = (Samples::default(), 0, 0.0, 0.0);
        for i in 0..200 {
            at_ms += 2 + random.below(40) as i64;
            if random.below(17) == 0 {
                value = random.below(5) as f64;
                grown += if i == 0 { 0.0 } else { value };
            } else {
                let by = random.below(10) as f64;
                value += by;
                grown += if i == 0 { 0.0 } else { by };
            }
            raw.push(at_ms, value);
        }
        // A reset to a higher value cannot be seen in the samples either.
        let seen: f64 = raw.values.windows(2).map(|p| counter::step(p[0], p[1])).sum();
        assert!(seen <= grown);
        let whole = put_together(&raw);
        let ends = windows(&raw, Aggregate::Last);
        for end in ends.iter() {
            let at = whole.timestamps.binary_search(&end.timestamp_ms).unwrap();
            assert_eq!(whole.values[at], end.value, "what was there is there");
        }
        let from = ends.timestamps[random.below(ends.len() as u64 / 2) as usize];
        assert!(whole.timestamps.is_sorted_by(|a, b| a < b));
        assert_eq!(growth(&whole, from), growth(&raw, from));
    }
}

/// As `increase` sees it, from a time on.
fn growth(samples: &Samples, from_ms: i64) -> f64 {
    let from = samples.timestamps.partition_point(|ms| *ms < from_ms);
    let pairs = samples.values[from..].windows(2);
    pairs.map(|p| counter::step(p[0], p[1])).sum()
}

#[test]
fn a_counter_without_resets_is_not_given_any_by_rounding() {
    let mut random = Random::new(4);
    let (mut raw, mut value) = (Samples::default(), 1e9);
    for i in 0..10_000 {
        value += random.below(1000) as f64 / 7.0;
        raw.push(i * 10, value);
    }
    assert_eq!(put_together(&raw), windows(&raw, Aggregate::Last));
}

#[test]
fn the_labels_of_aggregates_sort_as_they_are_listed() {
    assert!(Aggregate::ALL.windows(2).all(|p| p[0].as_str() < p[1].as_str()));
    assert!(AGGREGATE < "A" && AGGREGATE < model::labels::METRIC_NAME);
}
