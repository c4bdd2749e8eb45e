//! Flushing: a generation of samples is frozen, written as blocks, and let go together with its log.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::StoreError;

use super::maintain::Upkeep;
use super::{Generation, Tsdb};
use crate::Options;
use crate::block::{Block, BlockMeta, Writer};
use crate::codec::Effort;
use crate::compact::LEVEL_FACTOR;
use crate::head::{GcRules, Memtable};
use crate::options::align;

/// Where the samples span more windows than this, those that have any are sought first; where these are more as well,
/// older ones become longer blocks.
const MANY_WINDOWS: i64 = 32;

/// So many of the newest windows have blocks of their own in any case.
const NEWEST_WINDOWS: usize = 16;

/// Blocks are not longer than compaction makes them while there are no more than this of them.
const MOST_WINDOWS: usize = 128;

/// Series without samples for this part of a block's length are forgotten …
const IDLE_PART: i64 = 4;
/// … but not before this, in milliseconds: most is scraped more often.
const MIN_IDLE_MS: i64 = 10 * 60 * 1000;

/// A series may have so many bytes of samples in memory before they are flushed: about sixty samples, a quarter of an
/// hour at 15 s …
const MIN_BYTES_A_SERIES: u64 = 160;
/// … and so many in the log, its labels included.
const MIN_LOG_BYTES_A_SERIES: u64 = 256;

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

    /// Bytes of samples in memory at which they are flushed. Many series get more than the options say: a flush writes
    /// every series' labels, so one after a few samples each costs more than all the rest.
    pub(super) fn flush_bytes(&self) -> u64 {
        let series = self.table.len().saturating_mul(MIN_BYTES_A_SERIES);
        self.options.memtable_bytes().max(series)
    }

    /// Bytes of the log at which it is flushed, by the same rule.
    pub(super) fn flush_log_bytes(&self) -> u64 {
        let series = self.table.len().saturating_mul(MIN_LOG_BYTES_A_SERIES);
        self.options.wal_bytes.max(series)
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
        log_bytes >= self.flush_log_bytes()
            || active.memtable.bytes() >= self.flush_bytes()
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
        let next = Arc::new(Generation::begin(
            upkeep.next_generation,
            &self.table,
            &self.fs,
            &self.wal_dir,
            &self.options,
            self.clock.now_ms(),
        ));
        // One that could not begin has taken nothing: its number, and what there is of its file, are the next one's.
        next.check()?;
        upkeep.next_generation += 1;
        // Rows of its first batch are not for readers that see less, however many it brings.
        next.memtable.set_sealable(self.present.settled());
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
        self.present.exchange(&blocks, |view| {
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
        for (i, &window) in windows.iter().enumerate() {
            // Only the last of several blocks says that all are there.
            let log_floor = match i + 1 == windows.len() {
                true => generation.number + 1,
                false => 0,
            };
            match self.write_window(upkeep, &generation.memtable, window, log_floor) {
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

    /// First and last millisecond of the windows in which a memtable may have samples; in the last one it has.
    fn windows(&self, memtable: &Memtable) -> Result<Vec<(i64, i64)>, StoreError> {
        let (Some(oldest_ms), Some(newest_ms)) = (memtable.oldest_ms(), memtable.newest_ms()) else {
            return Ok(Vec::new());
        };
        let width_ms = self.options.block_duration_ms;
        let start_ms = |ms| self.options.block_start_ms(ms);
        let (first, last) = (start_ms(oldest_ms), start_ms(newest_ms));
        let count = last.saturating_sub(first) / width_ms;
        if count < MANY_WINDOWS {
            let starts = (0..=count).map(|i| first + i * width_ms);
            return Ok(starts.map(|start| window(start, width_ms)).collect());
        }
        let mut found = BTreeSet::new();
        memtable.for_each(u64::MAX, i64::MIN, i64::MAX, &mut |_, samples| {
            found.extend(samples.timestamps.iter().map(|&ms| start_ms(ms)));
            found.extend(samples.histograms.iter().map(|(ms, _)| start_ms(*ms)));
            Ok(())
        })?;
        Ok(bounded(&found, &self.options))
    }

    /// Writes, publishes and opens the block of one window, if there is anything in it.
    fn write_window(
        &self,
        upkeep: &mut Upkeep,
        memtable: &Memtable,
        (start_ms, last_ms): (i64, i64),
        log_floor: u64,
    ) -> Result<Option<Arc<Block>>, StoreError> {
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

fn window(start_ms: i64, width_ms: i64) -> (i64, i64) {
    (start_ms, start_ms.saturating_add(width_ms - 1))
}

/// The windows that have samples, by their starts, as first and last millisecond of blocks. Many of them become fewer
/// and longer ones, but for the newest: a block has two files open, and a sender that fills years of gaps must not use
/// up what there may be.
fn bounded(starts: &BTreeSet<i64>, options: &Options) -> Vec<(i64, i64)> {
    let mut width_ms = options.block_duration_ms;
    let old = starts
        .len()
        .saturating_sub(match starts.len() as i64 > MANY_WINDOWS {
            true => NEWEST_WINDOWS,
            false => starts.len(),
        });
    let newest = starts.iter().skip(old);
    let newest: Vec<(i64, i64)> = newest.map(|&start| window(start, width_ms)).collect();
    let end_ms = newest.first().map_or(i64::MAX, |(start, _)| *start);
    let mut older: Vec<i64> = starts.iter().take(old).copied().collect();
    let may_be = |width_ms| match width_ms < options.max_block_duration_ms() {
        true => MANY_WINDOWS as usize,
        false => MOST_WINDOWS,
    };
    while older.len() > may_be(width_ms) {
        width_ms = width_ms.saturating_mul(LEVEL_FACTOR);
        older
            .iter_mut()
            .for_each(|start| *start = align(*start, width_ms));
        older.dedup();
    }
    let older = older.into_iter().map(|start| window(start, width_ms));
    let older = older.map(|(start, last)| (start, last.min(end_ms.saturating_sub(1))));
    older.chain(newest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH_MS: i64 = crate::options::DEFAULT_BLOCK_DURATION_MS;

    fn windows(starts: &BTreeSet<i64>, retention_ms: Option<i64>) -> Vec<(i64, i64)> {
        let options = Options {
            retention_ms,
            ..Options::default()
        };
        let windows = bounded(starts, &options);
        assert!(windows.is_sorted_by(|a, b| a.1 < b.0), "{windows:?}");
        assert!(windows.iter().all(|(start, last)| start <= last), "{windows:?}");
        let covered = |ms: &i64| {
            windows
                .iter()
                .any(|(start, last)| start <= ms && ms + WIDTH_MS - 1 <= *last)
        };
        assert!(starts.iter().all(covered));
        assert!(
            windows
                .iter()
                .all(|(start, last)| starts.range(start..=last).next().is_some())
        );
        windows
    }

    #[test]
    fn few_windows_are_as_they_are_and_many_become_few() {
        let every = |count: i64, step: i64| (0..count).map(|i| i * step * WIDTH_MS).collect();
        assert_eq!(windows(&every(32, 1000), None).len(), 32);
        let quarter = windows(&every(180, 1), Some(180 * WIDTH_MS));
        assert!(quarter.len() <= 48, "{}", quarter.len());
        assert!(quarter.iter().all(|(start, last)| last - start < 18 * WIDTH_MS));
        assert!(
            quarter
                .iter()
                .rev()
                .take(16)
                .all(|(start, last)| last - start == WIDTH_MS - 1)
        );
        for (count, step) in [(5000, 1), (50_000, 1), (1000, 400), (100_000, 100_000)] {
            let many = windows(&every(count, step), None);
            assert!(many.len() <= 144, "{count} {step}: {}", many.len());
        }
        let ends: BTreeSet<i64> = (0..300)
            .flat_map(|i| [i64::MIN + i * WIDTH_MS, -i * WIDTH_MS])
            .collect();
        bounded(&ends, &Options::default());
    }
}
