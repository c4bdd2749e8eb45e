//! The times of evaluation of a range query: a start, a step, a count.

use std::ops::Range;

/// Times of evaluation, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) start_ms: i64,
    /// Positive.
    pub(super) step_ms: i64,
    pub(super) count: usize,
}

impl Grid {
    /// The times from `start_ms` up to `end_ms`; `None` where there are none or more than `max_count`, or where the
    /// numbers are so large that arithmetic with them would not be exact.
    pub(super) fn new(start_ms: i64, end_ms: i64, step_ms: i64, max_count: u64) -> Option<Grid> {
        /// Beyond the year 100,000; sums of two such times are far from the bounds of an integer.
        const FAR: i64 = 1 << 52;
        let near = |t: i64| (-FAR..=FAR).contains(&t);
        if step_ms <= 0 || end_ms < start_ms || !near(start_ms) || !near(end_ms) || !near(step_ms) {
            return None;
        }
        let count = (end_ms.abs_diff(start_ms) / step_ms.unsigned_abs()).checked_add(1)?;
        let count = usize::try_from(count).ok().filter(|_| count <= max_count)?;
        Some(Grid {
            start_ms,
            step_ms,
            count,
        })
    }

    /// The time of step `i`.
    pub(super) fn at(&self, i: usize) -> i64 {
        self.start_ms
            .saturating_add(self.step_ms.saturating_mul(i64::try_from(i).unwrap_or(i64::MAX)))
    }

    /// The time of the last step.
    pub(super) fn last_ms(&self) -> i64 {
        self.at(self.count.saturating_sub(1))
    }

    /// Where the steps lie relative to multiples of the step: only grids of one phase share times.
    pub(super) fn phase_ms(&self) -> i64 {
        self.start_ms.rem_euclid(self.step_ms)
    }

    /// The steps of this grid that are also steps of `other`, which has the same step and phase.
    pub(super) fn shared(&self, other: &Grid) -> Range<usize> {
        self.within(other.start_ms, other.last_ms())
    }

    /// The steps between two times, inclusive.
    pub(super) fn within(&self, from_ms: i64, to_ms: i64) -> Range<usize> {
        let from = self.before(from_ms);
        from..self.before(to_ms.saturating_add(1)).max(from)
    }

    /// How many steps are before `time_ms`.
    pub(super) fn before(&self, time_ms: i64) -> usize {
        let after = time_ms.saturating_sub(self.start_ms);
        if after <= 0 {
            return 0;
        }
        let steps = after.unsigned_abs().div_ceil(self.step_ms.unsigned_abs());
        usize::try_from(steps).map_or(self.count, |steps| steps.min(self.count))
    }

    /// Some of the steps, at least one.
    pub(super) fn part(&self, steps: Range<usize>) -> Grid {
        Grid {
            start_ms: self.at(steps.start),
            step_ms: self.step_ms,
            count: steps.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_times_find_each_other() {
        let grid = Grid::new(-25, 16, 10, 100).unwrap();
        assert_eq!((grid.count, grid.last_ms(), grid.phase_ms()), (5, 15, 5));
        assert_eq!(
            (
                grid.before(-25),
                grid.before(-24),
                grid.before(15),
                grid.before(99)
            ),
            (0, 1, 4, 5)
        );
        assert_eq!(grid.within(-15, 5), 1..4);
        assert_eq!(grid.within(6, 14), 4..4);
        assert_eq!(grid.shared(&Grid::new(5, 45, 10, 100).unwrap()), 3..5);
        assert_eq!(grid.part(1..3), Grid::new(-15, -5, 10, 100).unwrap());
    }

    #[test]
    fn impossible_grids_are_none() {
        assert_eq!(Grid::new(0, 10, 0, 100), None);
        assert_eq!(Grid::new(10, 0, 1, 100), None);
        assert_eq!(Grid::new(0, 100, 1, 100), None);
        assert_eq!(Grid::new(i64::MIN, i64::MAX, 1 << 50, 1 << 60), None);
    }
}
