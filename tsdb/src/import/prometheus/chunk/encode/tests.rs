//! What is encoded is decoded again by the reader, whose truth is Prometheus' own files.

use std::sync::Arc;

use model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Span};
use model::metrics::STALE_NAN;

use super::*;
use crate::import::prometheus::decode_chunk;
use crate::random::Random;

fn decoded(chunks: &[EncodedChunk]) -> Samples {
    let mut out = Samples::default();
    for chunk in chunks {
        let before = out.len();
        decode_chunk(chunk.encoding, &chunk.data, &mut out).expect("a chunk");
        assert!(out.len() > before, "no chunk is empty");
    }
    out
}

#[test]
fn floats_come_back_bit_for_bit() {
    let mut random = Random::new(7);
    for kind in 0..200u64 {
        let mut samples = Samples::default();
        let mut ms = match kind % 5 {
            0 => -1_000_000,
            1 => i64::MIN / 4,
            _ => 1_700_000_000_000,
        };
        let (mut value, len) = (0.5, random.below(400));
        for _ in 0..len {
            ms += match kind % 7 {
                0 => 15_000,
                1 => 1 + random.below(3) as i64,
                2 => 15_000 + random.below(40_000) as i64 - 10_000,
                3 => 1 << random.below(40),
                _ => 14_990 + random.below(20) as i64,
            };
            value = match random.below(8) {
                0 => value,
                1 => f64::from_bits(random.next()),
                2 => STALE_NAN,
                3 => -value,
                _ => random.below(1000) as f64 / 8.0,
            };
            samples.push(ms, value);
        }
        let chunks = encode(&samples);
        let back = decoded(&chunks);
        assert_eq!(back.timestamps, samples.timestamps, "kind {kind}");
        let bits = |samples: &Samples| samples.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&samples), "kind {kind}");
        assert_eq!(
            chunks.first().map(|c| c.min_ms),
            samples.timestamps.first().copied()
        );
        assert_eq!(
            chunks.last().map(|c| c.max_ms),
            samples.timestamps.last().copied()
        );
        assert!(chunks.len() <= samples.len().div_ceil(MAX_SAMPLES));
    }
}

fn histogram(random: &mut Random, float: bool, custom: bool) -> Histogram {
    let spans = |offset, length| vec![Span { offset, length }, Span { offset: 3, length: 1 }];
    let below = |random: &mut Random| {
        let width = random.below(40);
        random.below(1 << width)
    };
    let whole = Buckets {
        count: below(random),
        zero_count: below(random),
        positive: (0..4).map(|_| below(random)).collect(),
        negative: if custom {
            vec![]
        } else {
            (0..2).map(|_| below(random)).collect()
        },
    };
    let float_of = |n: &u64| *n as f64 / 7.0;
    Histogram {
        schema: if custom { CUSTOM_BUCKETS_SCHEMA } else { 3 },
        reset_hint: CounterResetHint::NoReset,
        zero_threshold: if custom {
            0.0
        } else {
            [0.0, 2f64.powi(-128), 0.3][random.below(3) as usize]
        },
        sum: f64::from_bits(random.next() >> 2),
        positive_spans: spans(-2, 3),
        negative_spans: if custom { vec![] } else { spans(1, 1) },
        custom_values: if custom {
            vec![-1.5, 0.001, 0.25, 33_554.43, 1e9, 1e10]
        } else {
            vec![]
        },
        counts: match float {
            false => Counts::Integer(whole),
            true => Counts::Float(Buckets {
                count: float_of(&whole.count),
                zero_count: float_of(&whole.zero_count),
                positive: whole.positive.iter().map(float_of).collect(),
                negative: whole.negative.iter().map(float_of).collect(),
            }),
        },
    }
}

#[test]
fn histograms_of_any_kind_come_back_among_floats() {
    let mut random = Random::new(11);
    for _ in 0..300 {
        let mut samples = Samples::default();
        for i in 0..random.below(150) as i64 {
            let ms = 1_700_000_000_000 + i * 15_000;
            match random.below(12) {
                0 => samples.push(ms, i as f64),
                1 => samples.histograms.push((ms, Arc::new(Histogram::stale()))),
                n => {
                    let one = histogram(&mut random, n == 2, n == 3);
                    samples.histograms.push((ms, Arc::new(one)));
                }
            }
        }
        let chunks = encode(&samples);
        assert!(chunks.windows(2).all(|pair| pair[0].max_ms < pair[1].min_ms));
        let mut back = decoded(&chunks);
        assert_eq!(back.timestamps, samples.timestamps);
        for ((_, one), (_, two)) in back.histograms.iter_mut().zip(&mut samples.histograms) {
            for histogram in [one, two] {
                Arc::make_mut(histogram).reset_hint = CounterResetHint::Unknown;
            }
        }
        assert_eq!(back.histograms, samples.histograms);
    }
}

#[test]
fn a_chunk_claims_no_reset_only_where_there_is_none() {
    let mut random = Random::new(3);
    let first = histogram(&mut random, false, false);
    let with = |hint, less: u64| {
        let mut next = first.clone();
        next.reset_hint = hint;
        if let Counts::Integer(counts) = &mut next.counts {
            counts.positive[1] = (counts.positive[1] + 5).saturating_sub(less);
            counts.count += 5;
        }
        next
    };
    use CounterResetHint::{Gauge, NoReset, Reset, Unknown};
    for (next, together) in [
        (with(Unknown, 0), true),
        (with(Unknown, u64::MAX), false),
        (with(NoReset, 0), true),
        (with(Reset, 0), false),
        (with(Gauge, 0), false),
        (Histogram::stale(), false),
    ] {
        let mut samples = Samples::default();
        samples.histograms.push((1000, Arc::new(first.clone())));
        samples.histograms.push((2000, Arc::new(next.clone())));
        assert_eq!(encode(&samples).len() == 1, together, "{next:?}");
    }
}
