//! Flushing: a generation of samples is frozen, written as blocks, and let go together with its log.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::StoreError;

use super::maintain::Upkeep;
use super::{Generation, Tsdb};
use crate::block::{Block, BlockMeta, Writer};
use crate::codec::Effort;
use crate::head::{GcRules, Memtable};

/// Where the samples span more windows than this, those that have any are sought first.
const MANY_WINDOWS: i64 = 32;

/// Series without samples for this part of a block's length are forgotten …
const IDLE_PART: i64 = 4;
/// … but not before this, in milliseconds: most is scraped more often.
const MIN_IDLE_MS: i64 = 10 * 60 * 1000;

/// A quiet log is flushed when it has this many bytes; what little else there is waits for its age.
const QUIET_LOG_BYTES: u64 = 1 << 20;

impl Tsdb {
    /// Flushes one generation if one is due; gives the number of blocks it became.
    pub(super) fn flush_due(&self, upkeep: &mut Upkeep, now_ms: i64) -> Result<Option<usize>, StoreError> {
        // Blocks are written in the order of age, so what is to be replayed comes before everything else.
        if !self.recovery.is_done() {
            return Ok(None);
        }
        let active = Arc::clone(&*self.active.read());
        if self.frozen().is_none() && self.is_due(&active, upkeep, now_ms) {
            self.freeze(upkeep)?;
        }
        match self.frozen() {
            Some(generation) => self.flush_generation(upkeep, &generation).map(Some),
            None => Ok(None),
        }
    }

    /// Flushes everything that is in memory now.
    pub(super) fn flush_all(&self, upkeep: &mut Upkeep) -> Result<usize, StoreError> {
        self.recovery.wait()?;
        self.freeze(upkeep)?;
        let mut blocks = 0;
        while let Some(generation) = self.frozen() {
            blocks += self.flush_generation(upkeep, &generation)?;
        }
        Ok(blocks)
    }

    fn is_due(&self, active: &Generation, upkeep: &Upkeep, now_ms: i64) -> bool {
        if self.poisoned().is_some() {
            return false;
        }
        // Memory may be ahead of a log that could not be written: only the next generation takes samples again.
        if active.check().is_err() {
            return true;
        }
        if active.memtable.samples() == 0 {
            return false;
        }
        let log_bytes = active.position();
        let quiet = upkeep.pace.is_quiet(now_ms) && log_bytes >= QUIET_LOG_BYTES;
        log_bytes >= self.options.wal_bytes
            || active.memtable.bytes() >= self.options.memtable_bytes()
            || now_ms.saturating_sub(active.born_ms) >= self.options.flush_age_ms
            || quiet
    }

    /// The oldest generation that takes no samples any more.
    fn frozen(&self) -> Option<Arc<Generation>> {
        let view = self.present.view();
        let (_, frozen) = view.generations.split_last()?;
        frozen.first().cloned()
    }

    /// Lets a new generation take samples.
    fn freeze(&self, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        self.check_poison()?;
        let number = upkeep.next_generation;
        upkeep.next_generation += 1;
        let next = Arc::new(Generation::begin(
            number,
            &self.table,
            &self.fs,
            &self.wal_dir,
            &self.options,
            self.clock.now_ms(),
        ));
        next.check()?;
        upkeep.held.push(Arc::downgrade(&next));
        let old = {
            let mut active = self.active.write();
            let old = std::mem::replace(&mut *active, Arc::clone(&next));
            self.frozen_log_bytes.fetch_add(old.position(), Ordering::Relaxed);
            self.frozen_bytes
                .fetch_add(old.memtable.bytes(), Ordering::Relaxed);
            // Before anybody can append to it, or a snapshot could miss a batch that is visible.
            self.present.change(|view| view.with_generation(next));
            old
        };
        old.memtable.freeze();
        Ok(())
    }

    /// Writes a frozen generation as blocks, shows them in its place, and removes its log.
    fn flush_generation(
        &self,
        upkeep: &mut Upkeep,
        generation: &Arc<Generation>,
    ) -> Result<usize, StoreError> {
        let began_ns = self.clock.now_ns();
        let blocks = self.write_blocks(upkeep, generation)?;
        self.present.change(|view| {
            view.with_blocks(&[], &blocks)
                .without_generation(generation.number)
        });
        self.count_frozen();
        let bytes = blocks.iter().map(|b| b.meta().bytes).sum();
        self.counters.flushes.note(bytes, self.clock.now_ns() - began_ns);
        upkeep.removable = Some(generation.number);
        self.forget_log(upkeep)?;
        if !generation.is_recovered() {
            self.collect_series(upkeep, generation);
        }
        Ok(blocks.len())
    }

