//! When counting began: the start timestamps that senders give with counters and histograms.
//!
//! A start says from when on a counter counts. It changes when the program is started anew and hardly ever otherwise, so
//! a series keeps the changes only: mostly one for all the samples of a block.

/// The start timestamps of a series as a function of the samples' time: pairs of the time of the first sample that has
/// the start, and the start, both in milliseconds since the epoch. Times rise strictly, and neighbours differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Starts(Vec<(i64, i64)>);

impl Starts {
    /// The start of samples whose sender says none.
    pub const UNKNOWN: i64 = 0;

    /// Whether no start is known of any sample.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes: the time from which on, and the start.
    pub fn changes(&self) -> &[(i64, i64)] {
        &self.0
    }

    /// Forgets all, keeping the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The start of the sample at `timestamp_ms`, [`Starts::UNKNOWN`] where nobody said.
    pub fn at(&self, timestamp_ms: i64) -> i64 {
        let after = self.0.partition_point(|(from, _)| *from <= timestamp_ms);
        let found = after.checked_sub(1).and_then(|i| self.0.get(i));
        found.map_or(Self::UNKNOWN, |(_, start)| *start)
    }

    /// Says that samples from `from_ms` on have this start. Costs nothing where it is so already. Times must not fall
    /// from call to call; where they do, the change is dropped.
    pub fn push(&mut self, from_ms: i64, start_ms: i64) {
        let last = self.0.last().copied();
        if last.map_or(Self::UNKNOWN, |(_, start)| start) == start_ms {
            return;
        }
        match last {
            Some((from, _)) if from > from_ms => {}
            Some((from, _)) if from == from_ms => {
                self.0.pop();
                self.push(from_ms, start_ms);
            }
            _ => self.0.push((from_ms, start_ms)),
        }
    }

    /// Appends what holds for the samples between two times (inclusive) to `into`.
    pub fn copy_range(&self, start_ms: i64, end_ms: i64, into: &mut Starts) {
        if self.0.is_empty() {
            return;
        }
        into.push(start_ms, self.at(start_ms));
        let inside = self
            .0
            .iter()
            .filter(|(from, _)| *from > start_ms && *from <= end_ms);
        inside.for_each(|(from, start)| into.push(*from, *start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(changes: &[(i64, i64)]) -> Starts {
        let mut starts = Starts::default();
        changes
            .iter()
            .for_each(|(from, start)| starts.push(*from, *start));
        starts
    }

    #[test]
    fn only_changes_are_kept() {
        let starts = of(&[(5, 0), (10, 7), (20, 7), (30, 25), (40, 0), (40, 25), (50, 0)]);
        assert_eq!(starts.changes(), [(10, 7), (30, 25), (50, 0)]);
        assert_eq!(
            [9, 10, 29, 30, 49, 50].map(|at| starts.at(at)),
            [0, 7, 7, 25, 25, 0]
        );
        assert!(of(&[(1, 0)]).is_empty());
        assert_eq!(of(&[(10, 7), (9, 3)]).changes(), [(10, 7)]);
        assert_eq!(of(&[(10, 7), (10, 3)]).changes(), [(10, 3)]);
    }

    #[test]
    fn a_range_begins_with_what_held_before_it() {
        let starts = of(&[(10, 7), (30, 25)]);
        let mut into = Starts::default();
        starts.copy_range(15, 29, &mut into);
        assert_eq!(into.changes(), [(15, 7)]);
        starts.copy_range(30, 90, &mut into);
        assert_eq!(into.changes(), [(15, 7), (30, 25)]);
        of(&[(100, 95)]).copy_range(95, 200, &mut into);
        assert_eq!(into.changes(), [(15, 7), (30, 25), (95, 0), (100, 95)]);
    }
}
