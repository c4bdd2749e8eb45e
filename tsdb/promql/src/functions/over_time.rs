//! `…_over_time`, `changes` and `resets`: functions of the values in a window. Each is linear in the samples
//! of its window; windows are never empty.

use crate::eval::Window;
use crate::numeric::{self, KahanSum, Mean, Variance};

/// No value at all; what the table's rows start from.
pub(crate) fn none(_: &Window<'_>, _: &[f64]) -> Option<f64> {
    None
}

pub(crate) fn avg(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut mean = Mean::default();
    w.values.iter().for_each(|v| mean.add(*v));
    Some(mean.total())
}

pub(crate) fn sum(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut sum = KahanSum::default();
    w.values.iter().for_each(|v| sum.add(*v));
    Some(sum.total())
}

pub(crate) fn count(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(w.values.len() as f64)
}

pub(crate) fn present(_: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(1.0)
}

pub(crate) fn first(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.values.first().copied()
}

pub(crate) fn last(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.values.last().copied()
}

pub(crate) fn max(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.values
        .iter()
        .copied()
        .reduce(|max, v| if v > max || max.is_nan() { v } else { max })
}

pub(crate) fn min(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.values
        .iter()
        .copied()
        .reduce(|min, v| if v < min || min.is_nan() { v } else { min })
}

pub(crate) fn stddev(w: &Window<'_>, params: &[f64]) -> Option<f64> {
    stdvar(w, params).map(f64::sqrt)
}

pub(crate) fn stdvar(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let mut variance = Variance::default();
    w.values.iter().for_each(|v| variance.add(*v));
    Some(variance.total())
}

pub(crate) fn quantile(w: &Window<'_>, params: &[f64]) -> Option<f64> {
    let q = params.first().copied()?;
    Some(numeric::quantile(q, &mut w.values.to_vec()))
}

/// The median absolute deviation; NaN where any value is.
pub(crate) fn mad(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    if w.values.iter().any(|v| v.is_nan()) {
        return Some(f64::NAN);
    }
    let mut values = w.values.to_vec();
    let median = numeric::quantile(0.5, &mut values);
    values.iter_mut().for_each(|v| *v = (*v - median).abs());
    Some(numeric::quantile(0.5, &mut values))
}

pub(crate) fn changes(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let changed = |pair: &&[f64]| matches!(pair, [a, b] if a != b && !(a.is_nan() && b.is_nan()));
    Some(w.values.windows(2).filter(changed).count() as f64)
}

pub(crate) fn resets(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(
        w.values
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if b < a))
            .count() as f64,
    )
}

pub(crate) fn ts_of_first(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.timestamps.first().map(|t| seconds(*t))
}

pub(crate) fn ts_of_last(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    w.timestamps.last().map(|t| seconds(*t))
}

pub(crate) fn ts_of_max(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    ts_of(w, |v, best| v >= best)
}

pub(crate) fn ts_of_min(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    ts_of(w, |v, best| v <= best)
}

/// The time of the last sample that is as good as any before it.
fn ts_of(w: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<f64> {
    let samples = w.timestamps.iter().zip(w.values);
    let best = samples.reduce(|best, now| {
        if better(*now.1, *best.1) || best.1.is_nan() {
            now
        } else {
            best
        }
    });
    best.map(|(t, _)| seconds(*t))
}

fn seconds(timestamp_ms: i64) -> f64 {
    timestamp_ms as f64 / 1000.0
}
