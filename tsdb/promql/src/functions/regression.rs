//! `deriv`, `predict_linear` (least squares) and `double_exponential_smoothing` (Holt's linear trend).

use crate::eval::Window;
use crate::numeric::KahanSum;

/// Per-second slope, and the value at `intercept_ms`, of the line of least squares.
fn linear_regression(w: &Window<'_>, intercept_ms: i64) -> (f64, f64) {
    let first = w.values.first().copied().unwrap_or(f64::NAN);
    if w.values.iter().all(|v| *v == first) {
        // Exactly constant: rounding must not invent a slope.
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let [mut x_sum, mut y_sum, mut xy_sum, mut xx_sum] = [KahanSum::default(); 4];
    for (t, y) in w.timestamps.iter().zip(w.values) {
        let x = (t - intercept_ms) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let n = w.values.len() as f64;
    let [x, y, xy, xx] = [x_sum, y_sum, xy_sum, xx_sum].map(|s| s.sum + s.c);
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

pub(crate) fn deriv(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let first = *w.timestamps.first()?;
    (w.values.len() >= 2).then(|| linear_regression(w, first).0)
}

pub(crate) fn predict_linear(w: &Window<'_>, params: &[f64]) -> Option<f64> {
    let duration_s = params.first().copied()?;
    (w.values.len() >= 2).then(|| {
        let (slope, intercept) = linear_regression(w, w.eval_ms);
        slope * duration_s + intercept
    })
}

/// Parameters: the smoothing factor and the trend factor.
pub(crate) fn double_exponential_smoothing(w: &Window<'_>, params: &[f64]) -> Option<f64> {
    let &[smoothing, trend_factor] = params else {
        return None;
    };
    let [first, second, ..] = w.values else {
        return None;
    };
    let (mut before, mut level, mut trend) = (0.0, *first, second - first);
    for (i, value) in w.values.iter().enumerate().skip(1) {
        if i > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let next = smoothing * value + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Some(level)
}
