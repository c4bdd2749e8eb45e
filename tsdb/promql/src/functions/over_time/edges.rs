//! Functions of which samples there are in a window, and of the first and the last: constant time a window.

use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;

pub(crate) fn count(w: &Windows<'_>, _: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    for (i, b) in w.bounds.iter().enumerate().filter(|(_, b)| !b.is_empty()) {
        let samples = b.floats.1.saturating_sub(b.floats.0) + b.histograms.1.saturating_sub(b.histograms.0);
        out.set_float(i, f64::from(samples));
    }
    Ok(())
}

pub(crate) fn present(w: &Windows<'_>, _: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    for (i, _) in w.bounds.iter().enumerate().filter(|(_, b)| !b.is_empty()) {
        out.set_float(i, 1.0);
    }
    Ok(())
}

pub(crate) fn first(w: &Windows<'_>, _: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    for (i, window) in w.occupied() {
        let float = window
            .timestamps
            .first()
            .copied()
            .zip(window.values.first().copied());
        match (float, window.histograms.first()) {
            (Some((time, value)), histogram) if histogram.is_none_or(|(t, _)| time < *t) => {
                out.set_float(i, value);
            }
            (_, Some((_, histogram))) => out.set_histogram(i, histogram.clone()),
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn last(w: &Windows<'_>, _: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    for (i, window) in w.occupied() {
        let float = window
            .timestamps
            .last()
            .copied()
            .zip(window.values.last().copied());
        match (float, window.histograms.last()) {
            (Some((time, value)), histogram) if histogram.is_none_or(|(t, _)| *t < time) => {
                out.set_float(i, value);
            }
            (_, Some((_, histogram))) => out.set_histogram(i, histogram.clone()),
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn ts_of_first(w: &Windows<'_>, _: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    for (i, window) in w.occupied() {
        let times = [
            window.timestamps.first().copied(),
            window.histograms.first().map(|(t, _)| *t),
        ];
        if let Some(time) = times.into_iter().flatten().min() {
            out.set_float(i, time as f64 / 1000.0);
        }
    }
    Ok(())
}

pub(crate) fn ts_of_last(w: &Windows<'_>, _: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    for (i, window) in w.occupied() {
        let times = [
            window.timestamps.last().copied(),
            window.histograms.last().map(|(t, _)| *t),
        ];
        if let Some(time) = times.into_iter().flatten().max() {
            out.set_float(i, time as f64 / 1000.0);
        }
    }
    Ok(())
}
