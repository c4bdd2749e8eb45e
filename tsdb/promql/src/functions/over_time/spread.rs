//! `stddev_over_time` and `stdvar_over_time`, by Welford's method with compensation: a loop over each window, since its
//! intermediate means depend on where the window begins. Where windows overlap, several are computed side by side.

use crate::QueryError;
use crate::eval::{Column, Windows};
use crate::functions::OverCall;
use crate::functions::exact_sum::two_sum;
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

/// The windows' variances. The loop has no questions in it; where infinities call for some, a window is done anew.
fn side_by_side(windows: &[(usize, &[f64])], out: &mut Column, show: impl Fn(f64) -> f64) {
    let shared = windows.iter().map(|(_, window)| window.len()).min().unwrap_or(0);
    let mut heads: [&[f64]; LANES] = [&[]; LANES];
    if let [first, ..] = windows {
        heads = [first.1.get(..shared).unwrap_or_default(); LANES];
    }
    for (head, (_, window)) in heads.iter_mut().zip(windows) {
        *head = window.get(..shared).unwrap_or_default();
    }
    let together = Lanes::default().over(heads);
    for (lane, (step, window)) in windows.iter().enumerate() {
        let rest = window.get(shared..).unwrap_or_default();
        let known = together.lane(lane, rest).filter(|variance| variance.is_finite());
        let variance = known.unwrap_or_else(|| {
            let mut variance = Variance::default();
            window.iter().for_each(|v| variance.add(*v));
            variance.total()
        });
        out.set_float(*step, show(variance));
    }
}

/// The state of Welford's method for several windows: means and sums of squared distances, with what rounding took.
#[derive(Clone, Copy, Default)]
struct Lanes {
    count: f64,
    mean: [f64; LANES],
    mean_lost: [f64; LANES],
    squares: [f64; LANES],
    squares_lost: [f64; LANES],
}

impl Lanes {
    /// Takes windows of equal length.
    fn over(mut self, windows: [&[f64]; LANES]) -> Lanes {
        for k in 0..windows[0].len() {
            self.add(windows.map(|w| w[k]));
        }
        self
    }

    #[inline(always)]
    fn add(&mut self, values: [f64; LANES]) {
        self.count += 1.0;
        let (mut delta, mut lost) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..LANES {
            delta[i] = values[i] - (self.mean[i] + self.mean_lost[i]);
        }
        for i in 0..LANES {
            (self.mean[i], lost[i]) = two_sum(self.mean[i], delta[i] / self.count);
            self.mean_lost[i] += lost[i];
        }
        for i in 0..LANES {
            let distance = values[i] - (self.mean[i] + self.mean_lost[i]);
            (self.squares[i], lost[i]) = two_sum(self.squares[i], delta[i] * distance);
            self.squares_lost[i] += lost[i];
        }
    }

    /// The variance of one window, once the values that it has beyond the others are taken too.
    fn lane(mut self, lane: usize, rest: &[f64]) -> Option<f64> {
        for value in rest {
            self.add([*value; LANES]);
        }
        Some((self.squares.get(lane)? + self.squares_lost.get(lane)?) / self.count)
    }
}
