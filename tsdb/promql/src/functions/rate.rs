//! `rate`, `increase` and `delta`, with extrapolation to the ends of the window, and `irate` and `idelta`.
//!
//! Of floats, a window costs its first and last sample and the resets within: those of a series are found once. Of
//! histograms, each window is a loop. Windows of anchored and smoothed selectors have ends of their own and are not
//! extrapolated.

mod extended;
mod extrapolation;
mod floats;
mod histograms;
mod newest;

use crate::QueryError;
use crate::ast::Extension;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;

pub(crate) use extended::interpolate;
pub(crate) use extrapolation::Timing;
pub(crate) use newest::{idelta, irate};

/// What is computed.
#[derive(Debug, Clone, Copy)]
struct Mode {
    /// Falling values are restarts from zero.
    counter: bool,
    /// Divided by the length of the window.
    per_second: bool,
}

pub(crate) fn rate(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let mode = Mode {
        counter: true,
        per_second: true,
    };
    change(w, call, out, mode);
    Ok(())
}

pub(crate) fn increase(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let mode = Mode {
        counter: true,
        per_second: false,
    };
    change(w, call, out, mode);
    Ok(())
}

pub(crate) fn delta(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    let mode = Mode {
        counter: false,
        per_second: false,
    };
    change(w, call, out, mode);
    Ok(())
}

fn change(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, mode: Mode) {
    if w.extension != Extension::None {
        extended::change(w, call, out, mode);
        return;
    }
    if !w.track.timestamps.is_empty() {
        floats::change(w, call, out, mode);
    }
    if !w.track.histograms.is_empty() {
        histograms::change(w, call, out, mode);
    }
}

/// Seconds of a duration as Go computes them.
fn seconds(duration_ms: i64) -> f64 {
    let (whole, rest) = (duration_ms / 1000, duration_ms % 1000);
    whole as f64 + (rest * 1_000_000) as f64 / 1e9
}
