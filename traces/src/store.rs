//! The store itself: opening, the state that everyone shares, and the questions.
//!
//! Locks, always taken in this order: `maintenance` (one cut at a time), `log` (appending), `state` (held for
//! moments). Queries take only `state`, to make a snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use durable::{DurableError, Fs, Log, LogOptions};
use model::spans::{Dependency, Operation, SpanStore, Trace, TraceId, TraceQuery};
use model::{Clock, StoreError};
use parking_lot::{Mutex, RwLock};

use crate::block::Block;
use crate::error::from_durable;
use crate::head::{Catalogue, Head};
use crate::options::Options;
use crate::snapshot::{self, Snapshot};
use crate::stats::{OpenReport, Stats};
use crate::{dependencies, wal};

/// A store of spans in a folder of its own: `wal/` and `blocks/`.
pub struct Traces {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) blocks_dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) maintenance: Mutex<()>,
    pub(crate) log: Mutex<Log>,
    pub(crate) state: RwLock<State>,
    pub(crate) counters: Counters,
}

/// What queries see.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) head: Head,
    /// A head on its way to a block, with the log's segment that the block will cover up to.
    pub(crate) frozen: Option<(Arc<Head>, u64)>,
    /// Oldest first.
    pub(crate) blocks: Vec<Arc<Block>>,
    /// The number of the next block.
    pub(crate) next_id: u64,
    /// Why nothing is taken any more: a block could not be synced.
    pub(crate) poisoned: Option<Arc<str>>,
}

/// Counted since opening.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) spans: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl Traces {
    /// Opens the store in `dir` (created if absent) and replays what is in no block yet.
    ///
    /// # Errors
    /// The disk refused. Damage is no error: see [`OpenReport::damage`].
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<(Traces, OpenReport), StoreError> {
        let blocks_dir = dir.join("blocks");
        fs.create_dir_all(&blocks_dir)
            .map_err(|e| from_durable(DurableError::io("create", &blocks_dir, e)))?;
        let mut report = OpenReport::default();
        let (blocks, next_id) = open_blocks(&*fs, &blocks_dir, &mut report)?;
        report.blocks = blocks.len();
        let covered = blocks.iter().map(|b| b.index.log_segment).max().unwrap_or(0);
        let replayed = wal::open(
            Arc::clone(&fs),
            &dir.join("wal"),
            LogOptions::default(),
            covered,
            clock.now_ms(),
        )?;
        report.replayed = replayed.head.spans();
        report.damage.extend(replayed.damage);
        let state = State {
            head: replayed.head,
            blocks,
            next_id,
            ..State::default()
        };
        let store = Traces {
            fs,
            blocks_dir,
            options,
            clock,
            maintenance: Mutex::default(),
            log: Mutex::new(replayed.log),
            state: RwLock::new(state),
            counters: Counters::default(),
        };
        Ok((store, report))
    }

    /// Waits until everything appended survives a loss of power.
    ///
    /// # Errors
    /// The disk failed; the store takes no more.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.log.lock().sync().map_err(from_durable)
    }

    /// Ends orderly: what is in memory stays in the log, synced.
    ///
    /// # Errors
    /// The disk failed.
    pub fn close(&self) -> Result<(), StoreError> {
        self.sync()
    }

    /// Why the store takes no more spans, if it does not; reading goes on.
    pub fn poisoned(&self) -> Option<Arc<str>> {
        let own = self.state.read().poisoned.clone();
        own.or_else(|| self.log.lock().poisoned())
    }

    /// Counters and sizes.
    pub fn stats(&self) -> Stats {
        use std::sync::atomic::Ordering::Relaxed;
        // A folder that cannot be listed shows as an empty log; whoever writes to it learns why.
        let log_bytes = self.log.lock().disk_bytes().unwrap_or(0);
        let state = self.state.read();
        let frozen = state.frozen.as_ref();
        Stats {
            appended_spans: self.counters.spans.load(Relaxed),
            appended_batches: self.counters.batches.load(Relaxed),
            failed_batches: self.counters.failed.load(Relaxed),
            head_spans: state.head.spans() + frozen.map_or(0, |(head, _)| head.spans()),
            head_bytes: state.head_bytes(),
            blocks: state.blocks.len() as u64,
            block_spans: state.blocks.iter().map(|b| b.index.spans).sum(),
            block_bytes: state.blocks.iter().map(|b| b.bytes).sum(),
            log_bytes,
        }
    }

    fn snapshot(&self) -> Snapshot {
        let state = self.state.read();
        let batches = state
            .heads()
            .flat_map(|head| head.batches().iter().cloned())
            .collect();
        Snapshot {
            batches,
            blocks: state.blocks.clone(),
        }
    }
}

