//! `stddev_over_time` and `stdvar_over_time`, by Welford's method with compensation: a loop over each window, since its
//! intermediate means depend on where the window begins. Where windows overlap, several are computed side by side.

use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;
use crate::numeric::Variance;

pub(crate) fn stddev(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    variances(w, call, out, f64::sqrt);
    Ok(())
}

pub(crate) fn stdvar(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column) -> Result<(), QueryError> {
    variances(w, call, out, |variance| variance);
    Ok(())
}

/// So many windows are computed side by side: each sample waits for several divisions and additions, one after the other.
const LANES: usize = 4;

fn variances(w: &Windows<'_>, call: &OverCall<'_>, out: &mut Column, show: impl Fn(f64) -> f64) {
    let values = &*w.track.values;
    let mut waiting: [(usize, &[f64]); LANES] = [(0, &[]); LANES];
    let mut count = 0;
    for (i, bounds) in w.bounds.iter().enumerate() {
        let window = values
            .get(bounds.floats.0 as usize..bounds.floats.1 as usize)
            .unwrap_or_default();
        if window.is_empty() {
            continue;
        }
        if bounds.histograms.0 < bounds.histograms.1 {
            call.info_histograms_ignored();
        }
        if let Some(free) = waiting.get_mut(count) {
            *free = (i, window);
            count += 1;
        }
        if count == LANES {
            side_by_side(&waiting, out, &show);
            count = 0;
        }
    }
    side_by_side(waiting.get(..count).unwrap_or_default(), out, &show);
}

fn side_by_side(windows: &[(usize, &[f64])], out: &mut Column, show: impl Fn(f64) -> f64) {
    let mut variances = [Variance::default(); LANES];
    let shared = windows.iter().map(|(_, window)| window.len()).min().unwrap_or(0);
    for k in 0..shared {
        for (variance, (_, window)) in variances.iter_mut().zip(windows) {
            window.get(k).into_iter().for_each(|v| variance.add(*v));
        }
    }
    for (variance, (step, window)) in variances.iter_mut().zip(windows) {
        window.iter().skip(shared).for_each(|v| variance.add(*v));
        out.set_float(*step, show(variance.total()));
    }
}
