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

use std::sync::Arc;

use model::{Labels, Matcher, StoreError};

use crate::block::{Block, BlockMeta};

/// A deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// Which series; the first rule that fits counts.
    pub matchers: Vec<Matcher>,
    /// How far behind the newest data their samples are kept, in milliseconds; `None` for good.
    pub retention_ms: Option<i64>,
}

impl Tombstone {
    /// Whether it may concern a block that holds times from `min_ms` to `last_ms`, both inclusive.
    pub(crate) fn reaches(&self, id: u64, min_ms: i64, last_ms: i64) -> bool {
        id < self.below && self.start_ms <= last_ms && self.end_ms >= min_ms
    }

    /// Whether it erases whatever `other`, an earlier one, does.
    pub(crate) fn contains(&self, other: &Tombstone) -> bool {
        self.matchers == other.matchers
            && self.start_ms <= other.start_ms
            && self.end_ms >= other.end_ms
            && self.below >= other.below
    }
}

/// Everything that is erased at one moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Erased {
    pub(crate) tombstones: Arc<[Tombstone]>,
    pub(crate) rules: Arc<[RetentionRule]>,
    /// The general retention.
    pub(crate) retention_ms: Option<i64>,
    /// The newest data, from which retentions count.
    pub(crate) newest_ms: i64,
}

fn fits(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches_labels(labels))
}

impl Erased {
    /// What is erased of blocks of a resolution. Downsampled blocks have retentions of their own; of the rules those count
    /// that keep series for less long than others: whoever wants them gone wants them gone in every form.
    pub(crate) fn at(&self, resolution_ms: i64) -> Erased {
        if resolution_ms == 0 {
            return self.clone();
        }
        let shorter = |ms: &i64| self.retention_ms.is_none_or(|general_ms| *ms < general_ms);
        let mut rules = self.rules.to_vec();
        for rule in &mut rules {
            rule.retention_ms = rule.retention_ms.filter(shorter);
        }
        rules.retain(|_| {
            self.rules
                .iter()
                .any(|r| r.retention_ms.as_ref().is_some_and(shorter))
        });
        Erased {
            rules: rules.into(),
            retention_ms: None,
            ..self.clone()
        }
    }

    /// Whether nothing is erased, whatever the series.
    pub(crate) fn is_nothing(&self) -> bool {
        self.tombstones.is_empty() && self.rules.is_empty()
    }

    /// Whether series may have lost something in a block, by its times alone.
    pub(crate) fn reaches(&self, meta: &BlockMeta) -> bool {
        self.reaches_times(meta.id, meta.min_ms, meta.max_ms.saturating_sub(1))
    }

    /// The same for what holds times from `min_ms` to `last_ms`, both inclusive.
    pub(crate) fn reaches_times(&self, id: u64, min_ms: i64, last_ms: i64) -> bool {
        let mut tombstones = self.tombstones.iter();
        tombstones.any(|t| t.reaches(id, min_ms, last_ms))
            || (0..=self.rules.len())
                .filter_map(|rule| self.rule_first_kept_ms(rule))
                .any(|first_kept_ms| min_ms < first_kept_ms)
    }

    /// The first millisecond that a retention keeps.
    pub(crate) fn first_kept_ms(&self, retention_ms: i64) -> i64 {
        self.newest_ms.saturating_sub(retention_ms)
    }

    /// Whether some series of a block has lost anything in it, as far as the times of its chunks tell. Costs a selection for
    /// each tombstone and rule that reaches the block.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub(crate) fn touches(&self, block: &Arc<Block>) -> Result<bool, StoreError> {
        let meta = block.meta();
        let last_ms = meta.max_ms.saturating_sub(1);
        for tombstone in self.tombstones.iter() {
            if tombstone.reaches(meta.id, meta.min_ms, last_ms)
                && self.touches_in(block, &tombstone.matchers)?
            {
                return Ok(true);
            }
        }
        for rule in 0..=self.rules.len() {
            let first_kept_ms = self.rule_first_kept_ms(rule);
            if first_kept_ms.is_some_and(|ms| meta.min_ms < ms)
                && self.touches_in(block, self.rule_matchers(rule))?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same for the series that satisfy some matchers.
    pub(crate) fn touches_in(&self, block: &Arc<Block>, matchers: &[Matcher]) -> Result<bool, StoreError> {
        self.any_in(block, matchers, Intervals::touches)
    }

    /// Whether some series of a block that satisfies the matchers has lost everything in it.
    pub(crate) fn empties_in(&self, block: &Arc<Block>, matchers: &[Matcher]) -> Result<bool, StoreError> {
        self.any_in(block, matchers, Intervals::covers)
    }

    fn any_in(
        &self,
        block: &Arc<Block>,
        matchers: &[Matcher],
        is: impl Fn(&Intervals, i64, i64) -> bool,
    ) -> Result<bool, StoreError> {
        let series = block.select(matchers, i64::MIN, i64::MAX)?;
        Ok(series.iter().any(|series| {
            let lost = self.of(&series.labels, block.meta().id);
            let span = series.span();
            !lost.is_empty() && span.is_some_and(|(first_ms, last_ms, _)| is(&lost, first_ms, last_ms))
        }))
    }

    /// The matchers of a rule by its number; behind the last one comes the general retention, for all series.
    pub(crate) fn rule_matchers(&self, rule: usize) -> &[Matcher] {
        self.rules.get(rule).map_or(&[], |rule| &rule.matchers)
    }

    /// The first millisecond that a rule keeps, by its number as above; `None` where it hides nothing. Without rules the
    /// general retention hides nothing either: blocks go whole.
    pub(crate) fn rule_first_kept_ms(&self, rule: usize) -> Option<i64> {
        if self.rules.is_empty() {
            return None;
        }
        let retention_ms = self
            .rules
            .get(rule)
            .map_or(self.retention_ms, |rule| rule.retention_ms);
        Some(self.first_kept_ms(retention_ms?))
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
            lost.add(i64::MIN, self.first_kept_ms(retention_ms).saturating_sub(1));
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
