//! Changes over windows whose ends are extended: `anchored` takes the sample before the window for one at its start,
//! `smoothed` computes the values at both ends from the samples around them. Nothing is extrapolated. Each window is a
//! loop over its samples.

use std::sync::Arc;

use model::histogram::CounterResetHint;

use super::{Mode, seconds};
use crate::ast::Extension;
use crate::eval::{Bounds, Column, Windows};
use crate::functions::OverCall;
use crate::histogram::{FloatHistogram, MixedSchemas};

pub(super) fn change(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, mode: Mode) {
    let track = w.track;
    let range_s = seconds(w.range_ms);
    for (i, bounds) in w.bounds.iter().enumerate() {
        let reach = Reach::of(w, bounds, call.lookback_ms);
        let floats = reach.range(&track.timestamps, |t| *t);
        let histograms = reach.range(&track.histograms, |(t, _)| *t);
        match (floats.is_empty(), histograms.is_empty()) {
            (true, true) => {}
            (false, false) => call.warn_mixed(),
            (false, true) => {
                let times = track.timestamps.get(floats.clone()).unwrap_or_default();
                let values = track.values.get(floats).unwrap_or_default();
                if let Some(change) = float_change(times, values, &reach, mode) {
                    out.set_float(i, if mode.per_second { change / range_s } else { change });
                }
            }
            (true, false) => {
                let samples = track.histograms.get(histograms).unwrap_or_default();
                let change = Histograms {
                    samples,
                    reach: &reach,
                    call,
                    mode,
                };
                if let Some(mut change) = change.compute() {
                    if mode.per_second {
                        change.divide(range_s);
                    }
                    change.reset_hint = CounterResetHint::Gauge;
                    change.compact(0);
                    out.set_histogram(i, Arc::new(change));
                }
            }
        }
    }
}

/// A window, and how far beyond it samples count.
struct Reach {
    start_ms: i64,
    end_ms: i64,
    lookback_ms: i64,
    smoothed: bool,
}

impl Reach {
    fn of(w: &Windows<'_>, bounds: &Bounds, lookback_ms: i64) -> Reach {
        Reach {
            start_ms: bounds.start_ms,
            end_ms: bounds.end_ms,
            lookback_ms,
            smoothed: w.extension == Extension::Smoothed,
        }
    }

    /// Which samples are within reach.
    fn range<T>(&self, samples: &[T], time: impl Fn(&T) -> i64) -> std::ops::Range<usize> {
        let from = self.start_ms.saturating_sub(self.lookback_ms);
        let to = if self.smoothed {
            self.end_ms.saturating_add(self.lookback_ms)
        } else {
            self.end_ms
        };
        let first = samples.partition_point(|s| time(s) <= from);
        first..samples.partition_point(|s| time(s) <= to).max(first)
    }

    /// The samples that stand for the two ends, by their indices; `None` where there is nothing to measure.
    fn ends(&self, times: impl Fn(usize) -> Option<i64>, len: usize) -> Option<(usize, usize)> {
        let mut last = len.checked_sub(1)?;
        let first_where = |reached: &dyn Fn(i64) -> bool| {
            let found = (0..last).find(|i| times(*i).is_some_and(reached));
            found.unwrap_or(last)
        };
        let first = first_where(&|t| t > self.start_ms).saturating_sub(1);
        if self.smoothed {
            last = first_where(&|t| t >= self.end_ms);
        }
        if times(last)? <= self.start_ms || (self.smoothed && times(first)? > self.end_ms) {
            return None;
        }
        Some((first, last))
    }
}

fn float_change(times: &[i64], values: &[f64], reach: &Reach, mode: Mode) -> Option<f64> {
    let (mut first, last) = reach.ends(|i| times.get(i).copied(), times.len())?;
    let sample = |i: usize| Some((*times.get(i)?, *values.get(i)?));
    let left = match sample(first)? {
        before if reach.smoothed && before.0 < reach.start_ms => {
            interpolate(before, sample(first + 1)?, reach.start_ms, mode.counter)
        }
        (_, value) => value,
    };
    let right = match sample(last)? {
        after if reach.smoothed && last > 0 && after.0 > reach.end_ms => {
            interpolate(sample(last - 1)?, after, reach.end_ms, mode.counter)
        }
        (_, value) => value,
    };
    let mut change = right - left;
    if mode.counter {
        // The ends have taken account of restarts between the samples around them.
        if sample(first)?.0 <= reach.start_ms {
            first += 1;
        }
        let end = if sample(last)?.0 >= reach.end_ms {
            last
        } else {
            last + 1
        };
        change += lost_to_restarts(left, right, values.get(first..end).unwrap_or_default());
    }
    Some(change)
}

/// The value at a time between two samples; a counter that falls is taken to have restarted from zero at the first.
pub(crate) fn interpolate(before: (i64, f64), after: (i64, f64), at_ms: i64, counter: bool) -> f64 {
    let from = if counter && after.1 < before.1 {
        0.0
    } else {
        before.1
    };
    from + (after.1 - from) * (at_ms - before.0) as f64 / (after.0 - before.0) as f64
}

