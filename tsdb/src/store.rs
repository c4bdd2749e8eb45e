//! The engine as a whole: what its owner holds.
//!
//! Locks, in the order in which they may be taken: `maintenance` (one unit of upkeep at a time), `active` (which
//! generation takes samples: appenders share it while they apply a batch, a freeze has it alone for an instant), a
//! page's lock, the log's queue, `present` (what readers see). Nobody holds one of the last four while waiting for the
//! disk, so appending waits for nothing but its own write, and a reader for neither.

mod append;
mod backup;
mod compaction;
mod downsampling;
mod erase;
mod flush;
mod generation;
mod inspect;
mod maintain;
mod open;
mod pace;
mod recover;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use durable::Fs;
use model::metrics::{Metadata, MetricSnapshot, MetricStore, Revision};
use model::{Clock, StoreError};
use parking_lot::{Mutex, RwLock};

pub(crate) use generation::Generation;
pub use maintain::{MaintainReport, Unit};
pub use open::OpenReport;
pub use recover::{RecoverReport, ReplayProgress};

use crate::Options;
use crate::block::BlockCache;
use crate::head::SeriesTable;
use crate::metadata::Families;
use crate::snapshot::Snapshot;
use crate::stats::Counters;
use crate::tombstone::RetentionRule;
use crate::view::{Lease, Present};
use maintain::Upkeep;
use recover::Recovery;

/// A database of series in one folder. Share it behind an `Arc`; every method takes `&self`.
///
/// Its owner calls [`recover`](Self::recover) once, on a thread of its own, [`sync`](Self::sync) as often as
/// [`Options::fsync`] says, and [`step`](Self::step) or [`maintain`](Self::maintain) about every second.
pub struct Tsdb {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    blocks_dir: PathBuf,
    wal_dir: PathBuf,
    options: Options,
    clock: Arc<dyn Clock>,
    cache: Arc<BlockCache>,
    /// The series that are alive.
    table: Arc<SeriesTable>,
    /// What takes samples. Also the last of the present view's generations.
    active: RwLock<Arc<Generation>>,
    present: Arc<Present>,
    maintenance: Mutex<Upkeep>,
    recovery: Recovery,
    /// The newest time of all samples, `i64::MIN` while there is none.
    newest_ms: AtomicI64,
    /// Log and memory of generations that are frozen and not flushed yet, in bytes.
    frozen_log_bytes: AtomicU64,
    frozen_bytes: AtomicU64,
    closed: AtomicBool,
    /// Why nothing is written any more: set once, by a failed sync.
    poison: Mutex<Option<Arc<str>>>,
    /// Retentions of some series, in force now.
    rules: RwLock<Arc<[RetentionRule]>>,
    /// When series were last deleted, by the clock; `i64::MIN` for never.
    deleted_ms: AtomicI64,
    families: Families,
    counters: Counters,
}

impl Tsdb {
    /// Waits until everything acknowledged survives a loss of power. Holds nobody up.
    ///
    /// # Errors
    /// The disk failed. What it holds is unknown from there on: no more batches are taken until the process starts
    /// again.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.check_poison()?;
        // Also what is being flushed: it is safe in a block only once that is published.
        for generation in self.present.view().generations.iter() {
            generation.sync().inspect_err(|_| self.note_poison(generation))?;
        }
        Ok(())
    }

    /// Refuses further batches and syncs the log. Reading goes on.
    ///
    /// # Errors
    /// The disk failed.
    pub fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Ordering::SeqCst);
        // Whoever was applying a batch is done once this lock is had.
        let active = Arc::clone(&*self.active.write());
        if active.check().is_ok() {
            active.commit(active.position(), self.options.fsync)?;
        }
        self.sync()?;
        self.families.save()
    }

    /// Why batches are refused until the process starts again, if they are.
    pub fn poisoned(&self) -> Option<Arc<str>> {
        self.poison.lock().clone()
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.options
    }

    fn note_poison(&self, generation: &Generation) {
        if let Some(why) = generation.poisoned() {
            self.poison.lock().get_or_insert(why);
        }
    }

    fn check_poison(&self) -> Result<(), StoreError> {
        self.poisoned()
            .map_or(Ok(()), |why| Err(StoreError::ReadOnly(why)))
    }

    fn newest_ms(&self) -> Option<i64> {
        Some(self.newest_ms.load(Ordering::Relaxed)).filter(|ms| *ms != i64::MIN)
    }

    fn note_newest(&self, newest_ms: Option<i64>) {
        if let Some(ms) = newest_ms {
            self.newest_ms.fetch_max(ms, Ordering::Relaxed);
        }
    }
}

impl MetricStore for Tsdb {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        self.recovery.wait()?;
        let lease = Lease::take(&self.present);
        let erased = self.erased(&lease.view);
        let exact = self.deleted_lately();
        Ok(Arc::new(Snapshot::new(start_ms, end_ms, lease, erased, exact)))
    }

    fn metadata(&self) -> Vec<(String, Metadata)> {
        self.families.all()
    }

    fn revision(&self) -> Revision {
        Revision(self.present.revision())
    }

    fn changed_since(&self, revision: Revision) -> Option<i64> {
        // With rules samples go out of sight one by one as time goes on.
        match self.rules.read().is_empty() {
            true => self.present.changed_since(revision.0),
            false => Some(i64::MIN),
        }
    }
}

#[cfg(test)]
mod tests;
