//! `quantile_over_time` and `mad_over_time`. Long windows that overlap share one order, see
//! [`Ordered`](super::super::order); short ones are sorted one by one.

use super::super::order::Ordered;
use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;
use crate::numeric;

/// Up to so many samples a window on average, sorting each is cheaper.
const SHORT: usize = 8;

pub(crate) fn quantile(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let quantiles = call.param(0);
    let mut windows = Sorted::new(w);
    for (i, bounds) in w.bounds.iter().enumerate() {
        let (from, to) = (bounds.floats.0 as usize, bounds.floats.1 as usize);
        if from >= to {
            continue;
        }
        let q = quantiles.get(i).copied().unwrap_or(f64::NAN);
        if !(0.0..=1.0).contains(&q) {
            call.warn_quantile(q);
        }
        if bounds.histograms.0 < bounds.histograms.1 {
            call.info_histograms_ignored();
        }
        out.set_float(i, windows.quantile(q, from, to));
    }
    Ok(())
}

/// The median of how far the values are from their median; NaN where any of them is.
pub(crate) fn mad(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let mut windows = Sorted::new(w);
    let mut sorted = Vec::new();
    for (i, bounds) in w.bounds.iter().enumerate() {
        let (from, to) = (bounds.floats.0 as usize, bounds.floats.1 as usize);
        if from >= to {
            continue;
        }
        if bounds.histograms.0 < bounds.histograms.1 {
            call.info_histograms_ignored();
        }
        windows.sort(from, to, &mut sorted);
        let has_nan = sorted.first().is_some_and(|v| v.is_nan());
        out.set_float(
            i,
            if has_nan {
                f64::NAN
            } else {
                median_deviation(&sorted)
            },
        );
    }
    Ok(())
}

/// The windows of a series, one after the other, in order of their values.
struct Sorted<'a> {
    values: &'a [f64],
    shared: Option<Ordered<'a>>,
    own: Vec<f64>,
}

impl<'a> Sorted<'a> {
    fn new(w: &Windows<'a>) -> Sorted<'a> {
        let values = &*w.track.values;
        let in_windows: usize = w.bounds.iter().map(|b| (b.floats.1 - b.floats.0) as usize).sum();
        let overlap = in_windows > SHORT * w.bounds.len() && in_windows > 2 * values.len();
        Sorted {
            values,
            shared: overlap.then(|| Ordered::of(values)),
            own: Vec::new(),
        }
    }

    fn quantile(&mut self, q: f64, from: usize, to: usize) -> f64 {
        match &mut self.shared {
            Some(ordered) if (0.0..=1.0).contains(&q) => {
                ordered.move_to(from, to);
                ordered.quantile(q, to - from)
            }
            _ => {
                self.own.clear();
                self.own
                    .extend_from_slice(self.values.get(from..to).unwrap_or_default());
                numeric::quantile(q, &mut self.own)
            }
        }
    }

    fn sort(&mut self, from: usize, to: usize, into: &mut Vec<f64>) {
        if let Some(ordered) = &mut self.shared {
            ordered.move_to(from, to);
            ordered.values(into);
        } else {
            into.clear();
            into.extend_from_slice(self.values.get(from..to).unwrap_or_default());
            into.sort_unstable_by(|a, b| numeric::nan_first(*a, *b));
        }
    }
}

/// Of sorted values, none of them NaN. Deviations rise from the median to either side, so that the smaller half of them
/// is found by walking outwards.
fn median_deviation(sorted: &[f64]) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
    let rank = 0.5 * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    let between = |a: f64, b: f64| a * (1.0 - weight) + b * weight;
    let median = between(at(lower), at(upper));
    let deviation = |i: usize| sorted.get(i).map_or(f64::INFINITY, |v| (v - median).abs());
    if !median.is_finite() {
        // Infinities take the order from the deviations.
        let mut all: Vec<f64> = (0..sorted.len()).map(deviation).collect();
        return numeric::quantile(0.5, &mut all);
    }
    let (mut below, mut above) = (lower + 1, lower + 1);
    let mut nearest = || {
        let (left, right) = (
            below.checked_sub(1).map_or(f64::INFINITY, deviation),
            deviation(above),
        );
        if below > 0 && (left <= right || above > last) {
            below -= 1;
            left
        } else {
            above += 1;
            right
        }
    };
    let mut smaller = nearest();
    for _ in 0..lower {
        smaller = nearest();
    }
    let larger = if upper > lower { nearest() } else { smaller };
    between(smaller, larger)
}
