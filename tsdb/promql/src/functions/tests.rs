//! Every function that shares work between windows has, bit for bit, the value of a loop over each window alone.

use std::sync::Arc;

use super::*;
use crate::annotations::Annotations;
use crate::ast::{Extension, Span};
use crate::eval::Window;
use crate::eval::{ABSENT, Bounds, Track, is_absent};
use crate::numeric::{self, KahanSum, Mean, Variance};

/// Windows tried by an ordinary run of the tests; [`millions_of_windows`] tries more.
const WINDOWS: usize = 20_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A value of the kind that a series has: whole numbers, counters, decimals, numbers of all sizes, and odd ones.
fn value(kind: u64, before: f64, random: &mut Random) -> f64 {
    match kind {
        0 => random.below(100) as f64 - 50.0,
        1 => match random.below(40) {
            0 => random.below(5) as f64,
            _ => before + random.below(50) as f64,
        },
        2 => (random.below(1_000_000) as f64) / 100.0,
        3 => match random.below(60) {
            0 => 0.01,
            _ => before + random.below(5000) as f64 / 1000.0,
        },
        4 => (random.unit() - 0.5) * 2f64.powi(random.below(80) as i32 - 40),
        5 => match random.below(12) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => -0.0,
            4 => 1e308,
            5 => -1e308,
            6 => 5e-324,
            _ => random.below(3) as f64,
        },
        6 => [0.0, -0.0][random.below(2) as usize],
        7 if random.below(3) > 0 => before,
        _ => 20.0 + random.unit(),
    }
}

fn track(random: &mut Random, len: usize) -> Track {
    let kind = random.below(9);
    let (mut time, mut last) = (0, 0.0);
    let mut track = Track::default();
    for _ in 0..len {
        time += 1 + random.below(30_000) as i64;
        last = value(kind, last, random);
        track.timestamps.push(time);
        track.values.push(last);
    }
    track
}

fn windows(track: &Track, range_ms: i64, step_ms: i64) -> Vec<Bounds> {
    let end = track.timestamps.last().copied().unwrap_or(0) + range_ms;
    let at = |eval_ms: i64| {
        let index = |t: i64| track.timestamps.partition_point(|x| *x <= t) as u32;
        let start_ms = eval_ms - range_ms;
        Bounds {
            start_ms,
            end_ms: eval_ms,
            eval_ms,
            floats: (index(start_ms), index(eval_ms)),
            histograms: (0, 0),
        }
    };
    (0..)
        .map(|i| at(i * step_ms))
        .take_while(|b| b.end_ms <= end)
        .collect()
}

