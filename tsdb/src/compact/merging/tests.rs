//! Merged samples are those of a map in which the first to come stays.

use std::collections::BTreeMap;

use super::*;
use crate::random::Random;

#[test]
fn at_equal_time_the_first_source_wins() {
    let mut random = Random::new(50);
    for round in 0..2000 {
        let width = 1 + random.below(300);
        let sources: Vec<Samples> = (0..1 + random.below(5))
            .map(|source| {
                let mut samples = Samples::default();
                let mut ms = random.below(200) as i64;
                for _ in 0..random.below(40) {
                    ms += 1 + random.below(width) as i64;
                    samples.push(ms, source as f64);
                }
                samples
            })
            .collect();
        let mut expected: BTreeMap<i64, f64> = BTreeMap::new();
        for samples in &sources {
            for sample in samples.iter() {
                expected.entry(sample.timestamp_ms).or_insert(sample.value);
            }
        }
        let mut merged = Samples::default();
        merge_samples(&sources.iter().collect::<Vec<_>>(), &mut merged);
        let found = merged.iter().map(|s| (s.timestamp_ms, s.value));
        assert!(found.eq(expected), "round {round}");
    }
}
