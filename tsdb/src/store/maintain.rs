//! Upkeep: what is due, one unit at a time.
//!
//! Each unit leaves the database whole if the process dies within it: a new block is published before what it
//! replaces goes, and what both hold is shown once, for the same time in two places is one sample.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Weak};

use model::StoreError;

use super::open::GONE_SUFFIX;
use super::pace::Pace;
use super::{Generation, Tsdb};
use crate::block::{Block, BlockMeta};
use crate::error::io;
use crate::tombstone::RetentionRule;
use crate::{downsample, retention, wal};

/// Units in one round of upkeep: the rest waits for the next.
const MAX_UNITS: usize = 64;

/// Metadata of families is written so often at most.
const METADATA_MS: i64 = 60_000;

/// A unit of upkeep that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A generation of samples was moved into so many blocks.
    Flushed(usize),
    /// So many blocks became one.
    Compacted(usize),
    /// Samples of so many blocks were reduced into another.
    Downsampled(usize),
    /// So many blocks were deleted because they had their time or for lack of room.
    Expired(usize),
    /// A block was written anew without what is erased.
    Erased,
}

/// What one round of upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MaintainReport {
    /// Generations of samples moved into blocks.
    pub flushed: usize,
    /// Compactions done.
    pub compacted: usize,
    /// Downsampled blocks written.
    pub downsampled: usize,
    /// Blocks deleted because they had their time or for lack of room.
    pub expired: usize,
    /// Blocks written anew without what is erased.
    pub erased: usize,
}

/// What upkeep remembers.
pub(super) struct Upkeep {
    next_block: u64,
    pub(super) next_generation: u64,
    /// Blocks whose compaction met corrupt bytes: left as they are while the process lives.
    pub(super) corrupt: BTreeSet<u64>,
    /// When the last compaction failed, if it did, but not for corrupt bytes.
    pub(super) compaction_failed_ms: Option<i64>,
    /// Generations that snapshots may hold.
    pub(super) held: Vec<Weak<Generation>>,
    /// Up to which generation the log is in blocks and not removed yet.
    pub(super) removable: Option<u64>,
    pub(super) pace: Pace,
    /// Whether blocks went, so that tombstones may concern nothing any more.
    pub(super) blocks_went: bool,
    /// Blocks that hold nothing a rule has hidden for good, with the number of the rule …
    pub(super) spared: BTreeSet<(u64, usize)>,
    /// … among these.
    pub(super) spared_by: Arc<[RetentionRule]>,
    /// When metadata was last written.
    metadata_ms: i64,
}

impl Upkeep {
    pub(super) fn new(next_block: u64, active: &Arc<Generation>) -> Upkeep {
        Upkeep {
            next_block,
            next_generation: active.number + 1,
            corrupt: BTreeSet::new(),
            compaction_failed_ms: None,
            held: vec![Arc::downgrade(active)],
            removable: None,
            pace: Pace::default(),
            // Perhaps the process before died between a compaction and that.
            blocks_went: true,
            spared: BTreeSet::new(),
            spared_by: Arc::default(),
            metadata_ms: i64::MIN,
        }
    }

    /// The id that the next block gets.
    pub(super) fn next_id(&self) -> u64 {
        self.next_block
    }

    /// Finds out which of some blocks are corrupt.
    pub(super) fn note_corrupt(&mut self, suspects: &[Arc<Block>]) {
        let ids = || suspects.iter().map(|b| b.meta().id);
        let bad = suspects.iter().filter(|block| block.verify().is_err());
        self.corrupt.extend(bad.map(|b| b.meta().id));
        // Whatever the reason: the same blocks must not be tried for ever.
        if ids().all(|id| !self.corrupt.contains(&id)) {
            self.corrupt.extend(ids());
        }
    }

    pub(super) fn take_id(&mut self) -> u64 {
        let id = self.next_block;
        self.next_block += 1;
        id
    }
}

impl Tsdb {
    /// Does all that is due. See [`step`](Self::step).
    ///
    /// # Errors
    /// As for [`step`](Self::step). What was done before stays done.
    pub fn maintain(&self) -> Result<MaintainReport, StoreError> {
        let mut report = MaintainReport::default();
        for _ in 0..MAX_UNITS {
            match self.step()? {
                Some(Unit::Flushed(_)) => report.flushed += 1,
                Some(Unit::Compacted(_)) => report.compacted += 1,
                Some(Unit::Downsampled(_)) => report.downsampled += 1,
                Some(Unit::Expired(blocks)) => report.expired += blocks,
                Some(Unit::Erased) => report.erased += 1,
                None => break,
            }
        }
        Ok(report)
    }

