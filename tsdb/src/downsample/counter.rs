//! Counters out of windows.

use model::metrics::Samples;

/// By how much a counter grew from one sample to the next: a lower value means that it began anew at 0.
pub(super) fn step(from: f64, to: f64) -> f64 {
    if to < from { to } else { to - from }
}

/// Puts a counter together again from the windows of three aggregates, which have the same times: it begins at the
/// first window's first value and never falls, so that `rate` and `increase` over whole windows are what the single
/// samples would have given. Windows that not all three have are left out.
pub(crate) fn counter(first: &Samples, increase: &Samples, last: &Samples, into: &mut Samples) {
    let mut state: Option<(f64, f64)> = None;
    for window in first.iter() {
        let at_ms = window.timestamp_ms;
        let (Some(increase), Some(last)) = (value_at(increase, at_ms), value_at(last, at_ms)) else {
            continue;
        };
        let value = match state {
            None => window.value + increase,
            Some((value, previous)) => value + step(previous, window.value) + increase,
        };
        into.push(at_ms, value);
        state = Some((value, last));
    }
}

fn value_at(samples: &Samples, at_ms: i64) -> Option<f64> {
    let at = samples.timestamps.binary_search(&at_ms).ok()?;
    samples.values.get(at).copied()
}
