//! The codec is exact on everything, and no bytes make it panic.

use super::*;
use crate::random::Random;

fn round_trip(timestamps: &[i64], values: &[f64]) -> Vec<u8> {
    let bytes = encode(timestamps, values);
    let mut out = Samples::default();
    decode_into(&bytes, usize::MAX, i64::MIN, i64::MAX, &mut out).unwrap();
    assert_eq!(out.timestamps, timestamps);
    let bits = |v: &[f64]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&out.values), bits(values));
    bytes
}

#[test]
fn special_floats_and_extreme_times_are_exact() {
    let values = [
        0.0,
        -0.0,
        f64::NAN,
        model::metrics::STALE_NAN,
        f64::from_bits(0xfff8_dead_beef_0001),
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::MAX,
    ];
    let times = [i64::MIN, -1, 0, 1, 2, 3, 10_000, 1 << 40, i64::MAX - 1, i64::MAX];
    round_trip(&times, &values);
    round_trip(&[], &[]);
    round_trip(&[7], &[7.5]);
}

#[test]
fn every_width_of_delta_is_exact_at_its_edges() {
    for width in WIDTHS {
        for edge in [-2, -1, 0, 1, 2] {
            for sign in [-1, 1] {
                let delta2 = sign * (1i64 << (width - 1)) + edge;
                let base = 1 << 30;
                round_trip(&[0, base, base + base + delta2], &[1.0, 2.0, 3.0]);
            }
        }
    }
}

#[test]
fn random_series_are_exact_and_regular_ones_small() {
    let mut random = Random::new(1);
    for _ in 0..500 {
        let count = random.below(200) as usize;
        let mut ts = random.next() as i64 >> 20;
        let mut samples = Samples::default();
        for _ in 0..count {
            let width = random.below(30);
            ts += 1 + random.below(1 << width) as i64;
            let value = match random.below(3) {
                0 => f64::from_bits(random.next()),
                1 => random.below(1000) as f64,
                _ => samples.values.last().copied().unwrap_or(0.1) + 1.0,
            };
            samples.push(ts, value);
        }
        round_trip(&samples.timestamps, &samples.values);
    }
    let times: Vec<i64> = (0..120).map(|i| 1_700_000_000_000 + i * 15_000).collect();
    let counter: Vec<f64> = (0..120).map(|i| f64::from(i * 7)).collect();
    assert!(round_trip(&times, &counter).len() < 400);
    assert!(round_trip(&times, &[1.0; 120]).len() < 60);
}

#[test]
fn a_range_and_a_count_bound_what_is_decoded() {
    let times: Vec<i64> = (0..100).collect();
    let bytes = encode(&times, &[1.0; 100]);
    let mut out = Samples::default();
    decode_into(&bytes, 50, 40, 70, &mut out).unwrap();
    assert_eq!(out.timestamps, (40..50).collect::<Vec<_>>());
    out.clear();
    decode_into(&bytes, 100, 40, 70, &mut out).unwrap();
    assert_eq!(out.timestamps, (40..=70).collect::<Vec<_>>());
}

#[test]
fn mutated_chunks_never_panic_and_stay_ordered() {
    let mut random = Random::new(2);
    let times: Vec<i64> = (0..120).map(|i| i * 15_000 + (i * i) % 17).collect();
    let values: Vec<f64> = (0..120).map(|i| f64::from(i).sqrt()).collect();
    let good = encode(&times, &values);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bad = good.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(bad.len() as u64) as usize;
            bad[at] = random.next() as u8;
        }
        bad.truncate(1 + random.below(bad.len() as u64) as usize);
        let mut out = Samples::default();
        refused += usize::from(decode(&bad, &mut out).is_err());
        assert!(out.timestamps.is_sorted_by(|a, b| a < b));
    }
    assert!(refused > 1000, "{refused}");
}
