//! From when on answers changed, by batch: what a cache of answers asks.
//!
//! Of all changes only those count that no later one outdoes: one that comes after and reaches as far back or further.
//! What is left rises in number and in time, so that a question is a binary search and a note about batches in order an
//! append. Beyond a bound neighbours become one, the later number with the earlier time: too early is never wrong. 16 KiB
//! at most.

/// So many entries at most; then the older half becomes half as many.
const MAX_ENTRIES: usize = 1024;

/// A batch, or another change, and the earliest time that it touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    number: u64,
    from_ms: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<Change>);

impl Changes {
    /// Notes that the change with this number touched nothing before `from_ms`. Numbers may come in any order.
    pub(super) fn note(&mut self, number: u64, from_ms: i64) {
        let at = self.0.partition_point(|change| change.number <= number);
        if self.0.get(at).is_some_and(|later| later.from_ms <= from_ms) {
            return;
        }
        let kept = self
            .0
            .get(..at)
            .unwrap_or_default()
            .partition_point(|before| before.from_ms < from_ms);
        self.0.splice(kept..at, [Change { number, from_ms }]);
        if self.0.len() > MAX_ENTRIES {
            self.coarsen();
        }
    }

    /// The earliest time that a change with a higher number touched.
    pub(super) fn since(&self, number: u64) -> Option<i64> {
        let first = self.0.partition_point(|change| change.number <= number);
        self.0.get(first).map(|change| change.from_ms)
    }

    fn coarsen(&mut self) {
        let recent = self.0.split_off(self.0.len() / 2);
        let older = self.0.chunks(2).filter_map(|pair| {
            Some(Change {
                number: pair.last()?.number,
                from_ms: pair.first()?.from_ms,
            })
        });
        self.0 = older.chain(recent).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The answer by looking at every change.
    fn plain(changes: &[(u64, i64)], number: u64) -> Option<i64> {
        let later = changes.iter().filter(|(n, _)| *n > number);
        later.map(|(_, ms)| *ms).min()
    }

    #[test]
    fn answers_are_those_of_looking_at_every_change() {
        let mut random = Random::new(3);
        for round in 0..100u64 {
            let mut all: Vec<(u64, i64)> = (1..200)
                .map(|n| (n, n as i64 * 10 - random.below(1 + round * 20) as i64))
                .collect();
            // Batches are applied at once and end in any order.
            for i in 1..all.len() {
                if random.below(4) == 0 {
                    all.swap(i - 1, i);
                }
            }
            let mut changes = Changes::default();
            for (noted, (number, ms)) in all.iter().enumerate() {
                changes.note(*number, *ms);
                let asked = random.below(201);
                assert_eq!(
                    changes.since(asked),
                    plain(&all[..=noted], asked),
                    "round {round}"
                );
            }
        }
    }

    #[test]
    fn many_changes_take_bounded_room_and_are_told_too_early_at_worst() {
        let mut changes = Changes::default();
        for number in 1..100_000u64 {
            changes.note(number, number as i64 * 1000);
            assert!(changes.0.len() <= MAX_ENTRIES);
        }
        for number in 0..99_999u64 {
            let truth = (number as i64 + 1) * 1000;
            let told = changes.since(number).unwrap();
            assert!(told <= truth, "{number}: {told}");
            let recent = number > 100_000 - MAX_ENTRIES as u64 / 2;
            assert!(!recent || told == truth, "{number}: {told}");
        }
        assert_eq!(changes.since(99_999), None);
    }
}