type Plain = fn(&Window<'_>, &[f64]) -> Option<f64>;

fn call<'a>(notes: &'a Annotations, params: &'a [Vec<f64>]) -> OverCall<'a> {
    OverCall {
        first_step: 0,
        params,
        notes,
        span: Span::default(),
        arg_spans: &[],
        metric_name: "m_total",
        start_timestamps: false,
        lookback_ms: 300_000,
    }
}

/// Compares a function with its loop over random windows; gives how many windows there were.
fn compare(name: &str, plain: Plain, windows_wanted: usize, seed: u64) -> usize {
    let Kind::Over(over) = &find(name).unwrap().kind else {
        panic!("{name} is not of windows");
    };
    let mut random = Random(seed);
    let mut seen = 0;
    while seen < windows_wanted {
        let len = 1 + random.below(400) as usize;
        let track = track(&mut random, len);
        let range_ms = 1 + random.below(3_000_000) as i64;
        let bounds = windows(&track, range_ms, 1 + random.below(200_000) as i64);
        let q = random.unit() * 1.1 - 0.05;
        let params = vec![vec![q; bounds.len()]];
        let all = Windows {
            track: &track,
            bounds: &bounds,
            range_ms,
            extension: Extension::None,
            timings: &std::sync::OnceLock::new(),
        };
        let notes = Annotations::default();
        let mut column = Column::absent(bounds.len());
        (over.apply)(&all, &call(&notes, &params), &mut column).unwrap();
        for (i, bounds) in bounds.iter().enumerate() {
            let window = all.window(bounds);
            let expected = if window.values.is_empty() {
                None
            } else {
                plain(&window, &[q])
            };
            let expected = expected.unwrap_or(ABSENT);
            let got = column.floats[i];
            let same = got.to_bits() == expected.to_bits()
                || (got.is_nan() && expected.is_nan() && is_absent(got) == is_absent(expected));
            assert!(
                same,
                "{name}, seed {seed}: {got:?} is not {expected:?} of {window:?}"
            );
        }
        seen += bounds.len();
    }
    seen
}

fn summed(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut sum = KahanSum::default();
    w.values.iter().for_each(|v| sum.add(*v));
    Some(sum.total())
}

fn mean(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut mean = Mean::default();
    w.values.iter().for_each(|v| mean.add(*v));
    Some(mean.total())
}

fn variance(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut variance = Variance::default();
    w.values.iter().for_each(|v| variance.add(*v));
    Some(variance.total())
}

fn extreme(w: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<(i64, f64)> {
    let mut best = (*w.timestamps.first()?, *w.values.first()?);
    for (time, value) in w.timestamps.iter().zip(w.values) {
        if better(*value, best.1) || best.1.is_nan() {
            best = (*time, *value);
        }
    }
    Some(best)
}

fn quantile(w: &Window<'_>, params: &[f64]) -> Option<f64> {
    Some(numeric::quantile(params[0], &mut w.values.to_vec()) + 0.0)
}

fn mad(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    if w.values.iter().any(|v| v.is_nan()) {
        return Some(f64::NAN);
    }
    let median = numeric::quantile(0.5, &mut w.values.to_vec());
    let mut deviations: Vec<f64> = w.values.iter().map(|v| (v - median).abs()).collect();
    Some(numeric::quantile(0.5, &mut deviations))
}

fn pairs_of(w: &Window<'_>, counts: fn(f64, f64) -> bool) -> Option<f64> {
    Some(w.values.windows(2).filter(|p| counts(p[0], p[1])).count() as f64)
}

/// Prometheus' extrapolation, step by step.
fn extrapolated(w: &Window<'_>, counter: bool, per_second: bool) -> Option<f64> {
    let n = w.values.len();
    if n < 2 {
        return None;
    }
    let (first, last) = (w.values[0], w.values[n - 1]);
    let mut change = last - first;
    if counter {
        for pair in w.values.windows(2).filter(|p| p[1] < p[0]) {
            change += pair[0];
        }
    }
    let mut to_start = (w.timestamps[0] - w.start_ms) as f64 / 1000.0;
    let mut to_end = (w.end_ms - w.timestamps[n - 1]) as f64 / 1000.0;
    let sampled = (w.timestamps[n - 1] - w.timestamps[0]) as f64 / 1000.0;
    let average = sampled / (n - 1) as f64;
    if to_start >= average * 1.1 {
        to_start = average / 2.0;
    }
    if counter && change > 0.0 && first >= 0.0 && sampled * (first / change) < to_start {
        to_start = sampled * (first / change);
    }
    if to_end >= average * 1.1 {
        to_end = average / 2.0;
    }
    let mut factor = (sampled + to_start + to_end) / sampled;
    if per_second {
        let range_ms = w.end_ms - w.start_ms;
        factor /= (range_ms / 1000) as f64 + (range_ms % 1000 * 1_000_000) as f64 / 1e9;
    }
    Some(change * factor)
}

const PLAIN: [(&str, Plain); 15] = [
    ("sum_over_time", summed),
    ("avg_over_time", mean),
    ("stdvar_over_time", variance),
    ("stddev_over_time", |w, p| variance(w, p).map(f64::sqrt)),
    ("max_over_time", |w, _| {
        Some(extreme(w, |new, best| new > best)?.1)
    }),
    ("min_over_time", |w, _| {
        Some(extreme(w, |new, best| new < best)?.1)
    }),
    ("ts_of_max_over_time", |w, _| {
        Some(extreme(w, |new, best| new >= best)?.0 as f64 / 1000.0)
    }),
    ("ts_of_min_over_time", |w, _| {
        Some(extreme(w, |new, best| new <= best)?.0 as f64 / 1000.0)
    }),
    ("mad_over_time", mad),
    ("changes", |w, _| {
        pairs_of(w, |a, b| a != b && !(a.is_nan() && b.is_nan()))
    }),
    ("resets", |w, _| pairs_of(w, |a, b| b < a)),
    ("count_over_time", |w, _| Some(w.values.len() as f64)),
    ("rate", |w, _| extrapolated(w, true, true)),
    ("increase", |w, _| extrapolated(w, true, false)),
    ("delta", |w, _| extrapolated(w, false, false)),
];

#[test]
fn sharing_work_between_windows_changes_no_bit() {
    for (name, plain) in PLAIN {
        assert!(compare(name, plain, WINDOWS, 1) >= WINDOWS);
    }
}

/// The order of two zeros is nobody's: all zeros are taken for the same here.
#[test]
fn quantiles_are_those_of_sorted_windows() {
    let mut random = Random(7);
    let Kind::Over(over) = &find("quantile_over_time").unwrap().kind else {
        panic!("not of windows");
    };
    for _ in 0..60 {
        let len = 1 + random.below(400) as usize;
        let track = track(&mut random, len);
        let range_ms = 1 + random.below(3_000_000) as i64;
        let bounds = windows(&track, range_ms, 1 + random.below(200_000) as i64);
        let qs: Vec<f64> = bounds.iter().map(|_| random.unit() * 1.2 - 0.1).collect();
        let all = Windows {
            track: &track,
            bounds: &bounds,
            range_ms,
            extension: Extension::None,
            timings: &std::sync::OnceLock::new(),
        };
        let (notes, params) = (Annotations::default(), vec![qs.clone()]);
        let mut column = Column::absent(bounds.len());
        (over.apply)(&all, &call(&notes, &params), &mut column).unwrap();
        for (i, bounds) in bounds.iter().enumerate().filter(|(_, b)| !b.is_empty()) {
            let (got, expected) = (
                column.floats[i] + 0.0,
                quantile(&all.window(bounds), &[qs[i]]).unwrap(),
            );
            let same = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
            assert!(
                same,
                "{got:?} is not {expected:?}: {} of {:?}",
                qs[i],
                all.window(bounds)
            );
        }
    }
}

/// `cargo test --release -p promql millions -- --ignored`
#[test]
#[ignore = "takes minutes; for changes to how windows are computed"]
fn millions_of_windows() {
    for (name, plain) in PLAIN {
        for seed in 100..110 {
            compare(name, plain, 300_000, seed);
        }
    }
}

#[test]
fn the_table_has_every_function_once() {
    let mut names: Vec<&str> = table::all().iter().map(|f| f.name).collect();
    assert_eq!(names.len(), 90);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 90);
}

#[test]
fn histograms_in_a_window_of_floats_are_told_of() {
    let track = Track {
        timestamps: vec![1000],
        values: vec![1.0],
        histograms: vec![(2000, Arc::new(FloatHistogram::default()))],
        ..Track::default()
    };
    let bounds = [Bounds {
        start_ms: 0,
        end_ms: 3000,
        eval_ms: 3000,
        floats: (0, 1),
        histograms: (0, 1),
    }];
    let all = Windows {
        track: &track,
        bounds: &bounds,
        range_ms: 3000,
        extension: Extension::None,
        timings: &std::sync::OnceLock::new(),
    };
    for (name, warns) in [("rate", true), ("sum_over_time", true), ("max_over_time", false)] {
        let Kind::Over(over) = &find(name).unwrap().kind else {
            panic!("{name} is not of windows");
        };
        let notes = Annotations::default();
        let mut column = Column::absent(1);
        (over.apply)(&all, &call(&notes, &[]), &mut column).unwrap();
        let (warnings, infos) = notes.finish(None);
        assert_eq!(
            (warnings.len(), infos.len()),
            (usize::from(warns), usize::from(!warns)),
            "{name}"
        );
    }
}