    /// Does one unit of what is due: deletes blocks that had their time, moves samples from memory into blocks, takes out
    /// of a block what a rule no longer keeps, or merges blocks; `None` when nothing is due. To be called about every second, on a thread that may block; an
    /// owner that wants to be gentle pauses between units. Costs next to nothing when nothing is due, waits if another
    /// call is at it, and holds up neither batches nor snapshots.
    ///
    /// # Errors
    /// The disk refused or bytes are corrupt. What is due is tried again by the next call.
    pub fn step(&self) -> Result<Option<Unit>, StoreError> {
        let mut upkeep = self.maintenance.lock();
        self.forget_log(&mut upkeep)?;
        let now_ms = self.clock.now_ms();
        let view = self.present.view();
        upkeep.pace.observe(now_ms, view.samples());
        // First: on a full disk nothing else succeeds before something is gone.
        let expired = self.expire(&mut upkeep)?;
        if expired > 0 {
            return Ok(Some(Unit::Expired(expired)));
        }
        if let Some(blocks) = self.flush_due(&mut upkeep, now_ms)? {
            return Ok(Some(Unit::Flushed(blocks)));
        }
        if now_ms.saturating_sub(upkeep.metadata_ms) >= METADATA_MS {
            self.families.save()?;
            upkeep.metadata_ms = now_ms;
        }
        if upkeep.blocks_went {
            self.drop_tombstones(&mut upkeep)?;
        }
        // Before compaction, which would hide what came late among what was there, and before anything is erased.
        if let Some(blocks) = self.downsample(&mut upkeep)? {
            return Ok(Some(Unit::Downsampled(blocks)));
        }
        if self.erase_due(&mut upkeep)? {
            return Ok(Some(Unit::Erased));
        }
        Ok(self.compact(&mut upkeep, now_ms)?.map(Unit::Compacted))
    }

    /// Moves everything in memory into blocks, due or not. What is appended meanwhile stays in memory.
    ///
    /// # Errors
    /// As for [`step`](Self::step).
    pub fn flush(&self) -> Result<usize, StoreError> {
        let mut upkeep = self.maintenance.lock();
        self.forget_log(&mut upkeep)?;
        self.flush_all(&mut upkeep)
    }

    /// Removes the log's generations that are in blocks.
    pub(super) fn forget_log(&self, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        if let Some(last) = upkeep.removable {
            wal::remove_through(&*self.fs, &self.wal_dir, last)?;
            upkeep.removable = None;
        }
        Ok(())
    }

    /// Deletes the blocks that had their time.
    fn expire(&self, upkeep: &mut Upkeep) -> Result<usize, StoreError> {
        let Some(newest_ms) = self.newest_ms() else {
            return Ok(0);
        };
        let view = self.present.view();
        let metas: Vec<_> = view.blocks.iter().map(|b| b.meta().clone()).collect();
        let log_bytes: u64 = view.generations.iter().map(|g| g.position()).sum();
        let sound = metas.iter().filter(|m| !upkeep.corrupt.contains(&m.id));
        let pending = downsample::pending(&sound.cloned().collect::<Vec<_>>(), newest_ms, &self.options);
        let longest_ms = self.erased(&view).longest_retention_ms();
        let retention_ms = |m: &BlockMeta| match m.resolution_ms {
            0 => longest_ms.filter(|_| !pending.contains(&m.id)),
            resolution_ms => self.options.retention_at(resolution_ms),
        };
        let bound = self.options.retention_bytes;
        let expired = retention::plan(&metas, newest_ms, log_bytes, retention_ms, bound);
        if expired.is_empty() {
            return Ok(0);
        }
        upkeep.blocks_went = true;
        let gone = || view.blocks.iter().filter(|b| expired.contains(&b.meta().id));
        let from_ms = gone().map(|b| b.meta().min_ms).min().unwrap_or(i64::MIN);
        self.present
            .change_from(view.reach_of(from_ms), |view| view.with_blocks(&expired, &[]));
        self.delete_all(gone())?;
        Ok(expired.len())
    }

    /// Deletes the folders of blocks that are in use no more. One that cannot be deleted keeps none of the others, for
    /// nobody asks after them again before the next start.
    ///
    /// # Errors
    /// The first there was.
    pub(super) fn delete_all<'a>(
        &self,
        blocks: impl IntoIterator<Item = &'a Arc<Block>>,
    ) -> Result<(), StoreError> {
        let deleted = blocks.into_iter().map(|block| self.delete(block.dir()));
        deleted.fold(Ok(()), Result::and)
    }

    /// Deletes a block's folder so that a crash leaves it whole or recognisably gone. Readers that have it open
    /// read on.
    pub(super) fn delete(&self, dir: &Path) -> Result<(), StoreError> {
        let mut name = dir.as_os_str().to_owned();
        name.push(GONE_SUFFIX);
        let gone = Path::new(&name);
        self.fs.rename(dir, gone).map_err(|e| io("rename", dir, e))?;
        self.fs
            .sync_dir(&self.blocks_dir)
            .map_err(|e| io("sync", &self.blocks_dir, e))?;
        self.fs.remove_dir_all(gone).map_err(|e| io("remove", gone, e))
    }
}
