//! Opening a database: blocks at once, the log later and beside everything else.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use durable::Fs;
use model::{Clock, StoreError};
use parking_lot::{Mutex, RwLock};

use super::maintain::Upkeep;
use super::recover::Recovery;
use super::{Generation, Tsdb, backup};
use crate::Options;
use crate::block::{Block, BlockCache, TMP_SUFFIX};
use crate::error::io;
use crate::head::{Limits, SeriesTable};
use crate::metadata::Families;
use crate::stats::Counters;
use crate::view::{Present, View};
use crate::{tombstone, wal};

/// The end of the name of a folder that is being deleted.
pub(super) const GONE_SUFFIX: &str = ".gone";

/// What opening a database found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Blocks in use.
    pub blocks: u64,
    /// Bytes of the log that [`Tsdb::recover`] is to replay.
    pub to_replay: u64,
    /// What does not check out and was left aside, a sentence each, for the operator.
    pub damage: Vec<String>,
}

impl Tsdb {
    /// Opens the database in `dir`, which is created if absent. One process a folder: the caller holds the lock.
    /// Samples are taken from now on; before anything can be asked the owner calls [`recover`](Self::recover).
    ///
    /// # Errors
    /// The disk refused. Damage is no error: it is left aside and told in the report.
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<(Tsdb, OpenReport), StoreError> {
        let options = options.sane();
        let (blocks_dir, wal_dir) = (dir.join("blocks"), dir.join("wal"));
        for dir in [&blocks_dir, &wal_dir] {
            fs.create_dir_all(dir).map_err(|e| io("create", dir, e))?;
        }
        let cache = Arc::new(BlockCache::new(options.cache_bytes()));
        let mut report = OpenReport::default();
        let (blocks, next_block) = open_blocks(&*fs, &blocks_dir, &cache, &mut report.damage)?;
        report.blocks = blocks.len() as u64;
        let floor = blocks.iter().map(|b| b.meta().log_floor).max().unwrap_or(0);
        let (generations, next_generation) = open_log(&*fs, &wal_dir, floor)?;
        report.damage.extend(wal::strangers(&*fs, &wal_dir)?);
        report.to_replay = generations.iter().map(durable::Generation::bytes).sum();

        let tombstones = tombstone::load(&*fs, dir)?;
        // A deletion counts for all blocks below the id that came next when it was made, also if these are gone.
        let below = tombstones.iter().map(|t| t.below).max();
        let next_block = next_block.max(below.unwrap_or(0));
        backup::remove_unfinished(&*fs, dir)?;

        let families = Families::open(Arc::clone(&fs), &dir.join("metadata"))?;
        let limits = Limits {
            max_series: options.max_series,
            max_series_per_metric: options.max_series_per_metric,
            max_bytes: options.max_series_bytes,
        };
        let table = Arc::new(SeriesTable::new(limits));
        let now_ms = clock.now_ms();
        let active = Generation::begin(next_generation, &table, &fs, &wal_dir, &options, now_ms);
        let active = Arc::new(active);
        let newest_ms = blocks.iter().map(|b| b.meta().max_ms - 1).max();
        let present = Arc::new(Present::default());
        present.change(|_| {
            View::default()
                .with_blocks(&[], &blocks)
                .with_tombstones(tombstones)
                .with_generation(Arc::clone(&active))
        });
        let rules = options.retention_rules.clone().into();
        let mut upkeep = Upkeep::new(next_block, &active);
        // What could not be removed must not be replayed once the blocks that hold it are gone.
        upkeep.removable = floor.checked_sub(1);
        let tsdb = Tsdb {
            fs,
            dir: dir.to_owned(),
            blocks_dir,
            wal_dir,
            options,
            clock,
            cache,
            table,
            maintenance: Mutex::new(upkeep),
            active: RwLock::new(active),
            present,
            recovery: Recovery::new(generations),
            newest_ms: AtomicI64::new(newest_ms.unwrap_or(i64::MIN)),
            frozen_log_bytes: AtomicU64::new(0),
            frozen_bytes: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            poison: Mutex::new(None),
            rules: RwLock::new(rules),
            deleted_ms: AtomicI64::new(i64::MIN),
            families,
            counters: Counters::default(),
        };
        Ok((tsdb, report))
    }
}

/// The generations to be replayed, and the number of the next one. What blocks hold already is removed; where that
/// fails it is left to the next start.
fn open_log(fs: &dyn Fs, dir: &Path, floor: u64) -> Result<(Vec<durable::Generation>, u64), StoreError> {
    let mut generations = wal::generations(fs, dir)?;
    let next = generations.last().map_or(1, |g| g.number + 1).max(floor).max(1);
    for generation in generations.iter().filter(|g| g.number < floor) {
        let _ = generation.remove(fs, dir);
    }
    generations.retain(|g| g.number >= floor);
    Ok((generations, next))
}

/// Opens all blocks, removes what earlier processes left unfinished, and gives the next free id.
fn open_blocks(
    fs: &dyn Fs,
    dir: &Path,
    cache: &Arc<BlockCache>,
    damage: &mut Vec<String>,
) -> Result<(Vec<Arc<Block>>, u64), StoreError> {
    let mut blocks = Vec::new();
    let mut highest = 0;
    let entries = fs.list(dir).map_err(|e| io("list", dir, e))?;
    for entry in entries.into_iter().filter(|e| e.is_dir) {
        let path = dir.join(&entry.name);
        if entry.name.ends_with(TMP_SUFFIX) || entry.name.ends_with(GONE_SUFFIX) {
            fs.remove_dir_all(&path).map_err(|e| io("remove", &path, e))?;
            continue;
        }
        // Also a damaged block's id must not be used again.
        let id = entry.name.split('_').next().and_then(|id| id.parse::<u64>().ok());
        highest = highest.max(id.unwrap_or(0));
        match Block::open(fs, &path, cache) {
            Ok(block) => blocks.push(Arc::new(block)),
            // Corrupt, or of a version that is not known here.
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Invalid(_))) => {
                damage.push(format!("block left aside: {error}"))
            }
            Err(StoreError::Io { context, source }) if source.kind() == std::io::ErrorKind::NotFound => {
                damage.push(format!("block left aside: {context}: {source}"));
            }
            Err(error) => return Err(error),
        }
    }
    let replaced: BTreeSet<u64> = blocks
        .iter()
        .flat_map(|b| b.meta().sources.iter().copied())
        .collect();
    highest = highest.max(replaced.last().copied().unwrap_or(0));
    let (left_over, blocks): (Vec<_>, Vec<_>) =
        blocks.into_iter().partition(|b| replaced.contains(&b.meta().id));
    for block in left_over {
        fs.remove_dir_all(block.dir())
            .map_err(|e| io("remove", block.dir(), e))?;
    }
    highest = highest.max(blocks.iter().map(|b| b.meta().id).max().unwrap_or(0));
    Ok((blocks, highest + 1))
}
