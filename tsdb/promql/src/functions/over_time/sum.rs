//! `sum_over_time` and `avg_over_time`.
//!
//! Both are what Kahan's summation over each window gives, to the last bit. A sum costs a few additions a window, see
//! [`PrefixSums`](super::super::exact_sum). A mean divides the sum and its correction one by one, so that it takes the
//! loop's own intermediate results where additions round: then four windows are summed side by side, which takes a
//! fourth of the time that each alone would wait for its last addition.

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
    let prefix = prefix_sums(w);
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
    let prefix = prefix_sums(w).filter(PrefixSums::are_exact);
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

/// Prefix sums, where the windows are long enough to gain by them.
fn prefix_sums(w: &Windows<'_>) -> Option<PrefixSums> {
    let in_windows: usize = w.bounds.iter().map(|b| (b.floats.1 - b.floats.0) as usize).sum();
    if in_windows <= SHORT * w.bounds.len() || in_windows < 2 * w.track.values.len() {
        return None;
    }
    PrefixSums::of(&w.track.values)
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

/// Windows of equal length that wait to be summed side by side.
struct Lanes<'a> {
    values: &'a [f64],
    len: usize,
    /// Step and first sample of each.
    waiting: [(usize, usize); LANES],
    count: usize,
}

impl<'a> Lanes<'a> {
    fn new(values: &'a [f64]) -> Lanes<'a> {
        Lanes {
            values,
            len: 0,
            waiting: [(0, 0); LANES],
            count: 0,
        }
    }

    fn take(&mut self, step: usize, from: usize, to: usize, out: &mut Column) {
        if to - from != self.len {
            self.flush(out);
            self.len = to - from;
        }
        if let Some(free) = self.waiting.get_mut(self.count) {
            *free = (step, from);
            self.count += 1;
        }
        if self.count == LANES {
            self.sum_all(out);
            self.count = 0;
        }
    }

    fn window(&self, from: usize) -> &'a [f64] {
        self.values.get(from..from + self.len).unwrap_or_default()
    }

    fn sum_all(&self, out: &mut Column) {
        let windows = self.waiting.map(|(_, from)| self.window(from));
        let n = self.len as f64;
        for ((step, from), (sum, correction)) in self.waiting.iter().zip(side_by_side(windows)) {
            // An infinity on the way calls for the running mean.
            let mean = if sum.is_finite() && correction.is_finite() {
                sum / n + correction / n
            } else {
                plain_mean(self.window(*from))
            };
            out.set_float(*step, mean);
        }
    }

    fn flush(&mut self, out: &mut Column) {
        for (step, from) in self.waiting.iter().take(self.count) {
            out.set_float(*step, plain_mean(self.window(*from)));
        }
        self.count = 0;
    }
}

/// Sums and corrections, as Kahan's summation in Neumaier's variant has them.
fn side_by_side(windows: [&[f64]; LANES]) -> [(f64, f64); LANES] {
    let [a, b, c, d] = windows;
    let (mut sums, mut corrections) = ([0.0; LANES], [0.0; LANES]);
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        let values = [*a, *b, *c, *d];
        for ((sum, correction), value) in sums.iter_mut().zip(&mut corrections).zip(values) {
            let error;
            (*sum, error) = two_sum(*sum, value);
            *correction += error;
        }
    }
    let mut all = [(0.0, 0.0); LANES];
    all.iter_mut()
        .zip(sums.into_iter().zip(corrections))
        .for_each(|(into, pair)| *into = pair);
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