    /// Sets the bytes that wait to be flushed to what they are.
    fn count_frozen(&self) {
        let view = self.present.view();
        let frozen = view
            .generations
            .split_last()
            .map_or(&[][..], |(_, frozen)| frozen);
        let ours = || frozen.iter().filter(|g| !g.is_recovered());
        let log_bytes = ours().map(|g| g.position()).sum();
        let bytes = ours().map(|g| g.memtable.bytes()).sum();
        self.frozen_log_bytes.store(log_bytes, Ordering::Relaxed);
        self.frozen_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Forgets series that have had no samples for long.
    fn collect_series(&self, upkeep: &mut Upkeep, flushed: &Arc<Generation>) {
        upkeep.held.retain(|held| held.strong_count() > 0);
        let held = upkeep.held.iter().filter_map(|held| Some(held.upgrade()?.number));
        let rules = GcRules {
            now_ms: self.clock.now_ms(),
            idle_ms: (self.options.block_duration_ms / IDLE_PART).max(MIN_IDLE_MS),
            oldest_generation: held.min().unwrap_or(0),
        };
        let view = self.present.view();
        let Some((active, frozen)) = view.generations.split_last() else {
            return;
        };
        let frozen = frozen.iter().filter(|g| !g.is_recovered()).chain([flushed]);
        let frozen: Vec<&Memtable> = frozen.map(|g| &g.memtable).collect();
        self.table.gc(&rules, &active.memtable, &frozen);
    }

    /// Writes and publishes the blocks of a generation, one for each window of time, or none at all.
    fn write_blocks(
        &self,
        upkeep: &mut Upkeep,
        generation: &Generation,
    ) -> Result<Vec<Arc<Block>>, StoreError> {
        let mut blocks: Vec<Arc<Block>> = Vec::new();
        let windows = self.windows(&generation.memtable)?;
        for (i, &start_ms) in windows.iter().enumerate() {
            // Only the last of several blocks says that all are there.
            let log_floor = match i + 1 == windows.len() {
                true => generation.number + 1,
                false => 0,
            };
            match self.write_window(upkeep, &generation.memtable, start_ms, log_floor) {
                Ok(block) => blocks.extend(block),
                Err(error) => {
                    // The next attempt writes them again; what cannot be deleted would only be there twice.
                    for block in &blocks {
                        let _ = self.delete(block.dir());
                    }
                    return Err(error);
                }
            }
        }
        Ok(blocks)
    }

    /// The starts of the windows in which a memtable may have samples; in the last one it has.
    fn windows(&self, memtable: &Memtable) -> Result<Vec<i64>, StoreError> {
        let (Some(oldest_ms), Some(newest_ms)) = (memtable.oldest_ms(), memtable.newest_ms()) else {
            return Ok(Vec::new());
        };
        let width_ms = self.options.block_duration_ms;
        let start_ms = |ms| self.options.block_start_ms(ms);
        let (first, last) = (start_ms(oldest_ms), start_ms(newest_ms));
        let count = last.saturating_sub(first) / width_ms;
        if count < MANY_WINDOWS {
            return Ok((0..=count).map(|i| first + i * width_ms).collect());
        }
        let mut found = std::collections::BTreeSet::new();
        memtable.for_each(u64::MAX, i64::MIN, i64::MAX, &mut |_, samples| {
            found.extend(samples.timestamps.iter().map(|&ms| start_ms(ms)));
            found.extend(samples.histograms.iter().map(|(ms, _)| start_ms(*ms)));
            Ok(())
        })?;
        Ok(found.into_iter().collect())
    }

    /// Writes, publishes and opens the block of one window, if there is anything in it.
    fn write_window(
        &self,
        upkeep: &mut Upkeep,
        memtable: &Memtable,
        start_ms: i64,
        log_floor: u64,
    ) -> Result<Option<Arc<Block>>, StoreError> {
        let last_ms = start_ms.saturating_add(self.options.block_duration_ms - 1);
        let mut meta = BlockMeta {
            id: upkeep.take_id(),
            min_ms: i64::MAX,
            max_ms: i64::MIN,
            level: 1,
            log_floor,
            ..BlockMeta::default()
        };
        let mut writer: Option<Writer<'_>> = None;
        let written = memtable.for_each(u64::MAX, start_ms, last_ms, &mut |labels, samples| {
            let writer = match &mut writer {
                Some(writer) => writer,
                None => writer.insert(Writer::create(
                    &*self.fs,
                    &self.blocks_dir,
                    meta.id,
                    Effort::Fast,
                )?),
            };
            let histogram = |at: Option<&(i64, _)>| at.map(|(ms, _)| *ms);
            let firsts = [
                samples.timestamps.first().copied(),
                histogram(samples.histograms.first()),
            ];
            let lasts = [
                samples.timestamps.last().copied(),
                histogram(samples.histograms.last()),
            ];
            for ms in firsts.into_iter().chain(lasts).flatten() {
                meta.min_ms = meta.min_ms.min(ms);
                meta.max_ms = meta.max_ms.max(ms.saturating_add(1));
            }
            writer.add(labels, samples)
        });
        let Some(writer) = writer else {
            return written.map(|()| None);
        };
        if let Err(error) = written {
            writer.abandon();
            return Err(error);
        }
        let path = writer.finish(meta)?;
        self.open_block(&path).map(Some)
    }

    /// Opens a block that was just published; one that cannot be opened must not stay.
    pub(super) fn open_block(&self, path: &Path) -> Result<Arc<Block>, StoreError> {
        let opened = Block::open(&*self.fs, path, &self.cache);
        if opened.is_err() {
            let _ = self.delete(path);
        }
        opened.map(Arc::new)
    }
}
