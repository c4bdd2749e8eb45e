//! The engine as a whole: what its owner holds.
//!
//! Locks, in the order in which they may be taken: `maintenance` (one upkeep at a time), `writer` (one batch at a
//! time, with the log), the head's index, one series' data, `present` (what readers see). A reader takes `present`
//! for a moment, then the index and single series; it never waits for the log or the disk of a writer.

mod inspect;
mod maintain;
mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use durable::Fs;
use model::metrics::{AppendReport, Metadata, MetricRow, MetricSink, MetricSnapshot, MetricStore};
use model::{Clock, Labels, StoreError};
use parking_lot::Mutex;

pub use maintain::MaintainReport;
pub use open::OpenReport;

use crate::Options;
use crate::head::Head;
use crate::ingest::{Context, Plan};
use crate::snapshot::Snapshot;
use crate::stats::Counters;
use crate::view::{Floor, Lease, Present};
use crate::wal::Wal;

/// Metric families whose metadata is remembered; further ones are not.
const MAX_METADATA: usize = 100_000;

/// Bytes of help and unit text remembered of one family.
const MAX_METADATA_BYTES: usize = 4096;

/// A database of series in one folder. Share it behind an `Arc`; every method takes `&self`.
pub struct Tsdb {
    fs: Arc<dyn Fs>,
    blocks_dir: PathBuf,
    options: Options,
    clock: Arc<dyn Clock>,
    head: Arc<Head>,
    present: Arc<Mutex<Present>>,
    writer: Mutex<Writer>,
    maintenance: Mutex<Upkeep>,
    metadata: Mutex<BTreeMap<String, Metadata>>,
    counters: Counters,
}

/// What a batch needs for itself.
struct Writer {
    wal: Wal,
    /// How often a batch was begun: numbers attempts, not batches.
    attempts: u64,
    /// The head's newest time.
    newest_ms: Option<i64>,
    closed: bool,
}

/// What upkeep remembers.
struct Upkeep {
    next_block: u64,
    /// Up to where the head has been truncated.
    truncated: Floor,
    /// Blocks whose compaction met corrupt bytes: left as they are while the process lives.
    corrupt: BTreeSet<u64>,
}

impl Tsdb {
    /// Waits until everything acknowledged survives a loss of power.
    ///
    /// # Errors
    /// The disk failed: the log is poisoned and takes no more batches until the process starts again.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.writer.lock().wal.sync()
    }

    /// Syncs the log and refuses further batches. Reading goes on.
    ///
    /// # Errors
    /// The disk failed.
    pub fn close(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock();
        writer.closed = true;
        writer.wal.sync()
    }

    /// Why batches are refused until the process starts again, if they are.
    pub fn poisoned(&self) -> Option<Arc<str>> {
        self.writer.lock().wal.poisoned()
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.options
    }
}

impl Writer {
    fn check(&self) -> Result<(), StoreError> {
        if self.closed {
            return Err(StoreError::ReadOnly("the database is closed".into()));
        }
        self.wal.check()
    }
}

impl MetricSink for Tsdb {
    fn append(&self, rows: &mut [MetricRow]) -> Result<AppendReport, StoreError> {
        let mut writer = self.writer.lock();
        writer.check()?;
        writer.attempts += 1;
        let (batch, oldest_batch, floor) = {
            let present = self.present.lock();
            (present.committed() + 1, present.oldest_batch(), present.floor())
        };
        let plan = {
            let context = Context {
                index: &self.head.index.read(),
                options: &self.options,
                floor,
                now_ms: self.clock.now_ms(),
                newest_ms: writer.newest_ms,
                attempt: writer.attempts,
            };
            Plan::decide(&context, rows)?
        };
        if !plan.taken.is_empty() {
            let new: Vec<(u64, Labels)> = plan.new.iter().map(|s| (s.id.0, s.labels.clone())).collect();
            let segment = writer.wal.append(&new, batch, &plan.logged())?;
            if !plan.new.is_empty() {
                let mut index = self.head.index.write();
                for series in &plan.new {
                    series.data.lock().wal_segment = segment;
                    index.insert(Arc::clone(series));
                }
            }
            plan.apply(batch, oldest_batch);
            writer.newest_ms = plan.newest_ms;
            self.present.lock().commit(batch);
        }
        drop(writer);
        self.count(&plan);
        Ok(AppendReport {
            stored: plan.taken.len() + plan.repeated,
            rejected: plan.rejected,
        })
    }

    fn set_metadata(&self, family: &str, metadata: &Metadata) {
        if metadata.help.len() + metadata.unit.len() + family.len() > MAX_METADATA_BYTES {
            return;
        }
        let mut known = self.metadata.lock();
        let room = known.len() < MAX_METADATA;
        match known.get_mut(family) {
            Some(place) if place != metadata => *place = metadata.clone(),
            Some(_) => {}
            None if room => {
                known.insert(family.to_owned(), metadata.clone());
            }
            None => {}
        }
    }
}

impl Tsdb {
    fn count(&self, plan: &Plan) {
        let late = plan.taken.iter().filter(|t| t.late).count() as u64;
        self.counters
            .appended
            .fetch_add(plan.taken.len() as u64, Ordering::Relaxed);
        self.counters.late.fetch_add(late, Ordering::Relaxed);
        for (_, reason) in &plan.rejected {
            self.counters.reject(*reason);
        }
    }
}

impl MetricStore for Tsdb {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        let lease = Lease::take(&self.present);
        Ok(Arc::new(Snapshot::new(
            start_ms,
            end_ms,
            lease,
            Arc::clone(&self.head),
        )))
    }

    fn metadata(&self) -> Vec<(String, Metadata)> {
        self.metadata
            .lock()
            .iter()
            .map(|(family, metadata)| (family.clone(), metadata.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
