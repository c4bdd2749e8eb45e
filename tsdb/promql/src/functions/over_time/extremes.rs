//! `max_over_time`, `min_over_time` and the times of the extremes.
//!
//! Short windows are looped over. Longer ones slide over a queue of candidates: a sample that is followed by a better
//! one in its window can never be the extreme again. So each sample enters and leaves the queue once, and a window costs
//! what came and went since the one before.

use std::collections::VecDeque;

use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;

/// Up to so many samples a window on average, the loop is cheaper than the queue.
const SHORT: usize = 8;

pub(crate) fn max(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    slide(w, call, out, |new, best| new > best, |_, value| value);
    Ok(())
}

pub(crate) fn min(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    slide(w, call, out, |new, best| new < best, |_, value| value);
    Ok(())
}

/// The time of the last of the largest.
pub(crate) fn ts_of_max(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    slide(
        w,
        call,
        out,
        |new, best| new >= best,
        |time, _| time as f64 / 1000.0,
    );
    Ok(())
}

/// The time of the last of the smallest.
pub(crate) fn ts_of_min(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    slide(
        w,
        call,
        out,
        |new, best| new <= best,
        |time, _| time as f64 / 1000.0,
    );
    Ok(())
}

/// Sets each step to what `show` makes of the time and the value of the extreme: the sample that is `better` than all
/// before it. NaN is only taken where there is nothing else, and then the last one.
fn slide(
    w: &Windows<'_>,
    call: &OverCall<'_>,
    out: &mut Column,
    better: impl Fn(f64, f64) -> bool,
    show: impl Fn(i64, f64) -> f64,
) {
    let (timestamps, values) = (&*w.track.timestamps, &*w.track.values);
    let in_windows: usize = w.bounds.iter().map(|b| (b.floats.1 - b.floats.0) as usize).sum();
    let short = in_windows <= SHORT * w.bounds.len();
    let mut candidates = Candidates::default();
    for (i, bounds) in w.bounds.iter().enumerate() {
        let (from, to) = (bounds.floats.0 as usize, bounds.floats.1 as usize);
        if from >= to {
            continue;
        }
        if bounds.histograms.0 < bounds.histograms.1 {
            call.info_histograms_ignored();
        }
        let at = if short {
            let window = values.get(from..to).unwrap_or_default();
            from + best_of(window, &better)
        } else {
            candidates.move_to(values, from, to, &better)
        };
        if let (Some(time), Some(value)) = (timestamps.get(at), values.get(at)) {
            out.set_float(i, show(*time, *value));
        }
    }
}

fn best_of(window: &[f64], better: &impl Fn(f64, f64) -> bool) -> usize {
    let (mut at, mut best) = (0, f64::NAN);
    for (i, value) in window.iter().enumerate() {
        if better(*value, best) || best.is_nan() {
            (at, best) = (i, *value);
        }
    }
    at
}

/// The samples that are, or may become, the extreme of a window that moves forward: each is better than those after it.
#[derive(Debug, Default)]
struct Candidates {
    queue: VecDeque<(usize, f64)>,
    seen: usize,
}

impl Candidates {
    /// The index of the extreme of the next window.
    fn move_to(
        &mut self,
        values: &[f64],
        from: usize,
        to: usize,
        better: &impl Fn(f64, f64) -> bool,
    ) -> usize {
        let begin = self.seen.max(from);
        for (i, value) in values.iter().enumerate().take(to).skip(begin) {
            if value.is_nan() {
                continue;
            }
            while self.queue.back().is_some_and(|(_, last)| better(*value, *last)) {
                self.queue.pop_back();
            }
            self.queue.push_back((i, *value));
        }
        self.seen = self.seen.max(to);
        while self.queue.front().is_some_and(|(i, _)| *i < from) {
            self.queue.pop_front();
        }
        self.queue.front().map_or(to - 1, |(i, _)| *i)
    }
}
