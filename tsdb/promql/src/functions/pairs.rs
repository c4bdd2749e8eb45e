//! `changes` and `resets`: how many pairs of neighbouring samples in a window differ, or fall.
//!
//! Every pair of a series is looked at once; a window is the difference of two running counts.

use std::sync::Arc;

use crate::QueryError;
use crate::ast::Extension;
use crate::eval::{Bounds, Column, Windows};
use crate::functions::OverCall;
use crate::functions::starts::{SampleStart, is_reset};
use crate::histogram::FloatHistogram;

pub(crate) fn changes(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let differ = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
    count_pairs(w, call, out, |before, after| match (before.value, after.value) {
        (Value::Float(a), Value::Float(b)) => differ(a, b),
        (Value::Histogram(a), Value::Histogram(b)) => a != b,
        _ => true,
    });
    Ok(())
}

pub(crate) fn resets(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let starts = call.starts(w.track);
    count_pairs(w, call, out, |before, after| {
        let restarted = || {
            let at = |time_ms| SampleStart {
                time_ms,
                start_ms: starts.map_or(0, |s| s.at(time_ms)),
            };
            starts.is_some() && is_reset(at(before.time_ms), at(after.time_ms))
        };
        match (before.value, after.value) {
            (Value::Float(a), Value::Float(b)) => b < a || restarted(),
            (Value::Histogram(a), Value::Histogram(b)) => restarted() || b.detect_reset(a),
            _ => true,
        }
    });
    Ok(())
}

/// A float or a histogram.
#[derive(Clone, Copy)]
enum Value<'a> {
    Float(f64),
    Histogram(&'a Arc<FloatHistogram>),
}

#[derive(Clone, Copy)]
struct Sample<'a> {
    time_ms: i64,
    value: Value<'a>,
}

/// Sets each step to the number of pairs in its window that `counts` picks.
fn count_pairs(
    w: &Windows<'_>,
    call: &OverCall<'_>,
    out: &mut Column,
    counts: impl Fn(Sample<'_>, Sample<'_>) -> bool,
) {
    let mut times = Vec::with_capacity(w.track.len());
    // Of all pairs up to the one that ends with each sample.
    let mut counted: Vec<u32> = Vec::with_capacity(w.track.len());
    let mut before: Option<Sample<'_>> = None;
    for sample in samples(w) {
        let sum = counted.last().copied().unwrap_or(0);
        counted.push(sum + u32::from(before.is_some_and(|b| counts(b, sample))));
        times.push(sample.time_ms);
        before = Some(sample);
    }
    for (i, bounds) in w.bounds.iter().enumerate() {
        let Some((first, last)) = ends(w, bounds, &times, call.lookback_ms) else {
            continue;
        };
        if let (Some(first), Some(last)) = (counted.get(first), counted.get(last)) {
            out.set_float(i, f64::from(last.saturating_sub(*first)));
        }
    }
}

/// The first and the last sample of a window among all, if it has any. An anchored one begins with the sample before it,
/// unless that is out of reach.
fn ends(w: &Windows<'_>, bounds: &Bounds, times: &[i64], lookback_ms: i64) -> Option<(usize, usize)> {
    if bounds.is_empty() {
        return None;
    }
    let first = (bounds.floats.0 + bounds.histograms.0) as usize;
    let end = (bounds.floats.1 + bounds.histograms.1) as usize;
    let anchor = first
        .checked_sub(1)
        .filter(|_| w.extension == Extension::Anchored);
    let reach = bounds.start_ms.saturating_sub(lookback_ms);
    let anchor = anchor.filter(|a| times.get(*a).is_some_and(|t| *t > reach));
    Some((anchor.unwrap_or(first), end - 1))
}

/// All samples in order of time.
fn samples<'a>(w: &Windows<'a>) -> impl Iterator<Item = Sample<'a>> {
    let track = w.track;
    let floats = track
        .timestamps
        .iter()
        .zip(&track.values)
        .map(|(time, value)| Sample {
            time_ms: *time,
            value: Value::Float(*value),
        });
    let mut floats = floats.peekable();
    let mut histograms = track
        .histograms
        .iter()
        .map(|(time, histogram)| Sample {
            time_ms: *time,
            value: Value::Histogram(histogram),
        })
        .peekable();
    std::iter::from_fn(move || match (floats.peek(), histograms.peek()) {
        (Some(float), Some(histogram)) if float.time_ms > histogram.time_ms => histograms.next(),
        (None, _) => histograms.next(),
        _ => floats.next(),
    })
}
