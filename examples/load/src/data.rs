//! Pods and the values of their series: constants, counters and gauges in about the proportions of a real exporter.

use crate::wire;

/// One pod with its series.
pub(crate) struct Pod {
    number: usize,
    generation: usize,
    /// The labels of each series, encoded.
    labels: Vec<Box<[u8]>>,
    /// The state of each series' random walk.
    states: Vec<u64>,
}

impl Pod {
    /// The pod in place `number`, the `generation`th that is there.
    pub(crate) fn new(number: usize, generation: usize, series: usize) -> Pod {
        let pod = format!("web-{number:05}-{generation:04}");
        let instance = format!("10.{}.{}.{}:9100", generation % 256, number / 256, number % 256);
        let labels = (0..series).map(|i| {
            let name = format!("load_metric_{:03}_total", i / 4);
            let shard = format!("{}", i % 4);
            let pairs = [
                ("__name__", name.as_str()),
                ("instance", instance.as_str()),
                ("job", "load"),
                ("namespace", "default"),
                ("pod", pod.as_str()),
                ("shard", shard.as_str()),
            ];
            wire::labels(&pairs).into_boxed_slice()
        });
        Pod {
            number,
            generation,
            labels: labels.collect(),
            states: vec![0; series],
        }
    }

    /// Its successor in the same place.
    pub(crate) fn next(&self, series: usize) -> Pod {
        Pod::new(self.number, self.generation + 1, series)
    }

    /// The encoded labels of one series.
    pub(crate) fn labels(&self, series: usize) -> &[u8] {
        &self.labels[series]
    }

    /// The next value of one series.
    pub(crate) fn value(&mut self, series: usize, step: usize) -> f64 {
        let seed = (self.number as u64) << 32 | (series as u64) << 16 | step as u64;
        let random = mix(seed.wrapping_add(self.generation as u64 * 0x9e37_79b9));
        let state = &mut self.states[series];
        match series % 20 {
            0..=8 => (series * 7) as f64,
            9..=12 => {
                *state += u64::from(random.is_multiple_of(8));
                *state as f64
            }
            13..=15 => {
                *state += random % 100;
                *state as f64
            }
            16 => {
                *state += random % 1500;
                *state as f64 / 100.0
            }
            17 => ((random % 1000) * 4096) as f64,
            18 => (random % 16) as f64,
            _ => (random >> 11) as f64 / (1u64 << 53) as f64,
        }
    }
}

/// A number that looks random (splitmix64).
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
