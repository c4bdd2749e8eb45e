//! `deriv`, `predict_linear` (least squares) and `double_exponential_smoothing` (Holt's linear trend): a loop over each
//! window.

use crate::QueryError;
use crate::eval::{Column, Window, Windows};
use crate::functions::OverCall;
use crate::functions::exact_sum::two_sum;
use crate::numeric::{KahanSum, format_float};

pub(crate) fn deriv(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    for (i, window) in float_windows(w, call) {
        if let [first, _, ..] = window.timestamps {
            out.set_float(i, linear_regression(&window, *first).0);
        }
    }
    Ok(())
}

pub(crate) fn predict_linear(
    w: &Windows<'_>,
    call: &OverCall<'_>,
    out: &mut Column,
) -> Result<(), QueryError> {
    let durations_s = call.param(0);
    for (i, window) in float_windows(w, call) {
        if let (true, Some(duration_s)) = (window.values.len() >= 2, durations_s.get(i)) {
            let (slope, intercept) = linear_regression(&window, window.eval_ms);
            out.set_float(i, slope * duration_s + intercept);
        }
    }
    Ok(())
}

/// Parameters: the smoothing factor and the trend factor.
pub(crate) fn double_exponential_smoothing(
    w: &Windows<'_>,
    call: &OverCall<'_>,
    out: &mut Column,
) -> Result<(), QueryError> {
    let (smoothing, trend) = (call.param(0), call.param(1));
    for (i, window) in w.occupied() {
        let smoothing = factor("smoothing", "sf", smoothing.get(i))?;
        let trend = factor("trend", "tf", trend.get(i))?;
        note_histograms(&window, call);
        if let Some(level) = smoothed(window.values, smoothing, trend) {
            out.set_float(i, level);
        }
    }
    Ok(())
}

fn factor(what: &str, short: &str, value: Option<&f64>) -> Result<f64, QueryError> {
    let value = value.copied().unwrap_or(f64::NAN);
    if value <= 0.0 || value >= 1.0 {
        let got = match value.is_finite() {
            true => format!("{value:.6}"),
            false => format_float(value),
        };
        let text = format!("invalid {what} factor. Expected: 0 < {short} < 1, got: {got}");
        return Err(QueryError::execution(text));
    }
    Ok(value)
}

fn smoothed(values: &[f64], smoothing: f64, trend_factor: f64) -> Option<f64> {
    let [first, second, ..] = values else {
        return None;
    };
    let (mut before, mut level, mut trend) = (0.0, *first, second - first);
    for (i, value) in values.iter().enumerate().skip(1) {
        if i > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Some(level)
}

/// The windows that have a float; says so where histograms are left out of account.
fn float_windows<'w>(
    w: &'w Windows<'w>,
    call: &'w OverCall<'_>,
) -> impl Iterator<Item = (usize, Window<'w>)> + 'w {
    let windows = w.occupied().filter(|(_, window)| !window.values.is_empty());
    windows.inspect(|(_, window)| note_histograms(window, call))
}

fn note_histograms(window: &Window<'_>, call: &OverCall<'_>) {
    if !window.values.is_empty() && !window.histograms.is_empty() {
        call.info_histograms_ignored();
    }
}

/// Per-second slope, and the value at `intercept_ms`, of the line of least squares.
fn linear_regression(w: &Window<'_>, intercept_ms: i64) -> (f64, f64) {
    let first = w.values.first().copied().unwrap_or(f64::NAN);
    if w.values.iter().skip(1).all(|v| *v == first) {
        // Exactly constant: rounding must not invent a slope.
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let n = w.values.len() as f64;
    let [x, y, xy, xx] = sums(w, intercept_ms);
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

/// The compensated sums of times, values, their products and the squares of times.
fn sums(w: &Window<'_>, intercept_ms: i64) -> [f64; 4] {
    let terms = |(t, y): (&i64, &f64)| {
        // Wraps for times that are no times, as upstream's does.
        let x = t.wrapping_sub(intercept_ms) as f64 / 1000.0;
        [x, *y, x * y, x * x]
    };
    let (mut sums, mut errors) = ([0.0; 4], [0.0; 4]);
    for terms in w.timestamps.iter().zip(w.values).map(terms) {
        // All sums in step, so that one instruction does several.
        let mut lost = [0.0; 4];
        for i in 0..4 {
            (sums[i], lost[i]) = two_sum(sums[i], terms[i]);
        }
        for i in 0..4 {
            errors[i] += lost[i];
        }
    }
    let total = |i: usize| sums[i] + errors[i];
    let totals = [total(0), total(1), total(2), total(3)];
    if totals.iter().all(|total| total.is_finite()) {
        return totals;
    }
    // What infinities do to a correction takes a closer look.
    let mut closer = [KahanSum::default(); 4];
    for terms in w.timestamps.iter().zip(w.values).map(terms) {
        closer.iter_mut().zip(terms).for_each(|(sum, term)| sum.add(term));
    }
    closer.map(|s| s.sum + s.c)
}
