//! Native histograms of every kind: counters and gauges, whole numbers and floats, exponential and custom buckets, with
//! schemas, thresholds and bounds that change, and series that are floats at times.

use std::collections::BTreeMap;

use model::histogram::{Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Counts, Histogram, Span};
use model::metrics::NORMAL_NAN;

use super::{Maker, Moment, Point, labels};
use crate::random::Random;

const BOUNDS: [&[f64]; 4] = [
    &[0.1, 1.0, 10.0],
    &[0.1, 0.5, 1.0, 10.0],
    &[1.0, 2.0, 3.0, 4.0, 5.0],
    &[-5.0, 0.0, 5.0],
];

pub(super) fn add(maker: &mut Maker) {
    for process in maker.processes() {
        add_process(maker, &process);
    }
}

fn add_process(maker: &mut Maker, process: &[(&str, &str)]) {
    let schema = maker.random.between(-1, 4) as i8;
    let plain = Source {
        schema,
        ..Source::default()
    };
    add_series(maker, "rpc_seconds", process, plain.clone());
    add_series(
        maker,
        "rpc_bytes",
        process,
        Source {
            float: true,
            changes: 4,
            negative: true,
            ..plain.clone()
        },
    );
    add_series(
        maker,
        "latency_now",
        process,
        Source {
            gauge: true,
            negative: true,
            resets: 30,
            float: schema % 2 == 0,
            ..plain.clone()
        },
    );
    let custom = Source {
        schema: CUSTOM_BUCKETS_SCHEMA,
        bounds: maker.random.below(4) as usize,
        ..Source::default()
    };
    add_series(
        maker,
        "custom_seconds",
        process,
        Source {
            float: schema % 2 == 0,
            ..custom.clone()
        },
    );
    if maker.random.chance(50) {
        add_series(maker, "custom_changing", process, Source { changes: 5, ..custom });
    }
    if maker.random.chance(30) {
        add_series(
            maker,
            "not_a_number",
            process,
            Source {
                nan: true,
                ..plain.clone()
            },
        );
    }
    mixed(maker, process, plain);
}

fn add_series(maker: &mut Maker, name: &str, process: &[(&str, &str)], mut source: Source) {
    let moments = maker.moments();
    maker.histograms(labels(name, process, &[]), &moments, |random| source.next(random));
}

/// Floats for a while, histograms for a while; the other half of the metric's series are of one kind.
fn mixed(maker: &mut Maker, process: &[(&str, &str)], mut source: Source) {
    let moments = maker.moments();
    let kind = maker.random.below(3);
    let mut float = kind == 0;
    let mut points = Vec::new();
    for moment in moments {
        if kind == 2 && maker.random.chance(4) {
            float = !float;
        }
        match moment {
            Moment::Sample(at) if float => points.push((at, Point::Float(maker.random.below(100) as f64))),
            Moment::Sample(at) => points.push((at, Point::Histogram(source.next(&mut maker.random).into()))),
            Moment::Stale(_) => {}
        }
    }
    let labels = labels("mixed", process, &[]);
    maker.series.push(super::Series { labels, points });
}

/// A program that observes.
#[derive(Debug, Clone)]
struct Source {
    schema: i8,
    /// Which of [`BOUNDS`], where the schema is that of custom buckets.
    bounds: usize,
    float: bool,
    gauge: bool,
    negative: bool,
    /// NaN is among the observations.
    nan: bool,
    /// In how many percent of steps it starts again.
    resets: u64,
    /// In how many percent of steps the layout changes.
    changes: u64,
    zero_threshold: f64,
    zero_count: u64,
    positive_counts: BTreeMap<i32, u64>,
    negative_counts: BTreeMap<i32, u64>,
    nan_count: u64,
    sum: f64,
}

impl Default for Source {
    fn default() -> Source {
        Source {
            schema: 0,
            bounds: 0,
            float: false,
            gauge: false,
            negative: false,
            nan: false,
            resets: 2,
            changes: 0,
            zero_threshold: 0.001,
            zero_count: 0,
            positive_counts: BTreeMap::new(),
            negative_counts: BTreeMap::new(),
            nan_count: 0,
            sum: 0.0,
        }
    }
}

