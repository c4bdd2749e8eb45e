//! `irate` and `idelta`: the change between the two newest samples of a window. Constant time a window.

use std::sync::Arc;

use model::Starts;
use model::histogram::CounterResetHint;

use crate::QueryError;
use crate::eval::{Column, Window, Windows};
use crate::functions::OverCall;
use crate::functions::starts::{SampleStart, is_reset};
use crate::histogram::FloatHistogram;

pub(crate) fn irate(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    change(w, call, out, true);
    Ok(())
}

pub(crate) fn idelta(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    change(w, call, out, false);
    Ok(())
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Float(f64),
    Histogram(&'a Arc<FloatHistogram>),
}

fn change(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, rate: bool) {
    let starts = call.starts(w.track).filter(|_| rate);
    for (i, window) in w.occupied() {
        let Some([before, last]) = newest_two(&window) else {
            continue;
        };
        if before.0 == last.0 {
            continue;
        }
        let interval_s = (last.0 - before.0) as f64 / 1000.0;
        let restarted = starts.is_some_and(|s| began_anew(s, before.0, last.0));
        match (before.1, last.1) {
            (Value::Float(before), Value::Float(last)) => {
                let reset = rate && (last < before || restarted);
                let change = if reset { last } else { last - before };
                out.set_float(i, if rate { change / interval_s } else { change });
            }
            (Value::Histogram(before), Value::Histogram(last)) => {
                if let Some(mut change) = histogram_change(before, last, restarted, call, rate) {
                    if rate {
                        change.divide(interval_s);
                    }
                    out.set_histogram(i, Arc::new(change));
                }
            }
            _ => call.warn_mixed_in_args(),
        }
    }
}

fn began_anew(starts: &Starts, before_ms: i64, last_ms: i64) -> bool {
    let [before, last] = [before_ms, last_ms].map(|time_ms| SampleStart {
        time_ms,
        start_ms: starts.at(time_ms),
    });
    is_reset(before, last)
}

/// The two newest samples, floats and histograms taken together.
fn newest_two<'a>(window: &Window<'a>) -> Option<[(i64, Value<'a>); 2]> {
    let float = |back: usize| {
        let i = window.values.len().checked_sub(back)?;
        Some((*window.timestamps.get(i)?, Value::Float(*window.values.get(i)?)))
    };
    let histogram = |back: usize| {
        let (time, histogram) = window
            .histograms
            .get(window.histograms.len().checked_sub(back)?)?;
        Some((*time, Value::Histogram(histogram)))
    };
    if window.histograms.is_empty() {
        return Some([float(2)?, float(1)?]);
    }
    let mut found = [float(1), float(2), histogram(1), histogram(2)];
    found.sort_by_key(|sample| sample.as_ref().map(|(time, _)| *time));
    let [.., before, last] = found;
    Some([before?, last?])
}

fn histogram_change(
    before: &FloatHistogram,
    last: &FloatHistogram,
    restarted: bool,
    call: &OverCall<'_>,
    rate: bool,
) -> Option<FloatHistogram> {
    if rate && (before.is_gauge() || last.is_gauge()) {
        call.warn_not_counter_in_args();
    }
    let gauges = before.is_gauge() && last.is_gauge();
    if !(rate || gauges) {
        call.warn_not_gauge_in_args();
    }
    let mut change = last.clone();
    if !rate || !(restarted || last.detect_reset(before)) {
        match change.subtract(before) {
            Err(_) => {
                call.warn_mixed_schemas_in_args();
                return None;
            }
            Ok(notes) if notes.bounds_reconciled => call.info_reconciled_in_args("subtraction"),
            Ok(_) => {}
        }
    }
    change.reset_hint = CounterResetHint::Gauge;
    change.compact(0);
    Some(change)
}
