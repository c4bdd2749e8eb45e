//! What is not to be seen any more although blocks still hold it: deletions and retention by matcher.
//!
//! Nothing is taken out of a block in place. A [`Tombstone`] says which series lost which time in the blocks that were
//! there when it was made; a [`RetentionRule`] gives series a retention of their own. [`Erased`] is both at one moment:
//! queries leave out what it names, and compaction writes new blocks without it, to which the tombstone no longer
//! applies. Cost: one evaluation of the matchers a series and tombstone, nothing where there are none.
//! Format: docs/format/tombstones.md.

mod file;
mod intervals;

pub(crate) use file::{load, save};
pub(crate) use intervals::Intervals;

use model::{Labels, Matcher};

/// A deletion.
#[derive(Debug, Clone, PartialEq)]
pub struct Tombstone {
    /// Series that satisfy all of them …
    pub matchers: Vec<Matcher>,
    /// … lose their samples from this millisecond on …
    pub start_ms: i64,
    /// … to this one, inclusive …
    pub end_ms: i64,
    /// … in the blocks whose id is below this one: later blocks were written without them, or came after.
    pub below: u64,
}

/// A retention for the series that satisfy all matchers, in place of the general one.
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionRule {
    /// Which series; the first rule that fits counts.
    pub matchers: Vec<Matcher>,
    /// How far behind the newest data their samples are kept, in milliseconds; `None` for good.
    pub retention_ms: Option<i64>,
}

/// Everything that is erased at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Erased {
    pub(crate) tombstones: Vec<Tombstone>,
    pub(crate) rules: Vec<RetentionRule>,
    /// The general retention.
    pub(crate) retention_ms: Option<i64>,
    /// The newest data, from which retentions count.
    pub(crate) newest_ms: i64,
}

fn fits(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches_labels(labels))
}

impl Erased {
    /// Whether nothing is erased, whatever the series.
    pub(crate) fn is_nothing(&self) -> bool {
        self.tombstones.is_empty() && self.rules.is_empty()
    }

    /// What a series has lost in the block `id` (`u64::MAX` for what is not in a block yet).
    pub(crate) fn of(&self, labels: &Labels, id: u64) -> Intervals {
        let mut lost = Intervals::default();
        for tombstone in self.tombstones.iter().filter(|t| id < t.below) {
            if fits(&tombstone.matchers, labels) {
                lost.add(tombstone.start_ms, tombstone.end_ms);
            }
        }
        if !self.rules.is_empty()
            && let Some(retention_ms) = self.retention_of(labels)
        {
            let first_kept_ms = self.newest_ms.saturating_sub(retention_ms);
            lost.add(i64::MIN, first_kept_ms.saturating_sub(1));
        }
        lost
    }

    /// How long samples of a series are kept, `None` for good.
    pub(crate) fn retention_of(&self, labels: &Labels) -> Option<i64> {
        let rule = self.rules.iter().find(|rule| fits(&rule.matchers, labels));
        rule.map_or(self.retention_ms, |rule| rule.retention_ms)
    }

    /// The longest that any series may be kept, `None` for good: a block that ends before can go whole.
    pub(crate) fn longest_retention_ms(&self) -> Option<i64> {
        let rules = self.rules.iter().map(|rule| rule.retention_ms);
        rules.fold(self.retention_ms, |longest, ms| Some(longest?.max(ms?)))
    }
}

#[cfg(test)]
mod tests;
