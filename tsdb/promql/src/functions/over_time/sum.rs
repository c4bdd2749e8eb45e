//! `sum_over_time` and `avg_over_time`.
//!
//! Both are what Kahan's summation over each window gives, to the last bit. A sum costs a few additions a window, see
//! [`PrefixSums`](super::super::exact_sum). A mean divides the sum and its correction one by one, so that it takes the
//! loop's own intermediate results where additions round: then several windows are summed side by side, since each alone
//! would mostly wait for its last addition.

use super::super::exact_sum::{PrefixSums, two_sum};
use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;
use crate::histogram::{HistogramMean, HistogramSum, MergeNotes, MixedSchemas};
use crate::numeric::{KahanSum, Mean};

/// Up to so many samples a window, a loop is cheaper than what saves it.
const SHORT: usize = 8;

/// So many windows are summed side by side.
const LANES: usize = 4;

pub(crate) fn sum(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let values = &*w.track.values;
    let prefix = gains_by_sharing(w).then(|| PrefixSums::of(values)).flatten();
    for (i, bounds) in w.bounds.iter().enumerate() {
        let (from, to) = (bounds.floats.0 as usize, bounds.floats.1 as usize);
        if bounds.histograms.0 < bounds.histograms.1 {
            if from < to {
                call.warn_mixed();
            } else if let Some(sum) = histogram_sum(&w.window(bounds), call) {
                out.set_histogram(i, sum.into());
            }
        } else if from < to {
            let known = prefix.as_ref().and_then(|p| p.between(from, to));
            let sum = known.unwrap_or_else(|| plain_sum(values.get(from..to).unwrap_or_default()));
            out.set_float(i, sum);
        }
    }
    Ok(())
}

pub(crate) fn avg(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let values = &*w.track.values;
    let prefix = gains_by_sharing(w)
        .then(|| PrefixSums::exact_of(values))
        .flatten();
    let mut lanes = Lanes::new(values);
    for (i, bounds) in w.bounds.iter().enumerate() {
        let (from, to) = (bounds.floats.0 as usize, bounds.floats.1 as usize);
        if bounds.histograms.0 < bounds.histograms.1 {
            if from < to {
                call.warn_mixed();
            } else if let Some(mean) = histogram_mean(&w.window(bounds), call) {
                out.set_histogram(i, mean.into());
            }
        } else if from < to {
            match prefix.as_ref().and_then(|p| p.between(from, to)) {
                Some(sum) => out.set_float(i, sum / (to - from) as f64),
                None => lanes.take(i, from, to, out),
            }
        }
    }
    lanes.flush(out);
    Ok(())
}

/// Whether the windows are long enough, and overlap enough, to gain by sums over the whole series.
fn gains_by_sharing(w: &Windows<'_>) -> bool {
    let in_windows: usize = w.bounds.iter().map(|b| (b.floats.1 - b.floats.0) as usize).sum();
    in_windows > SHORT * w.bounds.len() && in_windows >= 2 * w.track.values.len()
}

fn plain_sum(values: &[f64]) -> f64 {
    let mut sum = KahanSum::default();
    values.iter().for_each(|v| sum.add(*v));
    sum.total()
}

fn plain_mean(values: &[f64]) -> f64 {
    let mut mean = Mean::default();
    values.iter().for_each(|v| mean.add(*v));
    mean.total()
}

/// Windows that wait to be summed side by side.
struct Lanes<'a> {
    values: &'a [f64],
    /// Step and samples of each.
    waiting: [(usize, &'a [f64]); LANES],
    count: usize,
}

impl<'a> Lanes<'a> {
    fn new(values: &'a [f64]) -> Lanes<'a> {
        Lanes {
            values,
            waiting: [(0, &[]); LANES],
            count: 0,
        }
    }

    fn take(&mut self, step: usize, from: usize, to: usize, out: &mut Column) {
        if let Some(free) = self.waiting.get_mut(self.count) {
            *free = (step, self.values.get(from..to).unwrap_or_default());
            self.count += 1;
        }
        if self.count == LANES {
            self.sum_all(out);
            self.count = 0;
        }
    }

    fn sum_all(&self, out: &mut Column) {
        let windows = self.waiting.map(|(_, window)| window);
        for ((step, window), (sum, correction)) in self.waiting.iter().zip(side_by_side(windows)) {
            // An infinity on the way calls for the running mean.
            let mean = if sum.is_finite() && correction.is_finite() {
                let n = window.len() as f64;
                sum / n + correction / n
            } else {
                plain_mean(window)
            };
            out.set_float(*step, mean);
        }
    }

    fn flush(&mut self, out: &mut Column) {
        for (step, window) in self.waiting.iter().take(self.count) {
            out.set_float(*step, plain_mean(window));
        }
        self.count = 0;
    }
}

/// Sums and corrections, as Kahan's summation in Neumaier's variant has them: without its question for the larger one,
/// which no two windows answer at the same time.
#[inline(never)]
fn side_by_side(windows: [&[f64]; LANES]) -> [(f64, f64); LANES] {
    let shared = windows.iter().map(|w| w.len()).min().unwrap_or(0);
    // Slices of one length that is known here: nothing is asked for each sample.
    let [a, b, c, d] = windows.map(|w| &w[..shared]);
    let (mut sums, mut corrections) = ([0.0; LANES], [0.0; LANES]);
    for k in 0..shared {
        let values = [a[k], b[k], c[k], d[k]];
        for lane in 0..LANES {
            let (sum, error) = two_sum(sums[lane], values[lane]);
            sums[lane] = sum;
            corrections[lane] += error;
        }
    }
    let mut all = [(0.0, 0.0); LANES];
    for (lane, into) in all.iter_mut().enumerate() {
        *into = (sums[lane], corrections[lane]);
        for value in windows[lane].iter().skip(shared) {
            let (sum, error) = two_sum(into.0, *value);
            *into = (sum, into.1 + error);
        }
    }
    all
}

fn histogram_sum(window: &crate::eval::Window<'_>, call: &OverCall<'_>) -> Option<crate::FloatHistogram> {
    let ((_, first), rest) = window.histograms.split_first()?;
    let mut sum = HistogramSum::new(first);
    let added = rest.iter().try_for_each(|(_, h)| sum.add(h));
    noted(added, sum.notes(), call).then(|| sum.total())
}

fn histogram_mean(window: &crate::eval::Window<'_>, call: &OverCall<'_>) -> Option<crate::FloatHistogram> {
    let ((_, first), rest) = window.histograms.split_first()?;
    let mut mean = HistogramMean::new(first);
    let added = rest.iter().try_for_each(|(_, h)| mean.add(h));
    noted(added, mean.notes(), call).then(|| mean.total())
}

/// Tells what there is to know about an aggregate of histograms; whether there is one.
fn noted(added: Result<(), MixedSchemas>, notes: MergeNotes, call: &OverCall<'_>) -> bool {
    if added.is_err() {
        call.warn_mixed_schemas();
        return false;
    }
    if notes.reset_collision {
        call.warn_reset_collision("aggregation");
    }
    if notes.bounds_reconciled {
        call.info_reconciled("aggregation");
    }
    true
}