/// What a counter had before each of its restarts, all together.
fn lost_to_restarts(left: f64, right: f64, between: &[f64]) -> f64 {
    let (mut lost, mut before) = (0.0, left);
    for value in between.iter().copied().chain([right]) {
        if value < before {
            lost += before;
        }
        before = value;
    }
    lost
}

/// The change of the histograms within reach of a window.
struct Histograms<'a> {
    samples: &'a [(i64, Arc<FloatHistogram>)],
    reach: &'a Reach,
    call: &'a OverCall<'a>,
    mode: Mode,
}

impl Histograms<'_> {
    fn compute(&self) -> Option<FloatHistogram> {
        let time = |i: usize| self.samples.get(i).map(|(t, _)| *t);
        let (first, last) = self.reach.ends(time, self.samples.len())?;
        self.check(first, last)?;
        let left = self.left(first)?;
        let right = self.right(last)?;
        let gauges = left.is_gauge() && right.is_gauge();
        if !(self.mode.counter || gauges) {
            self.call.warn_not_gauge();
        }
        let mut change = right.clone();
        if !self.call.subtract(&mut change, &left) {
            return None;
        }
        if self.mode.counter
            && let Some(lost) = self.lost_to_restarts(first, last, &left, &right)?
            && !self.call.add(&mut change, &lost)
        {
            return None;
        }
        Some(change)
    }

    fn at(&self, i: usize) -> Option<&FloatHistogram> {
        self.samples.get(i).map(|(_, histogram)| &**histogram)
    }

    /// Whether all are of one kind.
    fn check(&self, first: usize, last: usize) -> Option<()> {
        let custom = self.at(first)?.has_custom_buckets();
        for (_, histogram) in self.samples.get(first..=last)? {
            if histogram.has_custom_buckets() != custom {
                self.call.warn_mixed_schemas();
                return None;
            }
            if self.mode.counter && histogram.is_gauge() {
                self.call.warn_not_counter();
            }
        }
        Some(())
    }

    fn left(&self, first: usize) -> Option<FloatHistogram> {
        let (time, histogram) = self.samples.get(first)?;
        if !self.reach.smoothed || *time >= self.reach.start_ms {
            return Some(FloatHistogram::clone(histogram));
        }
        self.interpolated(first, self.reach.start_ms)
    }

    fn right(&self, last: usize) -> Option<FloatHistogram> {
        let (time, histogram) = self.samples.get(last)?;
        if !self.reach.smoothed || last == 0 || *time <= self.reach.end_ms {
            return Some(FloatHistogram::clone(histogram));
        }
        self.interpolated(last - 1, self.reach.end_ms)
    }

    fn interpolated(&self, before: usize, at_ms: i64) -> Option<FloatHistogram> {
        let pair = [self.samples.get(before)?, self.samples.get(before + 1)?];
        let interpolated = interpolated(pair, at_ms, self.mode.counter, |operation| {
            self.call.info_reconciled(operation);
        });
        if interpolated.is_err() {
            self.call.warn_mixed_schemas();
        }
        interpolated.ok()
    }

    /// What the counter had before each of its restarts, all together, if there is any.
    fn lost_to_restarts(
        &self,
        first: usize,
        last: usize,
        left: &FloatHistogram,
        right: &FloatHistogram,
    ) -> Option<Option<FloatHistogram>> {
        let (mut next, mut before) = (first + 1, left);
        let interpolated = self.reach.smoothed && self.samples.get(first)?.0 < self.reach.start_ms;
        if interpolated
            && let (Some(sample), Some(after)) = (self.at(first), self.at(next))
            && after.detect_reset(sample)
        {
            // The left end has taken account of that restart.
            before = after;
            next += 1;
        }
        // The sample of the right end is left out, for the end itself has its hint.
        if next > last {
            return Some(None);
        }
        let mut lost: Option<FloatHistogram> = None;
        let between = self.samples.get(next..last).unwrap_or_default();
        for histogram in between.iter().map(|(_, h)| &**h).chain([right]) {
            if histogram.detect_reset(before) {
                match &mut lost {
                    None => lost = Some(before.clone()),
                    Some(lost) => self.call.add(lost, before).then_some(())?,
                }
            }
            before = histogram;
        }
        Some(lost)
    }
}

/// The histogram at a time between two samples; a counter that restarts between them is taken to have done so at the
/// first. `reconciled` is told of sums of histograms whose custom bounds differ.
///
/// # Errors
/// One has custom buckets and the other has not.
pub(super) fn interpolated(
    [before, after]: [&(i64, Arc<FloatHistogram>); 2],
    at_ms: i64,
    counter: bool,
    reconciled: impl Fn(&'static str),
) -> Result<FloatHistogram, MixedSchemas> {
    if at_ms == before.0 {
        return Ok(FloatHistogram::clone(&before.1));
    }
    let mut between = FloatHistogram::clone(&after.1);
    if at_ms == after.0 {
        return Ok(between);
    }
    let share = (at_ms - before.0) as f64 / (after.0 - before.0) as f64;
    if counter && after.1.detect_reset(&before.1) {
        between.multiply(share);
        return Ok(between);
    }
    if between.subtract(&before.1)?.bounds_reconciled {
        reconciled("subtraction");
    }
    between.multiply(share);
    if between.add(&before.1)?.bounds_reconciled {
        reconciled("addition");
    }
    Ok(between)
}
