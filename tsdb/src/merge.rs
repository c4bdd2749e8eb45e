//! From the samples of one series, wherever they lie, to one.
//!
//! Of two samples with one time the one that came first is taken, so that what was once shown does not change. Floats
//! and native histograms are merged each for themselves. Cost: nothing where one source follows the other in time, a
//! pass over what overlaps where not.

use model::Starts;
use model::metrics::Samples;

/// Adds what `next` has to `into`; where both have a time, `into` is right. `next` is left in any state.
pub(crate) fn merge(into: &mut Samples, next: &mut Samples) {
    if !into.starts.is_empty() || !next.starts.is_empty() {
        into.starts = merged_starts(into, next);
    }
    if follows(into.timestamps.last(), next.timestamps.first()) {
        into.timestamps.append(&mut next.timestamps);
        into.values.append(&mut next.values);
    } else {
        merge_floats(into, next);
    }
    let last = into.histograms.last().map(|(ms, _)| ms);
    if follows(last, next.histograms.first().map(|(ms, _)| ms)) {
        into.histograms.append(&mut next.histograms);
    } else {
        // A stable sort keeps of equal times the first in front, and finds the two runs by itself.
        into.histograms.append(&mut next.histograms);
        into.histograms.sort_by_key(|(ms, _)| *ms);
        into.histograms.dedup_by_key(|(ms, _)| *ms);
    }
}

/// The start of each sample as the source says from which it is taken.
fn merged_starts(into: &Samples, next: &Samples) -> Starts {
    let times = |samples: &Samples| {
        let mut times = samples.timestamps.clone();
        times.extend(samples.histograms.iter().map(|(ms, _)| *ms));
        times.sort_unstable();
        times.dedup();
        times
    };
    let (ours, theirs) = (times(into), times(next));
    let mut theirs = theirs.into_iter().peekable();
    let mut starts = Starts::default();
    for ms in ours {
        while let Some(theirs) = theirs.next_if(|t| *t <= ms) {
            if theirs < ms {
                starts.push(theirs, next.starts.at(theirs));
            }
        }
        starts.push(ms, into.starts.at(ms));
    }
    for ms in theirs {
        starts.push(ms, next.starts.at(ms));
    }
    starts
}

fn follows(last: Option<&i64>, first: Option<&i64>) -> bool {
    last.zip(first).is_none_or(|(last, first)| last < first)
}

fn merge_floats(into: &mut Samples, next: &Samples) {
    let (Some(&first), Some(_)) = (next.timestamps.first(), into.timestamps.last()) else {
        return;
    };
    // What lies before the other's first stays where it is.
    let kept = into.timestamps.partition_point(|&ms| ms < first);
    let (times, values) = (into.timestamps.split_off(kept), into.values.split_off(kept));
    let mut ours = times.into_iter().zip(values).peekable();
    let mut theirs = next
        .timestamps
        .iter()
        .copied()
        .zip(next.values.iter().copied())
        .peekable();
    into.timestamps.reserve(ours.len() + theirs.len());
    into.values.reserve(ours.len() + theirs.len());
    loop {
        let sample = match (ours.peek(), theirs.peek()) {
            (Some((a, _)), Some((b, _))) if a == b => {
                theirs.next();
                ours.next()
            }
            (Some((a, _)), Some((b, _))) if a > b => theirs.next(),
            (Some(_), _) => ours.next(),
            (None, _) => theirs.next(),
        };
        match sample {
            Some((ms, value)) => into.push(ms, value),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Histogram;

    use super::*;

    fn samples(pairs: &[(i64, f64)]) -> Samples {
        let (timestamps, values) = pairs.iter().copied().unzip();
        Samples {
            timestamps,
            values,
            ..Samples::default()
        }
    }

    #[test]
    fn each_sample_keeps_the_start_it_came_with() {
        let mut into = samples(&[(10, 1.0), (30, 3.0)]);
        into.starts.push(10, 5);
        let mut next = samples(&[(20, 2.0), (30, 9.0), (40, 4.0)]);
        next.starts.push(40, 35);
        merge(&mut into, &mut next);
        let found = into.timestamps.iter().map(|ms| into.starts.at(*ms));
        assert_eq!(found.collect::<Vec<_>>(), [5, 0, 5, 35]);
    }

    #[test]
    fn the_first_is_right_and_order_is_by_time() {
        let mut into = samples(&[(1, 1.0), (5, 5.0), (9, 9.0)]);
        merge(
            &mut into,
            &mut samples(&[(0, 0.0), (5, -5.0), (7, 7.0), (10, 10.0)]),
        );
        let expected = samples(&[(0, 0.0), (1, 1.0), (5, 5.0), (7, 7.0), (9, 9.0), (10, 10.0)]);
        assert_eq!(into, expected);
        merge(&mut into, &mut Samples::default());
        assert_eq!(into, expected);
        merge(&mut into, &mut samples(&[(11, 1.0)]));
        assert_eq!(into.len(), 7);
        let mut none = Samples::default();
        merge(&mut none, &mut samples(&[(5, 1.0)]));
        assert_eq!(none, samples(&[(5, 1.0)]));
    }

    #[test]
    fn histograms_are_merged_for_themselves() {
        let histogram = |sum: f64| {
            Arc::new(Histogram {
                sum,
                ..Histogram::stale()
            })
        };
        let mut into = samples(&[(5, 5.0)]);
        into.histograms = vec![(3, histogram(1.0)), (7, histogram(1.0))];
        let mut next = Samples {
            histograms: vec![(1, histogram(2.0)), (3, histogram(2.0)), (8, histogram(2.0))],
            ..Samples::default()
        };
        merge(&mut into, &mut next);
        let found: Vec<(i64, f64)> = into.histograms.iter().map(|(ms, h)| (*ms, h.sum)).collect();
        assert_eq!(found, [(1, 2.0), (3, 1.0), (7, 1.0), (8, 2.0)]);
        assert_eq!(into.timestamps, [5]);
    }
}
