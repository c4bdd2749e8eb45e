//! Samples of any age on their way in: they become blocks without passing through head and log.
//!
//! The head takes nothing that is older than the out-of-order window, and a log would write everything twice. An
//! [`Importer`] takes samples in any order, keeps them by aligned window of time, and when it has gathered as much as
//! memory allows it writes the largest window's samples down as a *run*, which is a block in a folder beside the
//! store's. In the end each window's runs are merged into one block, and only when all are there do they move in. An
//! import that fails or is killed leaves the store as it was.
//!
//! [`prometheus`] reads what a Prometheus left on disk.

mod options;
pub mod prometheus;
mod window;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::Fs;
use model::metrics::Samples;
use model::{Labels, StoreError};

pub use options::ImportOptions;

use crate::block::{Block, BlockCache, BlockMeta};
use crate::codec::Effort;
use crate::compact::merge_blocks;
use crate::error::io;
use crate::tombstone;
use window::{Window, part};

/// The folder of the store's blocks.
const BLOCKS: &str = "blocks";

/// The folder beside it that an import works in.
const STAGING: &str = "import.tmp";

/// More windows than this are not sensible data: at 18 hours each, forty years.
const MAX_WINDOWS: u64 = 20_000;

/// So many runs are merged at once.
const MAX_SOURCES: usize = 32;

/// What reading runs may cache: they are read from one end to the other.
const CACHE_BYTES: usize = 4 << 20;

/// What an import brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The new blocks, by time.
    pub blocks: Vec<BlockMeta>,
    /// Samples handed over, repetitions included.
    pub taken: u64,
}

/// Takes samples and makes blocks of them. See the module.
pub struct Importer<'a> {
    fs: &'a dyn Fs,
    blocks_dir: PathBuf,
    staging: PathBuf,
    options: ImportOptions,
    windows: BTreeMap<i64, Window>,
    bytes: usize,
    taken: u64,
    next_run: u64,
    cache: Arc<BlockCache>,
}

impl<'a> Importer<'a> {
    /// An import into the series store in `dir`, which need not exist. The caller holds the lock of the data folder, or
    /// is the process that does; what an import before left unfinished is removed.
    ///
    /// # Errors
    /// The disk refused.
    pub fn new(fs: &'a dyn Fs, dir: &Path, options: ImportOptions) -> Result<Importer<'a>, StoreError> {
        let (blocks_dir, staging) = (dir.join(BLOCKS), dir.join(STAGING));
        remove(fs, &staging)?;
        for dir in [&blocks_dir, &staging] {
            fs.create_dir_all(dir).map_err(|e| io("create", dir, e))?;
        }
        Ok(Importer {
            fs,
            blocks_dir,
            staging,
            options: options.sane(),
            windows: BTreeMap::new(),
            bytes: 0,
            taken: 0,
            next_run: 1,
            cache: Arc::new(BlockCache::new(CACHE_BYTES)),
        })
    }

    /// Takes samples of a series, in any order of series and time. Of several at one time the first taken counts.
    ///
    /// # Errors
    /// The disk failed, or the samples lie in more windows than an import may have.
    pub fn add(&mut self, labels: &Labels, samples: &Samples) -> Result<(), StoreError> {
        self.taken += samples.len() as u64;
        let mut rest = (0, 0);
        while let Some((start_ms, upto)) = part(samples, rest, self.options.window_ms) {
            let windows = self.windows.len() as u64;
            if windows >= MAX_WINDOWS && !self.windows.contains_key(&start_ms) {
                return Err(StoreError::Limit {
                    what: "windows of an import",
                    limit: MAX_WINDOWS,
                });
            }
            let window = self.windows.entry(start_ms).or_default();
            self.bytes += window.take(labels, samples, rest, upto);
            rest = upto;
        }
        if self.bytes > self.options.memory_bytes {
            self.spill()?;
        }
        Ok(())
    }

    /// Writes the largest windows down until half of the memory is free again.
    fn spill(&mut self) -> Result<(), StoreError> {
        let mut by_size: Vec<(usize, i64)> =
            self.windows.iter().map(|(start, w)| (w.bytes, *start)).collect();
        by_size.sort_unstable();
        while let Some((bytes, start_ms)) = by_size.pop() {
            if self.bytes <= self.options.memory_bytes / 2 {
                break;
            }
            let Some(window) = self.windows.get_mut(&start_ms) else {
                continue;
            };
            self.next_run += 1;
            let path = window.write(self.fs, &self.staging, self.next_run, Effort::Fast)?;
            window.runs.extend(path);
            self.bytes -= bytes;
        }
        Ok(())
    }

    /// Writes the blocks and moves them into the store, whose process does not run: ids go on behind those that are
    /// there.
    ///
    /// # Errors
    /// The disk failed. Nothing has moved in, unless it failed while moving; importing the same again does no harm then.
    pub fn finish(self) -> Result<ImportReport, StoreError> {
        let mut id = highest_id(self.fs, &self.blocks_dir)?;
        // A deletion counts for all blocks below the id that came next when it was made.
        if let Some(dir) = self.blocks_dir.parent() {
            let below = tombstone::load(self.fs, dir)?.iter().map(|t| t.below).max();
            id = id.max(below.unwrap_or(0));
        }
        self.finish_with(&mut || {
            id += 1;
            id
        })
    }

    /// The same with ids given by `next_id`, for the process that runs the store. It opens the new blocks itself.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub fn finish_with(mut self, next_id: &mut dyn FnMut() -> u64) -> Result<ImportReport, StoreError> {
        let mut done = Vec::new();
        for (_, window) in std::mem::take(&mut self.windows) {
            if let Some(path) = self.block_of(window, next_id())? {
                done.push(path);
            }
        }
        let mut report = ImportReport {
            blocks: Vec::new(),
            taken: self.taken,
        };
        for path in done {
            report
                .blocks
                .push(Block::open(self.fs, &path, &self.cache)?.meta().clone());
            let Some(name) = path.file_name() else {
                continue;
            };
            let place = self.blocks_dir.join(name);
            self.fs
                .rename(&path, &place)
                .map_err(|e| io("rename", &place, e))?;
        }
        self.fs
            .sync_dir(&self.blocks_dir)
            .map_err(|e| io("sync", &self.blocks_dir, e))?;
        Ok(report)
    }