impl Source {
    fn custom(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// Observes a little and says what there is.
    ///
    /// There is always a bucket on each side that is ever in use, be it an empty one: Prometheus' store gives samples of a
    /// chunk the buckets that later ones have, and it makes a difference whether a side has any.
    fn next(&mut self, random: &mut Random) -> Histogram {
        if random.chance(self.changes) {
            self.clear();
            if self.custom() {
                self.bounds = random.below(BOUNDS.len() as u64) as usize;
            } else if random.chance(50) {
                self.schema = random.between(-2, 5) as i8;
            } else {
                self.zero_threshold = [0.0, 0.001, 0.5, 2.0][random.below(4) as usize];
            }
        }
        if random.chance(self.resets) {
            self.clear();
        }
        for _ in 0..random.below(6) {
            self.observe(random);
        }
        let place = if self.custom() {
            0
        } else {
            2i32 << self.schema.max(0)
        };
        self.positive_counts.entry(place).or_default();
        if self.negative {
            self.negative_counts.entry(place).or_default();
        }
        self.histogram()
    }

    fn clear(&mut self) {
        self.positive_counts.clear();
        self.negative_counts.clear();
        (self.zero_count, self.nan_count, self.sum) = (0, 0, 0.0);
    }

    fn observe(&mut self, random: &mut Random) {
        let amount = 1 + random.below(9);
        if self.nan && random.chance(5) {
            self.nan_count += amount;
            self.sum = NORMAL_NAN;
            return;
        }
        if self.custom() {
            let place = random.below(BOUNDS[self.bounds].len() as u64 + 1) as i32;
            *self.positive_counts.entry(place).or_default() += amount;
            self.sum += amount as f64 * f64::from(place);
            return;
        }
        let reach = 4i64 << self.schema.max(0);
        let lowest = if self.zero_threshold >= 0.5 {
            2i64 << self.schema.max(0)
        } else {
            -reach
        };
        let place = random.between(lowest, lowest + reach) as i32;
        let value = f64::from(place).exp2().min(1e6) * amount as f64;
        if random.chance(10) {
            self.zero_count += amount;
        } else if self.negative && random.chance(40) {
            *self.negative_counts.entry(place).or_default() += amount;
            self.sum -= value;
        } else {
            *self.positive_counts.entry(place).or_default() += amount;
            self.sum += value;
        }
    }

    fn histogram(&self) -> Histogram {
        let (positive_spans, positive) = layout(&self.positive_counts);
        let (negative_spans, negative) = layout(&self.negative_counts);
        let seen = self.zero_count + positive.iter().chain(&negative).sum::<u64>();
        let halves = |counts: Vec<u64>| counts.into_iter().map(|c| c as f64 / 2.0).collect();
        Histogram {
            schema: self.schema,
            reset_hint: if self.gauge {
                CounterResetHint::Gauge
            } else {
                CounterResetHint::Unknown
            },
            zero_threshold: if self.custom() { 0.0 } else { self.zero_threshold },
            sum: self.sum,
            positive_spans,
            negative_spans,
            custom_values: if self.custom() {
                BOUNDS[self.bounds].to_vec()
            } else {
                Vec::new()
            },
            counts: if self.float {
                Counts::Float(Buckets {
                    count: (seen + self.nan_count) as f64 / 2.0,
                    zero_count: self.zero_count as f64 / 2.0,
                    positive: halves(positive),
                    negative: halves(negative),
                })
            } else {
                Counts::Integer(Buckets {
                    count: seen + self.nan_count,
                    zero_count: self.zero_count,
                    positive,
                    negative,
                })
            },
        }
    }
}

/// Buckets as spans and counts. Buckets that lie one apart share a span, with nothing in the one between.
fn layout(counts: &BTreeMap<i32, u64>) -> (Vec<Span>, Vec<u64>) {
    let (mut spans, mut flat) = (Vec::<Span>::new(), Vec::new());
    let mut next = 0;
    for (&place, &count) in counts {
        match spans.last_mut() {
            Some(span) if place - next <= 1 => {
                let empty = place.abs_diff(next);
                flat.extend((0..empty).map(|_| 0));
                span.length += empty + 1;
            }
            _ => spans.push(Span {
                offset: place - next,
                length: 1,
            }),
        }
        flat.push(count);
        next = place + 1;
    }
    (spans, flat)
}
