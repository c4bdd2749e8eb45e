//! `rate`, `increase`, `delta` with extrapolation to the window's ends, and `irate`, `idelta`.

use crate::eval::Window;

/// Samples further apart from the window's end than this many average intervals say that the series begins or
/// ends inside of the window.
const EXTRAPOLATION_THRESHOLD: f64 = 1.1;

pub(crate) fn rate(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    Some(extrapolated(w, true)? / w.range_s())
}

pub(crate) fn increase(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(w, true)
}

pub(crate) fn delta(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    extrapolated(w, false)
}

fn extrapolated(w: &Window<'_>, counter: bool) -> Option<f64> {
    let change = if counter {
        counter_change(w)?
    } else {
        w.values.last()? - w.values.first()?
    };
    Some(change * extrapolation(w, counter.then_some(change))?)
}

/// How much a counter went up, resets taken as restarts from 0.
fn counter_change(w: &Window<'_>) -> Option<f64> {
    let mut change = w.values.last()? - w.values.first()?;
    for pair in w.values.windows(2) {
        if let [before, after] = pair
            && after < before
        {
            change += before;
        }
    }
    Some(change)
}

/// By how much the change between first and last sample is to be multiplied to cover the window. A counter's
/// change bounds how far back it can have been above 0.
fn extrapolation(w: &Window<'_>, counter_change: Option<f64>) -> Option<f64> {
    let (first, last) = (*w.timestamps.first()?, *w.timestamps.last()?);
    if w.timestamps.len() < 2 {
        return None;
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(first - w.start_ms);
    let mut to_end = seconds(w.end_ms - last);
    let sampled = seconds(last - first);
    let average = sampled / (w.timestamps.len() - 1) as f64;
    let threshold = average * EXTRAPOLATION_THRESHOLD;
    if to_start >= threshold {
        to_start = average / 2.0;
    }
    if let Some(change) = counter_change {
        let first_value = *w.values.first()?;
        if change > 0.0 && first_value >= 0.0 {
            to_start = to_start.min(sampled * (first_value / change));
        }
    }
    if to_end >= threshold {
        to_end = average / 2.0;
    }
    Some((sampled + to_start + to_end) / sampled)
}

pub(crate) fn irate(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    let ([.., t0, t1], [.., v0, v1]) = (w.timestamps, w.values) else {
        return None;
    };
    let change = if v1 < v0 { *v1 } else { v1 - v0 };
    (t1 != t0).then(|| change / ((t1 - t0) as f64 / 1000.0))
}

pub(crate) fn idelta(w: &Window<'_>, _: &[f64]) -> Option<f64> {
    match w.values {
        [.., before, last] => Some(last - before),
        _ => None,
    }
}
