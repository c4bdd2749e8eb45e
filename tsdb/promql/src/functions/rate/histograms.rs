//! Changes of native histograms.
//!
//! The change is the last histogram less the first, plus those before each restart. What is expensive, telling whether a
//! counter restarted between two histograms, is done once a pair; a window then costs a subtraction of histograms and a
//! look at each of its samples.

use std::borrow::Cow;
use std::sync::Arc;

use model::Starts;
use model::histogram::CounterResetHint;

use super::extrapolation::{Counted, Sampled};
use super::{Mode, seconds};
use crate::eval::{Column, Track, Window, Windows};
use crate::functions::OverCall;
use crate::functions::starts::{SampleStart, is_reset, overlaps};
use crate::histogram::FloatHistogram;

pub(super) fn change(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, mode: Mode) {
    let starts = call.starts(w.track).filter(|_| mode.counter);
    let restarts = if mode.counter {
        Restart::find(w.track, starts)
    } else {
        Vec::new()
    };
    for (i, bounds) in w.bounds.iter().enumerate() {
        let range = bounds.histograms.0 as usize..bounds.histograms.1 as usize;
        // A mix of both kinds was told of where floats are looked at.
        if range.is_empty() || bounds.floats.0 < bounds.floats.1 {
            continue;
        }
        let restarts = restarts.get(range).unwrap_or_default();
        let window = w.window(bounds);
        let Some((mut change, mut factor)) = change_in(&window, restarts, starts, call, mode) else {
            continue;
        };
        if mode.per_second {
            factor /= seconds(w.range_ms);
        }
        change.multiply(factor);
        out.set_histogram(i, Arc::new(change));
    }
}

/// What lies between a histogram and the one before.
#[derive(Debug, Clone, Copy, Default)]
struct Restart {
    /// The start timestamps say that the counter began anew.
    told: bool,
    /// The counts say so.
    fallen: bool,
    /// The start timestamps contradict each other.
    overlaps: bool,
}

impl Restart {
    /// One for each histogram of a track.
    fn find(track: &Track, starts: Option<&Starts>) -> Vec<Restart> {
        let pairs = track.histograms.iter().zip(track.histograms.iter().skip(1));
        let between = pairs.map(|((before_ms, before), (after_ms, after))| {
            let sample = |time_ms: i64| SampleStart {
                time_ms,
                start_ms: starts.map_or(0, |s| s.at(time_ms)),
            };
            let (first, second) = (sample(*before_ms), sample(*after_ms));
            Restart {
                told: is_reset(first, second),
                fallen: after.detect_reset(before),
                overlaps: overlaps(first, second),
            }
        });
        std::iter::once(Restart::default()).chain(between).collect()
    }
}

/// The change in a window of histograms, and the factor of its extrapolation.
fn change_in(
    window: &Window<'_>,
    restarts: &[Restart],
    starts: Option<&Starts>,
    call: &OverCall<'_>,
    mode: Mode,
) -> Option<(FloatHistogram, f64)> {
    let (first_ms, first) = window.histograms.first()?;
    let (last_ms, _) = window.histograms.last()?;
    let change = if window.histograms.len() > 1 {
        Some(difference(window, restarts, call, mode)?)
    } else {
        None
    };
    let sampled = Sampled {
        first_ms: *first_ms,
        last_ms: *last_ms,
        intervals: window.histograms.len() - 1,
    };
    let start_ms = starts.map_or(0, |s| s.at(*first_ms));
    if start_ms != 0 && start_ms > window.start_ms && start_ms < *first_ms {
        let factor = sampled.factor_from(window.end_ms, start_ms);
        let Some(mut change) = change else {
            return Some((FloatHistogram::clone(first), factor));
        };
        return call.add(&mut change, first).then_some((change, factor));
    }
    let change = change?;
    let has_slope = mode.counter && change.count > 0.0 && first.count >= 0.0;
    let counted = has_slope.then_some(Counted {
        first: first.count,
        change: change.count,
    });
    let factor = sampled.factor(window.start_ms, window.end_ms, counted);
    Some((change, factor))
}

/// The change of two histograms or more.
fn difference(
    window: &Window<'_>,
    restarts: &[Restart],
    call: &OverCall<'_>,
    mode: Mode,
) -> Option<FloatHistogram> {
    let ((_, first), (_, last)) = (window.histograms.first()?, window.histograms.last()?);
    let mut before: Cow<'_, FloatHistogram> = Cow::Borrowed(first);
    if mode.counter {
        let all = window.histograms;
        if all.iter().any(|(_, h)| h.is_gauge()) {
            call.warn_not_counter();
        }
        // Where the counter restarts right after the first histogram, the layout of that one means nothing.
        let restarted = restarts.get(1).is_some_and(|r| r.told || r.fallen);
        if let (true, Some((_, second))) = (restarted, all.get(1)) {
            before = Cow::Owned(FloatHistogram::empty_like(second));
        }
    }
    let schema = common_schema(window, &before, last, call, mode)?;
    let mut change = last.copy_to_schema(schema);
    if !call.subtract(&mut change, &before) {
        return None;
    }
    if mode.counter {
        add_restarts(&mut change, window, restarts, &before, call)?;
    } else if !first.is_gauge() || !last.is_gauge() {
        call.warn_not_gauge();
    }
    change.reset_hint = CounterResetHint::Gauge;
    change.compact(0);
    Some(change)
}

/// The coarsest schema of a window; none where exponential and custom buckets mix.
fn common_schema(
    window: &Window<'_>,
    first: &FloatHistogram,
    last: &FloatHistogram,
    call: &OverCall<'_>,
    mode: Mode,
) -> Option<i8> {
    let custom = first.has_custom_buckets();
    let mut schema = first.schema.min(last.schema);
    let mut mixed = last.has_custom_buckets() != custom;
    if mode.counter {
        let between = window
            .histograms
            .get(1..window.histograms.len() - 1)
            .unwrap_or_default();
        for (_, histogram) in between {
            schema = schema.min(histogram.schema);
            mixed |= histogram.has_custom_buckets() != custom;
        }
    }
    if mixed {
        call.warn_mixed_schemas();
        return None;
    }
    Some(schema)
}

/// Adds what the counter had before each restart.
fn add_restarts(
    change: &mut FloatHistogram,
    window: &Window<'_>,
    restarts: &[Restart],
    first: &FloatHistogram,
    call: &OverCall<'_>,
) -> Option<()> {
    let mut before = first;
    // The first may stand for another one, without which nothing is known yet of a restart after it.
    let replaced = window
        .histograms
        .first()
        .is_some_and(|(_, h)| !std::ptr::eq(&raw const **h, first));
    let mut overlap = false;
    for (i, ((_, histogram), restart)) in window.histograms.iter().zip(restarts).enumerate().skip(1) {
        overlap |= restart.overlaps;
        let fallen = if i == 1 && replaced {
            histogram.detect_reset(first)
        } else {
            restart.fallen
        };
        if (restart.told || fallen) && !call.add(change, before) {
            return None;
        }
        before = histogram;
    }
    if overlap {
        call.warn_start_overlap(1);
    }
    Some(())
}
