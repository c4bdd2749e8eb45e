//! Counters out of windows.

use model::metrics::Samples;

/// What floats lose when a window's steps are summed one by one, relative to the counter: below it nothing happened.
const ROUNDING: f64 = 1e-9;

/// By how much a counter grew from one sample to the next: a lower value means that it began anew at 0.
pub(super) fn step(from: f64, to: f64) -> f64 {
    if to < from { to } else { to - from }
}

/// Puts a counter together again from the windows of three aggregates, which have the same times. Windows that not all
/// three have are left out.
///
/// Each window gives its last value as it was. Where that does not tell that the counter began anew within the window,
/// two samples come before: as high as it would have come without, and 0. So `rate` and `increase` from the end of one
/// window to that of another are what the single samples give, and where single samples follow or come before, they fit.
pub(crate) fn counter(
    first: &Samples,
    increase: &Samples,
    last: &Samples,
    resolution_ms: i64,
    into: &mut Samples,
) {
    let mut previous: Option<(i64, f64)> = None;
    for window in last.iter() {
        let at_ms = window.timestamp_ms;
        let (Some(first), Some(increase)) = (value_at(first, at_ms), value_at(increase, at_ms)) else {
            continue;
        };
        if let Some((before_ms, before)) = previous
            && let Some(top) = hidden_top(before, first, increase, window.value)
        {
            // When it was, is not known: at the window's start it is as far from its neighbours as samples are.
            let start_ms = at_ms.saturating_sub(at_ms.rem_euclid(resolution_ms.max(1)));
            let top_ms = start_ms
                .min(at_ms.saturating_sub(2))
                .max(before_ms.saturating_add(1));
            if top_ms.saturating_add(1) < at_ms {
                into.push(top_ms, top);
                into.push(top_ms + 1, 0.0);
            }
        }
        into.push(at_ms, window.value);
        previous = Some((at_ms, window.value));
    }
}

/// How high the counter came before it last began anew, resets left out; `None` where `before` and `last` tell by
/// themselves how much it grew.
fn hidden_top(before: f64, first: f64, increase: f64, last: f64) -> Option<f64> {
    let grown = step(before, first) + increase;
    let hidden = grown - step(before, last);
    (hidden > ROUNDING * before.abs().max(last.abs())).then_some(before + (grown - last))
}

pub(super) fn value_at(samples: &Samples, at_ms: i64) -> Option<f64> {
    let at = samples.timestamps.binary_search(&at_ms).ok()?;
    samples.values.get(at).copied()
}
