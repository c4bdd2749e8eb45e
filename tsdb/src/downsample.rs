//! Downsampling: what remains of a series when its single samples no longer matter.
//!
//! The samples of a window of five minutes or an hour become one number for each [`Aggregate`]. A downsampled block
//! holds them as ordinary series that bear the aggregate as the label [`AGGREGATE`], so that it needs no format, no
//! reader and no compaction of its own; a query picks the aggregate that its function needs and takes the label off.
//! Counters lose nothing: [`Aggregate::First`], [`Aggregate::Last`] and [`Aggregate::Increase`] together tell what
//! [`counter`] puts together again, resets within and between windows included. Native histograms are not downsampled.
//!
//! The times of windows are those of their last sample, so that a series never shows before it was there, nor long
//! after it ended. Staleness markers end nothing at this distance and are left out.

mod counter;
mod plan;
mod read;
mod write;

use counter::counter;
pub(crate) use plan::{align_up, pending, plan, windows};
pub(crate) use read::{Windows, aggregates};
pub(crate) use write::write;

use model::metrics::{Samples, is_stale_nan};

/// The label that says which aggregate a downsampled series is. Sorts before all others: the series of one aggregate
/// lie together.
pub(crate) const AGGREGATE: &str = "\u{0}aggregate";

/// What is kept of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Aggregate {
    /// How many samples there were.
    Count,
    /// The first.
    First,
    /// By how much a counter grew from the first to the last, resets allowed for.
    Increase,
    /// The last.
    Last,
    /// The largest, NaN only where there is nothing else.
    Max,
    /// The smallest, NaN only where there is nothing else.
    Min,
    /// Their sum.
    Sum,
}

impl Aggregate {
    /// All of them, in the order of their labels.
    pub(crate) const ALL: [Aggregate; 7] = [
        Aggregate::Count,
        Aggregate::First,
        Aggregate::Increase,
        Aggregate::Last,
        Aggregate::Max,
        Aggregate::Min,
        Aggregate::Sum,
    ];

    /// The value of the label [`AGGREGATE`].
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::First => "first",
            Aggregate::Increase => "increase",
            Aggregate::Last => "last",
            Aggregate::Max => "max",
            Aggregate::Min => "min",
            Aggregate::Sum => "sum",
        }
    }

    /// The aggregate of some values, of which there is at least one.
    fn of(self, values: &[f64]) -> f64 {
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        match self {
            Aggregate::Count => values.len() as f64,
            Aggregate::First => end(values.first()),
            Aggregate::Increase => {
                let steps = values.windows(2);
                // A sum of nothing would be -0.0.
                steps.fold(0.0, |sum, pair| sum + counter::step(pair[0], pair[1]))
            }
            Aggregate::Last => end(values.last()),
            // `f64::max` and `min` prefer any number to NaN.
            Aggregate::Max => values.iter().copied().fold(f64::NAN, f64::max),
            Aggregate::Min => values.iter().copied().fold(f64::NAN, f64::min),
            Aggregate::Sum => values.iter().sum(),
        }
    }
}

/// Appends one number for each window of `resolution_ms` (aligned to multiples of it) in which `samples` has floats.
pub(crate) fn downsample(samples: &Samples, resolution_ms: i64, aggregate: Aggregate, into: &mut Samples) {
    let resolution_ms = resolution_ms.max(1);
    let mut values: Vec<f64> = Vec::new();
    let mut last_ms = i64::MIN;
    for sample in samples.iter().filter(|s| !is_stale_nan(s.value)) {
        let same = sample.timestamp_ms.div_euclid(resolution_ms) == last_ms.div_euclid(resolution_ms);
        if !same && !values.is_empty() {
            into.push(last_ms, aggregate.of(&values));
            values.clear();
        }
        values.push(sample.value);
        last_ms = sample.timestamp_ms;
    }
    if !values.is_empty() {
        into.push(last_ms, aggregate.of(&values));
    }
}

#[cfg(test)]
mod tests;
