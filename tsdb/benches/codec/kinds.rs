//! Columns as services write them, from a seed: the source of the codec's benches, sizes and property tests.

/// splitmix64 (Steele, Lea, Flood, 2014).
pub(crate) struct Seed(u64);

impl Seed {
    /// The same seed gives the same columns on every machine.
    pub(crate) fn new(seed: u64) -> Self {
        Seed(seed)
    }

    /// Any 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// From 0 to below 1, with all its bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: mean 0, deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

/// A kind of series and its share of those of a usual fleet, in percent.
pub(crate) struct Kind {
    /// One word.
    pub(crate) name: &'static str,
    /// Percent of all series.
    pub(crate) weight: u32,
    /// A column of so many values.
    pub(crate) column: fn(&mut Seed, usize) -> Vec<f64>,
}

/// The kinds that make up the usual mix; the weights add up to 100.
pub(crate) const MIX: [Kind; 10] = [
    Kind {
        name: "constant",
        weight: 40,
        column: constant,
    },
    Kind {
        name: "hist_bucket",
        weight: 20,
        column: hist_bucket,
    },
    Kind {
        name: "counter_int",
        weight: 12,
        column: counter_int,
    },
    Kind {
        name: "counter_bytes",
        weight: 6,
        column: counter_bytes,
    },
    Kind {
        name: "counter_2dec",
        weight: 5,
        column: counter_2dec,
    },
    Kind {
        name: "sum_float",
        weight: 4,
        column: sum_float,
    },
    Kind {
        name: "gauge_bytes",
        weight: 5,
        column: gauge_bytes,
    },
    Kind {
        name: "gauge_int",
        weight: 4,
        column: gauge_int,
    },
    Kind {
        name: "gauge_2dec",
        weight: 2,
        column: gauge_2dec,
    },
    Kind {
        name: "gauge_full",
        weight: 2,
        column: gauge_full,
    },
];

/// Kinds that are seen too, and those that are there to be awkward.
pub(crate) const OTHERS: [Kind; 12] = [
    Kind {
        name: "rare_events",
        weight: 0,
        column: rare_events,
    },
    Kind {
        name: "nanoseconds",
        weight: 0,
        column: nanoseconds,
    },
    Kind {
        name: "sum_of_durations",
        weight: 0,
        column: sum_of_durations,
    },
    Kind {
        name: "milliseconds",
        weight: 0,
        column: milliseconds,
    },
    Kind {
        name: "microseconds",
        weight: 0,
        column: microseconds,
    },
    Kind {
        name: "unix_time",
        weight: 0,
        column: unix_time,
    },
    Kind {
        name: "hopping",
        weight: 0,
        column: hopping,
    },
    Kind {
        name: "stale_runs",
        weight: 0,
        column: stale_runs,
    },
    Kind {
        name: "specials",
        weight: 0,
        column: specials,
    },
    Kind {
        name: "beyond_2_53",
        weight: 0,
        column: beyond_2_53,
    },
    Kind {
        name: "denormals",
        weight: 0,
        column: denormals,
    },
    Kind {
        name: "random_bits",
        weight: 0,
        column: random_bits,
    },
];

fn constant(seed: &mut Seed, len: usize) -> Vec<f64> {
    let value = match seed.below(6) {
        0..3 => 0.0,
        3 => 1.0,
        4 => seed.below(1 << 34) as f64,
        _ => seed.below(10_000) as f64 / 100.0,
    };
    vec![value; len]
}

/// Poisson by counting exponential gaps; `rate` is a few dozen at most.
fn poisson(seed: &mut Seed, rate: f64) -> u64 {
    let (mut at, mut events) = (seed.exponential(), 0);
    while at < rate {
        at += seed.exponential();
        events += 1;
    }
    events
}

fn counter(seed: &mut Seed, len: usize, start: u64, mut step: impl FnMut(&mut Seed) -> u64) -> Vec<u64> {
    let mut value = seed.below(start + 1);
    (0..len)
        .map(|_| {
            value += step(seed);
            value
        })
        .collect()
}

fn floats(integers: Vec<u64>, unit: f64) -> Vec<f64> {
    integers
        .into_iter()
        .map(|integer| integer as f64 / unit)
        .collect()
}

fn hist_bucket(seed: &mut Seed, len: usize) -> Vec<f64> {
    let rate = [0.0, 0.02, 0.3, 2.0, 8.0][seed.below(5) as usize];
    floats(counter(seed, len, 100_000, |seed| poisson(seed, rate)), 1.0)
}

fn counter_int(seed: &mut Seed, len: usize) -> Vec<f64> {
    let rate = 5.0 * (seed.unit() * 6.0).exp();
    floats(
        counter(seed, len, 10_000_000, |seed| {
            (rate + rate.sqrt() * seed.normal()).max(0.0) as u64
        }),
        1.0,
    )
}

fn counter_bytes(seed: &mut Seed, len: usize) -> Vec<f64> {
    let rate = 1e4 * (seed.unit() * 7.0).exp();
    floats(
        counter(seed, len, 1 << 40, |seed| (rate * seed.exponential()) as u64),
        1.0,
    )
}

fn counter_2dec(seed: &mut Seed, len: usize) -> Vec<f64> {
    let rate = 1500.0 * seed.unit();
    floats(
        counter(seed, len, 100_000_000, |seed| {
            (rate * (1.0 + 0.2 * seed.normal())).max(0.0) as u64
        }),
        100.0,
    )
}

fn sum_float(seed: &mut Seed, len: usize) -> Vec<f64> {
    let (rate, mean) = (seed.unit() * 10.0, seed.exponential() * 0.1);
    let mut sum = seed.unit() * 1e5;
    (0..len)
        .map(|_| {
            (0..poisson(seed, rate)).for_each(|_| sum += mean * seed.exponential());
            sum
        })
        .collect()
}

fn gauge_bytes(seed: &mut Seed, len: usize) -> Vec<f64> {
    let mut pages = seed.below(1 << 22) as i64;
    (0..len)
        .map(|_| {
            if seed.below(3) > 0 {
                pages = (pages + (seed.normal() * 200.0) as i64).max(0);
            }
            (pages * 4096) as f64
        })
        .collect()
}

fn gauge_int(seed: &mut Seed, len: usize) -> Vec<f64> {
    let mean = seed.below(200) as f64;
    (0..len)
        .map(|_| (mean + mean.sqrt() * seed.normal()).max(0.0).floor())
        .collect()
}

fn gauge_2dec(seed: &mut Seed, len: usize) -> Vec<f64> {
    let mut value = seed.unit() * 50.0;
    (0..len)
        .map(|_| {
            value = (value + seed.normal() * 0.3).abs();
            (value * 100.0).round() / 100.0
        })
        .collect()
}

fn gauge_full(seed: &mut Seed, len: usize) -> Vec<f64> {
    (0..len).map(|_| 0.3 + 0.1 * seed.normal()).collect()
}

fn rare_events(seed: &mut Seed, len: usize) -> Vec<f64> {
    let one_in = 1 + seed.below(200);
    floats(
        counter(seed, len, 1000, |seed| {
            if seed.below(one_in) == 0 {
                1 + seed.below(50)
            } else {
                0
            }
        }),
        1.0,
    )
}

fn nanoseconds(seed: &mut Seed, len: usize) -> Vec<f64> {
    let mean = 1000.0 * (seed.unit() * 8.0).exp();
    (0..len)
        .map(|_| (mean * (0.4 * seed.normal()).exp()).round() / 1e9)
        .collect()
}

fn sum_of_durations(seed: &mut Seed, len: usize) -> Vec<f64> {
    let (rate, mean) = (seed.unit() * 10.0, 1e6 * (seed.unit() * 5.0).exp());
    let mut sum = 0.0;
    (0..len)
        .map(|_| {
            (0..poisson(seed, rate)).for_each(|_| sum += (mean * seed.exponential()).round() / 1e9);
            sum
        })
        .collect()
}

fn milliseconds(seed: &mut Seed, len: usize) -> Vec<f64> {
    let busy = seed.below(1000) + 1;
    counter(seed, len, 10_000_000, |seed| seed.below(busy))
        .into_iter()
        .map(|ms| ms as f64 * 0.001)
        .collect()
}

fn microseconds(seed: &mut Seed, len: usize) -> Vec<f64> {
    let busy = seed.below(1_000_000) + 1;
    let column = counter(seed, len, 10_000_000_000, |seed| seed.below(busy));
    column.into_iter().map(|us| us as f64 / 1000.0 / 1000.0).collect()
}

fn unix_time(seed: &mut Seed, len: usize) -> Vec<f64> {
    (0..len)
        .map(|at| 1.7e9 + at as f64 * 15.0 + seed.normal() * 0.002)
        .collect()
}

fn hopping(seed: &mut Seed, len: usize) -> Vec<f64> {
    let places: Vec<f64> = (0..2 + seed.below(10))
        .map(|_| (seed.below(1 << 30)) as f64)
        .collect();
    let mut at = 0;
    (0..len)
        .map(|_| {
            if seed.below(4) == 0 {
                at = seed.below(places.len() as u64) as usize;
            }
            places[at]
        })
        .collect()
}

fn stale_runs(seed: &mut Seed, len: usize) -> Vec<f64> {
    let mut column = counter_int(seed, len);
    for _ in 0..=len / 100 {
        let start = seed.below(len as u64) as usize;
        let end = (start + 1 + seed.below(50) as usize).min(len);
        column[start..end].fill(f64::from_bits(0x7ff0_0000_0000_0002));
    }
    column
}

fn specials(seed: &mut Seed, len: usize) -> Vec<f64> {
    let odd = [
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        0.1 + 0.2,
        1e300,
        f64::MIN_POSITIVE,
    ];
    let every = 1 + seed.below(30);
    let base = gauge_int(seed, len);
    let pick = |value| {
        if seed.below(every) == 0 {
            odd[seed.below(8) as usize]
        } else {
            value
        }
    };
    base.into_iter().map(pick).collect()
}

fn beyond_2_53(seed: &mut Seed, len: usize) -> Vec<f64> {
    let mut value = 1u64 << (50 + seed.below(12));
    (0..len)
        .map(|_| {
            value = value.wrapping_add(seed.below(1 << 12));
            value as f64 * if seed.below(50) == 0 { -1.0 } else { 1.0 }
        })
        .collect()
}

fn denormals(seed: &mut Seed, len: usize) -> Vec<f64> {
    (0..len)
        .map(|_| f64::from_bits(seed.below(1 << 40) | (seed.below(2) << 63)))
        .collect()
}

fn random_bits(seed: &mut Seed, len: usize) -> Vec<f64> {
    (0..len).map(|_| f64::from_bits(seed.bits())).collect()
}
