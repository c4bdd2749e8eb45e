//! `max_over_time`, `min_over_time` and the times of the extremes.
//!
//! Values: a table has the extreme of every run of `2^k` samples, and a window is covered by two runs that overlap. The
//! table is made from that of runs half as long, only up to the longest windows, and costs a comparison a sample each
//! time. Times: windows slide over a queue of candidates; a sample that is followed by a better one in its window can
//! never be the extreme again. Short windows are looped over.

use std::collections::VecDeque;

use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;

/// Up to so many samples a window on average, the loop is cheaper.
const SHORT: usize = 8;

pub(crate) fn max(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    values(w, call, out, |new, best| new > best);
    Ok(())
}

pub(crate) fn min(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    values(w, call, out, |new, best| new < best);
    Ok(())
}

/// The time of the last of the largest.
pub(crate) fn ts_of_max(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    times(w, call, out, |new, best| new >= best);
    Ok(())
}

/// The time of the last of the smallest.
pub(crate) fn ts_of_min(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    times(w, call, out, |new, best| new <= best);
    Ok(())
}

/// Says so where histograms are left out of account, and gives the windows that have a float, with their steps.
fn float_windows<'w>(
    w: &'w Windows<'_>,
    call: &'w OverCall<'_>,
) -> impl Iterator<Item = (usize, usize, usize)> + 'w {
    let windows = w
        .bounds
        .iter()
        .enumerate()
        .filter(|(_, b)| b.floats.0 < b.floats.1);
    windows.map(|(i, bounds)| {
        if bounds.histograms.0 < bounds.histograms.1 {
            call.info_histograms_ignored();
        }
        (i, bounds.floats.0 as usize, bounds.floats.1 as usize)
    })
}

fn is_short(w: &Windows<'_>) -> bool {
    let in_windows: usize = w.bounds.iter().map(|b| (b.floats.1 - b.floats.0) as usize).sum();
    in_windows <= SHORT * w.bounds.len() || in_windows < 2 * w.track.values.len()
}

/// Sets each step to the first value that is `better` than all before it and not worse than those after it. NaN is only
/// taken where there is nothing else.
fn values(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, better: impl Fn(f64, f64) -> bool) {
    let values = &*w.track.values;
    let better_of = |first: f64, second: f64| {
        if better(second, first) || first.is_nan() {
            second
        } else {
            first
        }
    };
    if is_short(w) {
        for (i, from, to) in float_windows(w, call) {
            let window = values.get(from..to).unwrap_or_default().iter().copied();
            out.set_float(i, window.reduce(better_of).unwrap_or(f64::NAN));
        }
        return;
    }
    let mut of_level = [0usize; usize::BITS as usize];
    for (_, from, to) in float_windows(w, call) {
        of_level[(to - from).ilog2() as usize] += 1;
    }
    let mut table = values.to_vec();
    for (level, windows) in of_level.iter().enumerate() {
        let run = 1usize << level;
        if *windows > 0 {
            let covered = w
                .bounds
                .iter()
                .enumerate()
                .map(|(i, b)| (i, b.floats.0 as usize, b.floats.1 as usize));
            for (i, from, to) in
                covered.filter(|(_, from, to)| (run..2 * run).contains(&to.saturating_sub(*from)))
            {
                if let (Some(first), Some(second)) = (table.get(from), table.get(to - run)) {
                    out.set_float(i, better_of(*first, *second));
                }
            }
        }
        if of_level.iter().skip(level + 1).all(|windows| *windows == 0) {
            return;
        }
        widen(&mut table, run, better_of);
    }
}

/// Makes a table of runs of `run` samples one of runs twice as long; it has as many runs less.
fn widen(table: &mut Vec<f64>, run: usize, better_of: impl Fn(f64, f64) -> f64) {
    let left = table.len().saturating_sub(run);
    for i in 0..left {
        table[i] = better_of(table[i], table[i + run]);
    }
    table.truncate(left);
}

/// Sets each step to the time of the last sample that is `better` than, or as good as, all before it, in seconds. NaN is
/// only taken where there is nothing else, and then the last one.
fn times(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, better: impl Fn(f64, f64) -> bool) {
    let values = &*w.track.values;
    let short = is_short(w);
    let mut candidates = Candidates::default();
    for (i, from, to) in float_windows(w, call) {
        let at = if short {
            from + best_of(values.get(from..to).unwrap_or_default(), &better)
        } else {
            candidates.move_to(values, from, to, &better)
        };
        if let Some(time) = w.track.timestamps.get(at) {
            out.set_float(i, *time as f64 / 1000.0);
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
