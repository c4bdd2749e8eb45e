//! Upkeep: cutting blocks off the head, shortening the log, compaction, retention.
//!
//! Each step leaves the database whole if the process dies within it: a new block is published before what it
//! replaces goes, and what both hold is shown once, for the same time in two places is one sample.

use std::path::Path;
use std::sync::Arc;

use model::StoreError;
use model::metrics::Samples;

use super::open::GONE_SUFFIX;
use super::{Tsdb, Upkeep};
use crate::block::{Block, Origin, Writer as BlockWriter};
use crate::compact::{merge_blocks, plan, write_samples};
use crate::error::{corrupt, io};
use crate::head::Series;
use crate::options::align;
use crate::retention;
use crate::view::{Floor, Lease, View};

/// Compactions in one round of upkeep: the rest waits for the next.
const MAX_COMPACTIONS: usize = 8;

/// A log segment is closed after this part of a block's time, so that it can go soon after the block is cut.
const SEGMENTS_PER_BLOCK: i64 = 4;

/// Series rewritten into the log while batches wait.
const REWRITE_GROUP: usize = 4096;

/// What one round of upkeep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaintainReport {
    /// Blocks cut off the head.
    pub cut: usize,
    /// Series that left memory, their samples being in blocks.
    pub collected_series: usize,
    /// Compactions done.
    pub compacted: usize,
    /// Blocks deleted because they had their time or for lack of room.
    pub expired: usize,
}

impl Tsdb {
    /// Does what is due: cuts complete ranges off the head, drops what nobody needs from memory and log, compacts,
    /// deletes. To be called every few seconds to a minute, on a thread that may block. Does nothing when nothing
    /// is due, and waits if another call is at it.
    ///
    /// # Errors
    /// The disk refused or bytes are corrupt. What was done before stays done, and the rest is tried again by the
    /// next call.
    pub fn maintain(&self) -> Result<MaintainReport, StoreError> {
        let mut upkeep = self.maintenance.lock();
        let mut report = MaintainReport::default();
        // On a full disk cutting fails, and only what retention removes lets it succeed the next time.
        let emptied = self.empty_head(&mut upkeep, &mut report);
        report.expired = self.expire()?;
        emptied?;
        for _ in 0..MAX_COMPACTIONS {
            if !self.compact(&mut upkeep)? {
                break;
            }
            report.compacted += 1;
        }
        Ok(report)
    }

    /// Moves what is old enough from the head into blocks, and forgets its part of the log.
    fn empty_head(&self, upkeep: &mut Upkeep, report: &mut MaintainReport) -> Result<(), StoreError> {
        let span_ms = (self.options.block_duration_ms / SEGMENTS_PER_BLOCK).max(1);
        self.writer.lock().wal.rotate_if_spanning(span_ms)?;
        report.cut = self.cut(upkeep)?;
        report.collected_series = self.truncate(upkeep);
        self.shorten_log()
    }

    /// Cuts everything before the last block boundary that lies half a block behind the newest sample. From there
    /// on batches take samples out of order only, so what is read here under a lease is complete.
    fn cut(&self, upkeep: &mut Upkeep) -> Result<usize, StoreError> {
        let (lease, newest_ms) = {
            let writer = self.writer.lock();
            (Lease::take(&self.present), writer.newest_ms)
        };
        let Some(newest_ms) = newest_ms else { return Ok(0) };
        let block_ms = self.options.block_duration_ms;
        let until_ms = align(newest_ms.saturating_sub(block_ms / 2), block_ms);
        if until_ms <= lease.view.floor.floor_ms {
            return Ok(0);
        }
        let new_floor = Floor {
            floor_ms: until_ms,
            batch: lease.view.batch,
        };
        let series = self.head.sorted();
        let starts = self.ranges(&series, lease.view, until_ms);
        if starts.is_empty() {
            self.present.lock().replace(&[], [], new_floor);
        }
        for (i, &start_ms) in starts.iter().enumerate() {
            // Only the last of several blocks says that all are there.
            let floor = if i + 1 == starts.len() {
                new_floor
            } else {
                lease.view.floor
            };
            let origin = Origin {
                id: upkeep.take_id(),
                min_ms: start_ms,
                max_ms: start_ms.saturating_add(block_ms),
                level: 1,
                sources: Vec::new(),
                floor,
            };
            let block = self.write_range(&series, lease.view, origin)?;
            self.present.lock().replace(&[], [block], floor);
        }
        Ok(starts.len())
    }

    /// The starts of the block ranges before `until_ms` in which a view of the head has samples.
    fn ranges(&self, series: &[Arc<Series>], view: View, until_ms: i64) -> Vec<i64> {
        let mut starts = Vec::new();
        let mut from_ms = i64::MIN;
        let first = |from_ms| {
            let firsts = series
                .iter()
                .filter_map(|s| s.data.lock().first_ms(view, from_ms, until_ms - 1));
            firsts.min()
        };
        while let Some(ms) = first(from_ms) {
            let start_ms = self.options.block_start_ms(ms);
            starts.push(start_ms);
            from_ms = start_ms.saturating_add(self.options.block_duration_ms);
            if from_ms >= until_ms {
                break;
            }
        }
        starts
    }

