//! What is taken out before its time: series that were deleted, and those that a rule keeps for less long than others.
//!
//! A deletion is a tombstone for all blocks there are; queries leave out what it names from then on. What is erased goes
//! from disk when its block is merged, when it is written anew by [`Tsdb::clean_tombstones`], or, where a rule says so,
//! when all of the block is older than the rule keeps.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{Matcher, StoreError};

use super::Tsdb;
use super::compaction::merged_meta;
use super::maintain::Upkeep;
use super::open::GONE_SUFFIX;
use crate::block::Block;
use crate::error::io;
use crate::tombstone::{self, Erased, RetentionRule, Tombstone};
use crate::view::View;

/// No more deletions than this are in force at once: each is asked of every series of the blocks it concerns.
const MAX_TOMBSTONES: usize = 10_000;

/// So long after a deletion the labels of series in memory are those of samples only: until series that ended are
/// forgotten there.
const EXACT_MS: i64 = 4 * 60 * 60 * 1000;

impl Tsdb {
    /// Deletes the samples from `start_ms` to `end_ms`, both inclusive, of the series that satisfy all matchers of one of
    /// `sets`. What was acknowledged before the call is gone for whoever asks after it, and stays gone after a crash;
    /// what is appended meanwhile or later stays. The room is free once the blocks that hold them are merged, or after
    /// [`clean_tombstones`](Self::clean_tombstones).
    ///
    /// # Errors
    /// A set is empty, too many deletions are in force, the log is still being replayed, or the disk refused: the samples
    /// may show or not.
    pub fn delete_series(&self, sets: &[Vec<Matcher>], start_ms: i64, end_ms: i64) -> Result<(), StoreError> {
        if sets.iter().any(Vec::is_empty) {
            return Err(StoreError::Invalid("a deletion needs a matcher".to_owned()));
        }
        if sets.is_empty() || start_ms > end_ms {
            return Ok(());
        }
        let mut upkeep = self.maintenance.lock();
        self.forget_log(&mut upkeep)?;
        // A tombstone speaks of blocks; so does a later flush, whose samples it does not concern.
        self.flush_all(&mut upkeep)?;
        let view = self.present.view();
        let folders = self.folders()?;
        let mut tombstones = view.tombstones.to_vec();
        for matchers in sets {
            let tombstone = Tombstone {
                matchers: matchers.clone(),
                start_ms,
                end_ms,
                below: upkeep.next_id(),
            };
            if self.is_needed(&view, &tombstone, &folders) {
                tombstones.retain(|earlier| !tombstone.contains(earlier));
                tombstones.push(tombstone);
            }
        }
        if tombstones.len() > MAX_TOMBSTONES {
            return Err(StoreError::Limit {
                what: "deletions in force",
                limit: MAX_TOMBSTONES as u64,
            });
        }
        if tombstones != *view.tombstones {
            self.set_tombstones(tombstones)?;
            self.present.change_from(start_ms, View::clone);
            self.deleted_ms.store(self.clock.now_ms(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Writes the blocks that hold deleted samples anew without them, now; gives their number. Other upkeep goes on
    /// between two blocks.
    ///
    /// # Errors
    /// The disk failed. Corrupt blocks are left as they are; the first is told when all others are done.
    pub fn clean_tombstones(&self) -> Result<usize, StoreError> {
        let (mut cleaned, mut corrupt) = (0, None);
        loop {
            let mut upkeep = self.maintenance.lock();
            self.forget_log(&mut upkeep)?;
            match self.clean_one(&mut upkeep) {
                Ok(true) => cleaned += 1,
                Ok(false) => {
                    self.drop_tombstones(&mut upkeep)?;
                    return corrupt.map_or(Ok(cleaned), Err);
                }
                Err(error @ StoreError::Corrupt { .. }) => corrupt = corrupt.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
    }

    /// The deletions in force.
    pub fn tombstones(&self) -> Vec<Tombstone> {
        self.present.view().tombstones.to_vec()
    }

    /// Sets the retentions of some series, in place of [`Options::retention_rules`](crate::Options::retention_rules).
    /// Samples show or not from the next snapshot on; what a longer rule would keep may be gone already.
    pub fn set_retention_rules(&self, rules: Vec<RetentionRule>) {
        *self.rules.write() = rules.into();
        self.present.change_from(i64::MIN, View::clone);
    }

    /// What is erased now.
    pub(super) fn erased(&self, view: &View) -> Erased {
        let rules = Arc::clone(&*self.rules.read());
        Erased {
            tombstones: Arc::clone(&view.tombstones),
            // Without data there is nothing that could be too old.
            newest_ms: self.newest_ms().unwrap_or(i64::MIN),
            retention_ms: self.options.retention_ms,
            rules,
        }
    }

    /// Whether series that were deleted may still be alive in memory.
    pub(super) fn deleted_lately(&self) -> bool {
        let deleted_ms = self.deleted_ms.load(Ordering::Relaxed);
        deleted_ms != i64::MIN && self.clock.now_ms().saturating_sub(deleted_ms) < EXACT_MS
    }

    /// Writes one block anew that is wholly older than a rule keeps and still holds series of it, if there is one.
    pub(super) fn erase_due(&self, upkeep: &mut Upkeep) -> Result<bool, StoreError> {
        let view = self.present.view();
        let erased = self.erased(&view);
        if erased.rules.is_empty() {
            return Ok(false);
        }
        if !Arc::ptr_eq(&erased.rules, &upkeep.spared_by) {
            upkeep.spared.clear();
            upkeep.spared_by = Arc::clone(&erased.rules);
        }
        let there = |id: u64| view.blocks.iter().any(|b| b.meta().id == id);
        upkeep.spared.retain(|(id, _)| there(*id));
        let (samples, downsampled) = (erased.at(0), erased.at(1));
        for block in view.blocks.iter() {
            let erased = match block.meta().resolution_ms {
                0 => &samples,
                _ => &downsampled,
            };
            for rule in 0..=erased.rules.len() {
                let first_kept_ms = erased.rule_first_kept_ms(rule);
                let past = first_kept_ms.is_some_and(|ms| block.meta().max_ms <= ms);
                if !past || upkeep.corrupt.contains(&block.meta().id) {
                    continue;
                }
                let checked = (block.meta().id, rule);
                if upkeep.spared.contains(&checked) {
                    continue;
                }
                // Series that fit may be kept by a rule before; and one that another rule cuts into further each second
                // is no reason either.
                let found = erased.empties_in(block, erased.rule_matchers(rule));
                if note_corrupt(upkeep, block, found)? {
                    self.rewrite(upkeep, block)?;
                    return Ok(true);
                }
                upkeep.spared.insert(checked);
            }
        }
        Ok(false)
    }

    /// Writes one block anew that holds deleted samples, if there is one.
    fn clean_one(&self, upkeep: &mut Upkeep) -> Result<bool, StoreError> {
        let view = self.present.view();
        let erased = Erased {
            tombstones: Arc::clone(&view.tombstones),
            ..Erased::default()
        };
        for block in view.blocks.iter() {
            if !erased.reaches(block.meta()) || upkeep.corrupt.contains(&block.meta().id) {
                continue;
            }
            for tombstone in erased.tombstones.iter() {
                let one = Erased {
                    tombstones: [tombstone.clone()].into(),
                    ..Erased::default()
                };
                if !one.reaches(block.meta()) {
                    continue;
                }
                let found = one.touches_in(block, &tombstone.matchers);
                if note_corrupt(upkeep, block, found)? {
                    self.rewrite(upkeep, block)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn rewrite(&self, upkeep: &mut Upkeep, block: &Arc<Block>) -> Result<(), StoreError> {
        let sources = [Arc::clone(block)];
        let mut meta = merged_meta(upkeep.take_id(), &sources);
        // Not merged with anything, only purged.
        meta.level = block.meta().level;
        let replaced = self.replace(upkeep, &sources, meta);
        note_corrupt(upkeep, block, replaced)
    }

    /// Drops the tombstones that concern nothing on disk any more.
    pub(super) fn drop_tombstones(&self, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        let view = self.present.view();
        if view.tombstones.is_empty() {
            upkeep.blocks_went = false;
            return Ok(());
        }
        let folders = self.folders()?;
        // What is gone from the folder must not come back once nothing says that it was deleted.
        self.fs
            .sync_dir(&self.blocks_dir)
            .map_err(|e| io("sync", &self.blocks_dir, e))?;
        let mut needed = view.tombstones.to_vec();
        needed.retain(|tombstone| self.is_needed(&view, tombstone, &folders));
        if needed != *view.tombstones {
            self.set_tombstones(needed)?;
        }
        upkeep.blocks_went = false;
        Ok(())
    }

    /// Whether a tombstone concerns anything: a block with series of it, or something on disk that is no block in use and
    /// may become one by a restart or a repair.
    fn is_needed(&self, view: &View, tombstone: &Tombstone, folders: &[(u64, i64, i64)]) -> bool {
        let one = Erased {
            tombstones: [tombstone.clone()].into(),
            ..Erased::default()
        };
        folders.iter().any(|&(id, min_ms, last_ms)| {
            let block = view.blocks.iter().find(|b| b.meta().id == id);
            tombstone.reaches(id, min_ms, last_ms)
                && block.is_none_or(|b| one.touches_in(b, &tombstone.matchers).unwrap_or(true))
        })
    }

    /// The folders of blocks, in use or not: id, first and last time.
    fn folders(&self) -> Result<Vec<(u64, i64, i64)>, StoreError> {
        let dir = &self.blocks_dir;
        let entries = self.fs.list(dir).map_err(|e| io("list", dir, e))?;
        let folder = |name: &str| {
            let name = name.strip_suffix(GONE_SUFFIX).unwrap_or(name);
            let mut parts = name.splitn(3, '_').map(str::parse::<i64>);
            let (id, min_ms, max_ms) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
            Some((u64::try_from(id).ok()?, min_ms, max_ms.saturating_sub(1)))
        };
        let dirs = entries.iter().filter(|e| e.is_dir);
        Ok(dirs.filter_map(|e| folder(&e.name)).collect())
    }

    fn set_tombstones(&self, tombstones: Vec<Tombstone>) -> Result<(), StoreError> {
        tombstone::save(&*self.fs, &self.dir, &tombstones)?;
        self.present.change(|view| view.with_tombstones(tombstones));
        Ok(())
    }
}

/// A block that cannot be read is left alone from then on.
fn note_corrupt<T>(
    upkeep: &mut Upkeep,
    block: &Arc<Block>,
    result: Result<T, StoreError>,
) -> Result<T, StoreError> {
    if matches!(result, Err(StoreError::Corrupt { .. })) {
        upkeep.corrupt.insert(block.meta().id);
    }
    result
}