    /// Makes one block of a window, still in the folder of the import.
    fn block_of(&mut self, mut window: Window, id: u64) -> Result<Option<PathBuf>, StoreError> {
        let ready = self.staging.join("ready");
        self.fs
            .create_dir_all(&ready)
            .map_err(|e| io("create", &ready, e))?;
        if window.runs.is_empty() {
            return window.write(self.fs, &ready, id, Effort::Best);
        }
        self.next_run += 1;
        let last = window.write(self.fs, &self.staging, self.next_run, Effort::Fast)?;
        window.runs.extend(last);
        // Neighbours only, so that the first taken stays the first.
        while window.runs.len() > MAX_SOURCES {
            let mut merged = Vec::new();
            for runs in window.runs.chunks(MAX_SOURCES) {
                self.next_run += 1;
                merged.push(self.merge(runs, &self.staging, self.next_run)?);
                for run in runs {
                    remove(self.fs, run)?;
                }
            }
            window.runs = merged;
        }
        let path = self.merge(&window.runs, &ready, id)?;
        for run in &window.runs {
            remove(self.fs, run)?;
        }
        Ok(Some(path))
    }

    fn merge(&self, runs: &[PathBuf], dir: &Path, id: u64) -> Result<PathBuf, StoreError> {
        let open = |run: &PathBuf| Block::open(self.fs, run, &self.cache).map(Arc::new);
        let sources = runs.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let meta = BlockMeta {
            id,
            min_ms: sources.iter().map(|s| s.meta().min_ms).min().unwrap_or(0),
            max_ms: sources.iter().map(|s| s.meta().max_ms).max().unwrap_or(0),
            level: 1,
            ..BlockMeta::default()
        };
        merge_blocks(self.fs, dir, id, &sources, meta)
    }
}

impl Drop for Importer<'_> {
    fn drop(&mut self) {
        // What cannot be removed now is by the next import.
        let _ = remove(self.fs, &self.staging);
    }
}

/// The highest id that a block in `dir` has, by the names of folders, whether whole or not.
fn highest_id(fs: &dyn Fs, dir: &Path) -> Result<u64, StoreError> {
    let entries = fs.list(dir).map_err(|e| io("list", dir, e))?;
    let id = |name: &str| {
        let digits = name
            .find(|c: char| !c.is_ascii_digit())
            .map_or(name, |end| name.get(..end).unwrap_or(""));
        digits.parse::<u64>().ok()
    };
    Ok(entries.iter().filter_map(|e| id(&e.name)).max().unwrap_or(0))
}

fn remove(fs: &dyn Fs, dir: &Path) -> Result<(), StoreError> {
    match fs.exists(dir) {
        true => fs.remove_dir_all(dir).map_err(|e| io("remove", dir, e)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