impl State {
    /// What is in no block: the frozen head first, as it is older.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &Head> {
        self.frozen.iter().map(|(head, _)| &**head).chain([&self.head])
    }

    /// Bytes in memory, about.
    pub(crate) fn head_bytes(&self) -> u64 {
        self.heads().map(Head::bytes).sum()
    }

    fn catalogues(&self) -> impl Iterator<Item = &Catalogue> {
        let blocks = self.blocks.iter().map(|block| &block.index.catalogue);
        self.heads().map(Head::catalogue).chain(blocks)
    }
}

impl SpanStore for Traces {
    fn services(&self) -> Result<Vec<String>, StoreError> {
        let state = self.state.read();
        let mut services: Vec<&String> = state.catalogues().flat_map(|c| c.keys()).collect();
        services.sort_unstable();
        services.dedup();
        Ok(services.into_iter().cloned().collect())
    }

    fn operations(&self, service: &str, kind: Option<&str>) -> Result<Vec<Operation>, StoreError> {
        Ok(snapshot::operations(
            self.state.read().catalogues(),
            service,
            kind,
        ))
    }

    fn find_traces(&self, query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
        self.snapshot().find(query, &self.options)
    }

    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StoreError> {
        Ok(self.snapshot().traces(&[id], &self.options)?.pop())
    }

    fn traces(&self, ids: &[TraceId]) -> Result<Vec<Trace>, StoreError> {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut traces = self.snapshot().traces(&sorted, &self.options)?;
        traces.sort_by_cached_key(|trace| ids.iter().position(|id| *id == trace.trace_id));
        Ok(traces)
    }

    fn dependencies(&self, start_ns: i64, end_ns: i64) -> Result<Vec<Dependency>, StoreError> {
        dependencies::count(&self.snapshot(), start_ns, end_ns)
    }
}

/// Opens all blocks in order; removes what a crash left half-written; a damaged block is reported and left alone.
fn open_blocks(
    fs: &dyn Fs,
    dir: &Path,
    report: &mut OpenReport,
) -> Result<(Vec<Arc<Block>>, u64), StoreError> {
    let entries = fs
        .list(dir)
        .map_err(|e| from_durable(DurableError::io("list", dir, e)))?;
    let mut blocks = Vec::new();
    let mut next_id = 1;
    for entry in entries {
        if entry.name.ends_with(".tmp") {
            let path = dir.join(&entry.name);
            fs.remove_file(&path)
                .map_err(|e| from_durable(DurableError::io("remove", &path, e)))?;
        }
        let Some(id) = Block::id_of(&entry.name) else {
            continue;
        };
        next_id = next_id.max(id.saturating_add(1));
        match Block::open(fs, dir, id) {
            Ok(block) => blocks.push(Arc::new(block)),
            Err(error @ StoreError::Corrupt { .. }) => {
                report.damage.push(format!("block not opened: {error}"))
            }
            Err(error) => return Err(error),
        }
    }
    blocks.sort_by_key(|block| block.id);
    Ok((blocks, next_id))
}