    /// Writes what a view of the head has in a block's range, publishes and opens it.
    fn write_range(
        &self,
        series: &[Arc<Series>],
        view: View,
        origin: Origin,
    ) -> Result<Arc<Block>, StoreError> {
        let mut writer = BlockWriter::create(&*self.fs, &self.blocks_dir, origin.id)?;
        let (start_ms, end_ms) = (origin.min_ms, origin.max_ms - 1);
        let mut samples = Samples::default();
        let mut write = || {
            for series in series {
                let sources = series.data.lock().sources(view, start_ms, end_ms);
                samples.clear();
                crate::merge::read(&sources, start_ms, end_ms, &mut samples)
                    .map_err(|e| corrupt(format!("chunk in memory of {}", series.labels), e.to_string()))?;
                write_samples(&mut writer, &series.labels, &samples)?;
            }
            Ok(())
        };
        if let Err(error) = write() {
            let _ = writer.abandon();
            return Err(error);
        }
        let path = writer.finish(origin)?;
        Block::open(&*self.fs, &path).map(Arc::new)
    }

    /// Drops from memory what blocks hold and no reader needs.
    fn truncate(&self, upkeep: &mut Upkeep) -> usize {
        let floor = self.present.lock().oldest_floor();
        if floor == upkeep.truncated {
            return 0;
        }
        let collected = self.head.truncate(floor, || self.writer.lock());
        upkeep.truncated = floor;
        collected
    }

    /// Drops the segments whose samples are all in blocks, after their series were written once more.
    fn shorten_log(&self) -> Result<(), StoreError> {
        let floor = self.present.lock().floor();
        let keep = {
            let writer = self.writer.lock();
            let keep = writer.wal.first_needed(floor);
            if !writer.wal.has_before(keep) {
                return Ok(());
            }
            keep
        };
        let is_old = |series: &&Arc<Series>| series.data.lock().wal_segment < keep;
        let old: Vec<Arc<Series>> = self.head.index.read().iter().filter(is_old).cloned().collect();
        for group in old.chunks(REWRITE_GROUP) {
            let mut writer = self.writer.lock();
            let records: Vec<_> = group.iter().map(|s| (s.id.0, s.labels.clone())).collect();
            let segment = writer.wal.rewrite_series(&records)?;
            for series in group {
                series.data.lock().wal_segment = segment;
            }
        }
        self.writer.lock().wal.drop_before(keep)
    }

    /// Does one compaction, if one is due. Blocks that turn out corrupt are told once and left out from then on, so
    /// that they do not stand in the way of the others.
    fn compact(&self, upkeep: &mut Upkeep) -> Result<bool, StoreError> {
        let blocks = self.present.lock().blocks();
        let sound = blocks
            .iter()
            .map(|b| b.meta())
            .filter(|m| !upkeep.corrupt.contains(&m.id));
        let metas: Vec<_> = sound.cloned().collect();
        let Some(plan) = plan(&metas, &self.options) else {
            return Ok(false);
        };
        let sources: Vec<Arc<Block>> = blocks
            .iter()
            .filter(|b| plan.sources.contains(&b.meta().id))
            .cloned()
            .collect();
        let merged = merge_blocks(&*self.fs, &self.blocks_dir, upkeep.take_id(), &sources);
        if matches!(merged, Err(StoreError::Corrupt { .. })) {
            upkeep.corrupt.extend(&plan.sources);
        }
        let path = merged?;
        let merged = Arc::new(Block::open(&*self.fs, &path)?);
        {
            let mut present = self.present.lock();
            let floor = present.floor();
            present.replace(&plan.sources, [merged], floor);
        }
        for source in &sources {
            self.delete(source.dir())?;
        }
        Ok(true)
    }

    /// Deletes the blocks that had their time.
    fn expire(&self) -> Result<usize, StoreError> {
        let (newest_ms, wal_bytes) = {
            let writer = self.writer.lock();
            (writer.newest_ms, writer.wal.disk_bytes()?)
        };
        let blocks = self.present.lock().blocks();
        let metas: Vec<_> = blocks.iter().map(|b| b.meta().clone()).collect();
        let newest_ms = metas.iter().map(|m| m.max_ms - 1).chain(newest_ms).max();
        let Some(newest_ms) = newest_ms else { return Ok(0) };
        let expired = retention::plan(&metas, newest_ms, wal_bytes, &self.options);
        if expired.is_empty() {
            return Ok(0);
        }
        {
            let mut present = self.present.lock();
            let floor = present.floor();
            present.replace(&expired, [], floor);
        }
        for block in blocks.iter().filter(|b| expired.contains(&b.meta().id)) {
            self.delete(block.dir())?;
        }
        Ok(expired.len())
    }

    /// Deletes a block's folder so that a crash leaves it whole or recognisably gone. Readers that have it open
    /// read on.
    fn delete(&self, dir: &Path) -> Result<(), StoreError> {
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

impl Upkeep {
    fn take_id(&mut self) -> u64 {
        let id = self.next_block;
        self.next_block += 1;
        id
    }
}
