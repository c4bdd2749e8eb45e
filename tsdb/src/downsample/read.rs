//! From windows back to samples: what a query sees of a downsampled series.
//!
//! - `Last`: the last value of each window, when it was, and again every [`REPEAT_MS`] until the next window's: a
//!   selector looks back five minutes, and between two windows of an hour it would find nothing most of the time.
//!   Only neighbouring windows are joined so, for where one is missing the series was not there.
//! - `Min`, `Max`, `Sum`: one sample a window.
//! - `Mean`: one sample a window, the mean of it.
//! - `Count`: as many samples as there were, evenly spread over the window: to count them is all they are good for.
//! - `Counter`: see [`counter`].

use model::metrics::{Samples, Wanted};

use super::counter::value_at;
use super::{Aggregate, counter};

/// The lookback that queries have by default: what is repeated at this distance is always visible to them.
const REPEAT_MS: i64 = 5 * 60 * 1000;

/// The aggregates that answer a query.
pub(crate) fn aggregates(wanted: Wanted) -> &'static [Aggregate] {
    match wanted {
        Wanted::Last => &[Aggregate::Last],
        Wanted::Min => &[Aggregate::Min],
        Wanted::Max => &[Aggregate::Max],
        Wanted::Sum => &[Aggregate::Sum],
        Wanted::Count => &[Aggregate::Count],
        Wanted::Mean => &[Aggregate::Count, Aggregate::Sum],
        Wanted::Counter => &[Aggregate::First, Aggregate::Increase, Aggregate::Last],
    }
}

/// The windows of one series, a column for each aggregate.
#[derive(Debug, Default)]
pub(crate) struct Windows([Samples; Aggregate::ALL.len()]);

impl Windows {
    /// The windows of one aggregate.
    pub(crate) fn of(&mut self, aggregate: Aggregate) -> &mut Samples {
        &mut self.0[aggregate as usize]
    }

    fn get(&self, aggregate: Aggregate) -> &Samples {
        &self.0[aggregate as usize]
    }

    /// Empties all columns, keeping their memory.
    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(Samples::clear);
    }

    /// Appends the samples that they give between two times, both inclusive. Windows next to these should be there too.
    pub(crate) fn samples(
        &self,
        wanted: Wanted,
        resolution_ms: i64,
        start_ms: i64,
        end_ms: i64,
        into: &mut Samples,
    ) {
        let resolution_ms = resolution_ms.max(1);
        let inside = start_ms..=end_ms;
        let mut push = |ms: i64, value: f64| {
            if inside.contains(&ms) {
                into.push(ms, value);
            }
        };
        match wanted {
            Wanted::Last => repeated(self.get(Aggregate::Last), resolution_ms, push),
            Wanted::Min | Wanted::Max | Wanted::Sum => {
                let only = aggregates(wanted).iter().map(|a| self.get(*a));
                only.flat_map(Samples::iter)
                    .for_each(|s| push(s.timestamp_ms, s.value));
            }
            Wanted::Mean => {
                let counts = self.get(Aggregate::Count);
                for sum in self.get(Aggregate::Sum).iter() {
                    if let Some(count) = value_at(counts, sum.timestamp_ms) {
                        push(sum.timestamp_ms, sum.value / count);
                    }
                }
            }
            Wanted::Count => {
                for count in self.get(Aggregate::Count).iter() {
                    spread(count.timestamp_ms, count.value, resolution_ms, &mut push);
                }
            }
            Wanted::Counter => {
                let mut whole = Samples::default();
                counter(
                    self.get(Aggregate::First),
                    self.get(Aggregate::Increase),
                    self.get(Aggregate::Last),
                    resolution_ms,
                    &mut whole,
                );
                whole.iter().for_each(|s| push(s.timestamp_ms, s.value));
            }
        }
    }
}

fn repeated(last: &Samples, resolution_ms: i64, mut push: impl FnMut(i64, f64)) {
    let mut windows = last.iter().peekable();
    while let Some(window) = windows.next() {
        push(window.timestamp_ms, window.value);
        let number = window.timestamp_ms.div_euclid(resolution_ms);
        let next = windows.peek().map(|next| next.timestamp_ms);
        if let Some(next_ms) = next.filter(|ms| ms.div_euclid(resolution_ms) == number + 1) {
            let mut again_ms = window.timestamp_ms.saturating_add(REPEAT_MS);
            while again_ms < next_ms {
                push(again_ms, window.value);
                again_ms = again_ms.saturating_add(REPEAT_MS);
            }
        }
    }
}

/// `count` samples that end at `last_ms` and lie within its window.
fn spread(last_ms: i64, count: f64, resolution_ms: i64, push: &mut impl FnMut(i64, f64)) {
    let room_ms = last_ms.rem_euclid(resolution_ms);
    // A window has no more milliseconds than that, whatever the bytes say.
    let count = (count as i64).clamp(0, room_ms + 1);
    // None at the very start, where the window before ends as queries see it, as long as there is room.
    let parts = if room_ms >= count {
        count
    } else {
        (count - 1).max(1)
    };
    for i in (0..count).rev() {
        push(last_ms - room_ms * i / parts, 1.0);
    }
}

#[cfg(test)]
mod tests;
