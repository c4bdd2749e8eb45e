//! Looking at a store from outside: what is published, while a server runs on it or not. Nothing is ever written.
//!
//! Blocks are immutable and appear whole, so they can be read beside the server that makes them; one that it removes
//! meanwhile stays readable as long as it is open. What is only in the log is the server's own: here it is counted and
//! checked, not read.

mod analysis;
mod log;
mod read_only;
mod series;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use durable::Fs;
use model::{Matcher, StoreError};

pub use analysis::{Analysis, LabelUse, MetricUse};
pub use log::{LogCheck, verify_log};
pub use series::Merged;

use crate::block::{Block, BlockCache, TMP_SUFFIX};
use crate::compact::age;
use crate::error::io;
use crate::tombstone::{self, Erased};
use read_only::ReadOnly;

/// What reading may cache.
const CACHE_BYTES: usize = 16 << 20;

/// The blocks of a store at one moment.
pub struct Inspection {
    /// Blocks in use, the oldest first: of two samples at one time the first block's counts.
    pub blocks: Vec<Arc<Block>>,
    /// What does not check out at first sight, a sentence each.
    pub damage: Vec<String>,
    /// What is in the log, and perhaps in no block yet.
    pub log_bytes: u64,
    erased: Erased,
}

impl Inspection {
    /// Opens the blocks of the series store in `dir`.
    ///
    /// # Errors
    /// There is no store in the folder, or the disk refuses. Damage is no error.
    pub fn open(fs: &dyn Fs, dir: &Path) -> Result<Inspection, StoreError> {
        let fs = &ReadOnly(fs);
        let blocks_dir = dir.join("blocks");
        let entries = fs.list(&blocks_dir).map_err(|e| io("list", &blocks_dir, e))?;
        let cache = Arc::new(BlockCache::new(CACHE_BYTES));
        let (mut blocks, mut damage) = (Vec::new(), Vec::new());
        let finished = |name: &str| !name.ends_with(TMP_SUFFIX) && !name.ends_with(".gone");
        for entry in entries.iter().filter(|e| e.is_dir && finished(&e.name)) {
            let path = blocks_dir.join(&entry.name);
            match Block::open(fs, &path, &cache) {
                Ok(block) => blocks.push(Arc::new(block)),
                // A server that runs may have removed it after the folder was listed.
                Err(_) if !fs.exists(&path) => {}
                Err(error) => damage.push(format!("block {}: {error}", entry.name)),
            }
        }
        let replaced: BTreeSet<u64> = blocks
            .iter()
            .flat_map(|b| b.meta().sources.iter().copied())
            .collect();
        blocks.retain(|b| !replaced.contains(&b.meta().id));
        blocks.sort_by_key(|b| (age(b.meta()), b.meta().id));
        let erased = Erased {
            tombstones: tombstone::load(fs, dir)?.into(),
            ..Erased::default()
        };
        Ok(Inspection {
            blocks,
            damage,
            log_bytes: log::bytes(fs, dir)?,
            erased,
        })
    }

    /// The series, as they are where nothing is downsampled, that satisfy all matchers of one of `sets` (of none: all series), with their samples between two
    /// times (inclusive), in label order.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn series(
        &self,
        sets: &[Vec<Matcher>],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Merged<'_>, StoreError> {
        Merged::new(&self.single_samples(), &self.erased, sets, start_ms, end_ms)
    }

    /// What takes the space.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn analyze(&self) -> Result<Analysis, StoreError> {
        Analysis::of(&self.single_samples())
    }

    /// The blocks that are not downsampled from others.
    fn single_samples(&self) -> Vec<Arc<Block>> {
        let blocks = self.blocks.iter().filter(|b| b.meta().resolution_ms == 0);
        blocks.cloned().collect()
    }
}

#[cfg(test)]
mod tests;
