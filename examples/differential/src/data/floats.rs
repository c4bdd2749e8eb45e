//! Counters, gauges, classic histograms and information, all of floats.

use model::metrics::NORMAL_NAN;

use super::{GRID_MS, Maker, Moment, SPAN_MS, labels};
use crate::random::Random;

/// Numbers that are likely to make trouble.
const EXTREMES: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    NORMAL_NAN,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    1e17,
    1e-9,
    0.1,
    -2.5,
    9_007_199_254_740_993.0,
];

const BOUNDS: [&str; 7] = ["0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"];

pub(super) fn add(maker: &mut Maker) {
    for process in maker.processes() {
        counters(maker, &process);
        gauges(maker, &process);
        classic_histogram(maker, &process);
        information(maker, &process);
    }
    for case in ["tiny", "large", "special", "steps"] {
        extremes(maker, case);
    }
    broken_histogram(maker);
}

fn counters(maker: &mut Maker, process: &[(&str, &str)]) {
    for (method, code) in [("get", "200"), ("get", "500"), ("post", "200")] {
        if maker.random.chance(85) {
            let moments = maker.moments();
            let labels = labels(
                "http_requests_total",
                process,
                &[("method", method), ("code", code)],
            );
            maker.floats(labels, &moments, counter(1));
        }
    }
    if maker.random.chance(80) {
        let moments = maker.moments();
        let labels = labels("http.server.requests", process, &[("service.name", "münchen")]);
        maker.floats(labels, &moments, counter(3));
    }
}

/// Grows by whole numbers, or not at all, and starts again in so many percent of steps.
fn counter(resets: u64) -> impl FnMut(&mut Random, i64) -> f64 {
    let mut total = 0u64;
    move |random, _| {
        if random.chance(resets) {
            total = random.below(5);
        } else if random.chance(70) {
            total += random.below(50);
        }
        total as f64
    }
}

fn gauges(maker: &mut Maker, process: &[(&str, &str)]) {
    let moments = maker.moments();
    let zone = if maker.random.chance(50) { "north" } else { "south" };
    maker.floats(
        labels("temperature", process, &[("zone", zone)]),
        &moments,
        |random, _| (random.unit() * 400.0).round() / 10.0 - 10.0,
    );
    let moments = maker.moments();
    maker.floats(labels("queue_depth", process, &[]), &moments, |random, _| {
        random.below(6) as f64
    });
    let moments = maker.moments_every(GRID_MS, 2);
    maker.floats(labels("up", process, &[]), &moments, |random, _| {
        f64::from(u8::from(random.chance(90)))
    });
    let mut at_ms = maker.start_ms + maker.random.between(0, 20_000);
    let end_ms = maker.start_ms + SPAN_MS;
    let mut uneven = Vec::new();
    while at_ms < end_ms {
        uneven.push(Moment::Sample(at_ms));
        at_ms += maker.random.between(200, 40_000);
    }
    maker.floats(labels("uneven", process, &[]), &uneven, |random, at| {
        random.unit() + (at % 600_000) as f64
    });
    let sparse = maker.moments_every(GRID_MS * 18, 1);
    maker.floats(labels("sparse", process, &[]), &sparse, |random, _| {
        random.unit() * 1e6
    });
    let born_s = (maker.start_ms / 1000 - maker.random.between(0, 100_000_000)) as f64;
    let moments = maker.moments();
    maker.floats(
        labels("process_start_time_seconds", process, &[]),
        &moments,
        |_, _| born_s,
    );
}

fn extremes(maker: &mut Maker, case: &str) {
    let moments = maker.moments();
    let case_owned = case.to_owned();
    maker.floats(
        labels(
            "extreme",
            &[("job", "api"), ("instance", "a:1")],
            &[("case", case)],
        ),
        &moments,
        move |random, _| match case_owned.as_str() {
            "tiny" => random.unit() * 1e-300,
            "large" => (random.unit() - 0.5) * 1e308,
            "special" => EXTREMES[random.below(EXTREMES.len() as u64) as usize],
            _ => 1e16 + random.below(3) as f64,
        },
    );
}

