//! Whether a counter was reset between two histograms.

use model::histogram::CounterResetHint;

use super::cells::{self, Cell};
use super::merge::{rebucket, shared_bounds, shift};
use super::{FloatHistogram, Side, bounds, resolution};

impl FloatHistogram {
    /// Whether the counter was reset between `previous` and this: by the hint where there is one, otherwise where a count
    /// has fallen, a populated bucket is gone or the resolution has risen. The sum may fall without a reset.
    pub fn detect_reset(&self, previous: &FloatHistogram) -> bool {
        match self.reset_hint {
            CounterResetHint::Reset => return true,
            CounterResetHint::NoReset => return false,
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.same_layout(previous) {
            return self.zero_count < previous.zero_count
                || any_less(&self.positive, &previous.positive)
                || any_less(&self.negative, &previous.negative);
        }
        if self.has_custom_buckets() && previous.has_custom_buckets() && !self.same_bounds(previous) {
            return self.reset_of_other_bounds(previous);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        if self.has_custom_buckets() {
            return !previous.has_custom_buckets()
                || has_fallen(self.positive.iter(), previous.positive.iter());
        }
        let zero = previous.wider_zero(self.zero_threshold, None);
        zero.threshold != self.zero_threshold
            || self.zero_count < zero.count
            || self.side_has_fallen(&self.positive, &previous.positive, previous.schema)
            || self.side_has_fallen(&self.negative, &previous.negative, previous.schema)
    }

    fn side_has_fallen(&self, current: &Side, previous: &Side, previous_schema: i8) -> bool {
        let in_zero =
            |(index, _): &(i32, f64)| bounds::exponential(*index, self.schema) <= self.zero_threshold;
        let previous = resolution::coarser(previous.iter(), shift(previous_schema, self.schema));
        has_fallen(current.iter().skip_while(in_zero), previous.skip_while(in_zero))
    }

    /// For custom buckets with different bounds: compares by the bounds that both have.
    fn reset_of_other_bounds(&self, previous: &FloatHistogram) -> bool {
        let shared = shared_bounds(&self.custom_values, &previous.custom_values);
        let counts = |histogram: &FloatHistogram| {
            let empty = |index| Cell {
                index,
                count: 0.0,
                error: 0.0,
            };
            let mut counts: Vec<Cell> = (0..).take(shared.len() + 1).map(empty).collect();
            let buckets = cells::exact(&histogram.positive, 1.0);
            rebucket(buckets, &histogram.custom_values, &shared, &mut counts);
            counts
        };
        let (current, previous) = (counts(self), counts(previous));
        current.iter().zip(&previous).any(|(x, y)| x.count < y.count)
    }
}

/// Whether a count is less than before, in buckets that are in the same places.
fn any_less(current: &Side, previous: &Side) -> bool {
    let mut pairs = current.buckets.iter().zip(&previous.buckets);
    pairs.any(|(x, y)| x < y)
}

/// Whether a count is less than before, or a populated bucket is gone. Of the buckets behind the last one of the current
/// histogram only the first is looked at: Prometheus looks no further, and rates must be those that it gives.
fn has_fallen(
    mut current: impl Iterator<Item = (i32, f64)>,
    previous: impl Iterator<Item = (i32, f64)>,
) -> bool {
    let mut at = current.next();
    for (index, before) in previous {
        while at.is_some_and(|(i, _)| i < index) {
            at = current.next();
        }
        let fallen = match at {
            None => return before != 0.0,
            Some((i, now)) if i == index => now < before,
            Some(_) => before != 0.0,
        };
        if fallen {
            return true;
        }
    }
    false
}
