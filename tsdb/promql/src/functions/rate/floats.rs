//! Changes of floats.

use model::Starts;

use super::extrapolation::{Counted, Sampled};
use super::{Mode, seconds};
use crate::eval::{Bounds, Column, Track, Windows};
use crate::functions::OverCall;
use crate::functions::starts::{SampleStart, is_reset, overlaps};

pub(super) fn change(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, mode: Mode) {
    let starts = call.starts(w.track).filter(|_| mode.counter);
    let mut resets = Resets::default();
    if mode.counter {
        resets.find(w.track, starts);
    }
    let range_s = seconds(w.range_ms);
    if starts.is_none() && resets.at.is_empty() && w.track.histograms.is_empty() {
        return steady_change(w, out, mode);
    }
    for (i, bounds) in w.bounds.iter().enumerate() {
        if bounds.floats.0 >= bounds.floats.1 {
            continue;
        }
        if bounds.histograms.0 < bounds.histograms.1 {
            call.warn_mixed();
            continue;
        }
        if resets.overlap(bounds) {
            call.warn_start_overlap(1);
        }
        let Some((mut change, mut factor)) = change_in(w.track, bounds, &mut resets, starts, mode) else {
            continue;
        };
        if mode.per_second {
            factor /= range_s;
        }
        change *= factor;
        out.set_float(i, change);
    }
}

/// The changes of a series that never restarts: most of extrapolation was worked out for another series of its scrape.
fn steady_change(w: &Windows<'_>, out: &mut Column, mode: Mode) {
    let values = &*w.track.values;
    for (i, (bounds, timing)) in w.bounds.iter().zip(w.timings()).enumerate() {
        let (from, to) = (bounds.floats.0 as usize, bounds.floats.1 as usize);
        if to < from + 2 {
            continue;
        }
        let (Some(first), Some(last)) = (values.get(from), values.get(to - 1)) else {
            continue;
        };
        let change = last - first;
        let has_slope = mode.counter && change > 0.0 && *first >= 0.0;
        let counted = Counted {
            first: *first,
            change,
        };
        let factor = if has_slope && !timing.is_far(counted) {
            let times = &w.track.timestamps;
            let (Some(first_ms), Some(last_ms)) = (times.get(from), times.get(to - 1)) else {
                continue;
            };
            let sampled = Sampled {
                first_ms: *first_ms,
                last_ms: *last_ms,
                intervals: to - 1 - from,
            };
            let factor = sampled.factor(bounds.start_ms, bounds.end_ms, Some(counted));
            if mode.per_second {
                factor / seconds(w.range_ms)
            } else {
                factor
            }
        } else if mode.per_second {
            timing.per_second
        } else {
            timing.factor
        };
        out.set_float(i, change * factor);
    }
}

/// The change in a window of floats, and the factor of its extrapolation.
#[inline]
fn change_in(
    track: &Track,
    bounds: &Bounds,
    resets: &mut Resets,
    starts: Option<&Starts>,
    mode: Mode,
) -> Option<(f64, f64)> {
    let (from, last) = (bounds.floats.0 as usize, bounds.floats.1 as usize - 1);
    let (first_ms, last_ms) = (*track.timestamps.get(from)?, *track.timestamps.get(last)?);
    let (first_value, last_value) = (*track.values.get(from)?, *track.values.get(last)?);
    let mut change = last_value - first_value;
    if !resets.at.is_empty() {
        for reset in resets.within(from, last) {
            change += track.values.get((*reset as usize).checked_sub(1)?)?;
        }
    }
    let sampled = Sampled {
        first_ms,
        last_ms,
        intervals: last - from,
    };
    if let Some(start_ms) = starts.map(|s| s.at(first_ms))
        && start_ms != 0
        && start_ms > bounds.start_ms
        && start_ms < first_ms
    {
        return Some((change + first_value, sampled.factor_from(bounds.end_ms, start_ms)));
    }
    if last == from {
        return None;
    }
    let has_slope = mode.counter && change > 0.0 && first_value >= 0.0;
    let counted = has_slope.then_some(Counted {
        first: first_value,
        change,
    });
    Some((change, sampled.factor(bounds.start_ms, bounds.end_ms, counted)))
}

/// Where a counter restarted.
#[derive(Debug, Default)]
struct Resets {
    /// The samples that are the first after a restart.
    at: Vec<u32>,
    /// The samples whose start contradicts the one before.
    overlaps: Vec<u32>,
    /// How many of `at` are at or before the first sample of the window last asked for.
    passed: usize,
}

impl Resets {
    fn find(&mut self, track: &Track, starts: Option<&Starts>) {
        let Some(starts) = starts else {
            find_falls(&track.values, &mut self.at);
            return;
        };
        let sample = |time_ms: &i64| SampleStart {
            time_ms: *time_ms,
            start_ms: starts.at(*time_ms),
        };
        let mut falls = Vec::new();
        find_falls(&track.values, &mut falls);
        let mut falls = falls.into_iter().peekable();
        let times = track
            .timestamps
            .iter()
            .zip(track.timestamps.iter().skip(1))
            .zip(1u32..);
        for ((before, after), i) in times {
            let (before, after) = (sample(before), sample(after));
            let falls = falls.next_if_eq(&i).is_some();
            if falls || is_reset(before, after) {
                self.at.push(i);
            }
            if overlaps(before, after) {
                self.overlaps.push(i);
            }
        }
    }

    /// The restarts after the sample `first`, up to `last`. Windows go forward.
    fn within(&mut self, first: usize, last: usize) -> &[u32] {
        let later = self.at.get(self.passed..).unwrap_or_default();
        self.passed += later.iter().take_while(|i| **i as usize <= first).count();
        let later = self.at.get(self.passed..).unwrap_or_default();
        let inside = later.iter().take_while(|i| **i as usize <= last).count();
        later.get(..inside).unwrap_or_default()
    }

    fn overlap(&self, bounds: &Bounds) -> bool {
        if self.overlaps.is_empty() {
            return false;
        }
        let next = self.overlaps.partition_point(|i| *i <= bounds.floats.0);
        self.overlaps.get(next).is_some_and(|i| *i < bounds.floats.1)
    }
}

/// Samples looked at together: mostly none of them falls.
const BLOCK: usize = 64;

/// The values that are less than the one before.
fn find_falls(values: &[f64], falls: &mut Vec<u32>) {
    let mut begin = 0u32;
    while let Some(block @ [_, ..]) = values.get(begin as usize..values.len().min(begin as usize + BLOCK + 1))
    {
        let before_and_after = || block.iter().zip(block.iter().skip(1));
        // No early end: the comparisons are done several at a time.
        if before_and_after().fold(false, |fell, (before, after)| fell | (after < before)) {
            let found = before_and_after()
                .zip(begin + 1..)
                .filter(|((before, after), _)| after < before);
            falls.extend(found.map(|(_, i)| i));
        }
        begin += BLOCK as u32;
    }
}