/// `_bucket`, `_sum` and `_count` that belong together.
fn classic_histogram(maker: &mut Maker, process: &[(&str, &str)]) {
    let moments = maker.moments_every(GRID_MS * 2, 1);
    let mut buckets: Vec<Vec<f64>> = vec![Vec::new(); BOUNDS.len()];
    let (mut sums, mut counts) = (Vec::new(), [0u64; BOUNDS.len()]);
    let mut sum = 0.0;
    for _ in &moments {
        if maker.random.chance(2) {
            (counts, sum) = ([0; BOUNDS.len()], 0.0);
        }
        for _ in 0..maker.random.below(8) {
            let place = maker.random.below(BOUNDS.len() as u64) as usize;
            counts[place..].iter_mut().for_each(|c| *c += 1);
            sum += 0.05 * place as f64;
        }
        sums.push(sum);
        buckets.iter_mut().zip(counts).for_each(|(b, c)| b.push(c as f64));
    }
    let total = buckets.last().cloned().unwrap_or_default();
    for (le, values) in BOUNDS.into_iter().zip(buckets) {
        maker.listed(
            labels("request_seconds_bucket", process, &[("le", le)]),
            &moments,
            values,
        );
    }
    maker.listed(labels("request_seconds_count", process, &[]), &moments, total);
    maker.listed(labels("request_seconds_sum", process, &[]), &moments, sums);
}

/// Buckets that do not fit: no order, a bound that is no number, no bucket to infinity.
fn broken_histogram(maker: &mut Maker) {
    for (kind, bounds) in [
        ("unordered", &["1", "2", "5", "+Inf"][..]),
        ("unparsed", &["1", "many", "+Inf"]),
        ("open", &["1", "2"]),
        ("single", &["+Inf"]),
        ("negative", &["-10", "-1", "0", "10", "+Inf"]),
        ("same", &["1", "1.0", "2", "+Inf"]),
    ] {
        let moments = maker.moments();
        for (place, le) in bounds.iter().enumerate() {
            let labels = labels(
                "odd_bucket",
                &[("job", "api"), ("instance", "a:1")],
                &[("le", le), ("kind", kind)],
            );
            let wild = kind == "unordered";
            maker.floats(labels, &moments, move |random, _| {
                let base = 10.0 * (place + 1) as f64;
                if wild {
                    random.below(40) as f64
                } else {
                    base + random.below(10) as f64
                }
            });
        }
    }
}

/// `target_info` and `build_info`, whose labels change in the middle.
fn information(maker: &mut Maker, process: &[(&str, &str)]) {
    let change_ms = maker.start_ms + maker.random.between(0, SPAN_MS);
    let marked = maker.random.chance(50);
    for (name, label) in [("target_info", "version"), ("build_info", "revision")] {
        for (value, first) in [("1", true), ("2", false)] {
            let mut moments: Vec<Moment> = maker.moments_every(GRID_MS * 2, 0);
            moments.retain(|m| matches!(m, Moment::Sample(at) if (*at < change_ms) == first));
            if first && marked {
                moments.push(Moment::Stale(change_ms));
            }
            let pairs = [(label, value), ("region", if first { "eu" } else { "us" })];
            maker.floats(labels(name, process, &pairs), &moments, |_, _| 1.0);
        }
    }
}

impl Maker {
    /// Adds a series of floats whose values are known, one a moment.
    fn listed(&mut self, labels: model::Labels, moments: &[Moment], values: Vec<f64>) {
        let mut by_time = moments
            .iter()
            .zip(values)
            .filter_map(|(moment, value)| match moment {
                Moment::Sample(_) => Some(value),
                Moment::Stale(_) => None,
            });
        self.floats(labels, moments, |_, _| by_time.next().unwrap_or_default());
    }
}
