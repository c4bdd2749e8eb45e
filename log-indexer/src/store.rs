//! The store as its owner holds it: opening, upkeep, closing. Appends are in `ingest`, answers in `snapshot`.
//!
//! Locks, in the order they are taken: `maintenance` (one cut at a time), `wal` (one append at a time), `state` (held
//! for moments only). A query takes references under `state` and runs without any lock.

mod open;
mod upkeep;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use durable::{DurableError, Fs, Log};
use model::logs::{LogCount, LogQuery, LogRecord, LogStore};
use model::{Clock, Labels, Matcher, StoreError};
use parking_lot::{Mutex, RwLock};

use crate::day::{Days, folder_name};
use crate::error;
use crate::head::Head;
use crate::manifest::Manifest;
use crate::options::Options;
use crate::query::Conditions;
use crate::snapshot::Snapshot;
use crate::stats::{Counters, Stats};

/// How many sentences on damage are kept for the operator; older ones go.
const MAX_DAMAGE: usize = 100;

/// What opening a store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Lines replayed from the write-ahead log.
    pub replayed: u64,
    /// What did not check out, a sentence each, for the operator to read.
    pub damage: Vec<String>,
}

/// A log store open for reading and writing; share it behind an `Arc`.
pub struct Logs {
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Counters,
    pub(crate) wal: Mutex<Wal>,
    pub(crate) state: RwLock<State>,
    pub(crate) poisoned_by: Mutex<Option<Arc<str>>>,
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    maintenance: Mutex<Maintenance>,
    damage: Mutex<VecDeque<String>>,
}

/// What an append owns.
pub(crate) struct Wal {
    pub(crate) log: Log,
    /// The number of the next line to arrive.
    pub(crate) next_seq: u64,
}

/// What a query takes references from.
pub(crate) struct State {
    pub(crate) head: Head,
    /// The head that is being cut.
    pub(crate) sealed: Option<Arc<Sealed>>,
    pub(crate) days: Days,
}

/// A head that takes no more lines.
pub(crate) struct Sealed {
    pub(crate) head: Head,
    /// Every line before this number is in it or in blocks.
    end_seq: u64,
    /// The log's segments before this one hold nothing else.
    segment: u64,
}

/// What the one who maintains the store owns.
struct Maintenance {
    /// As published.
    manifest: Manifest,
    /// Whether the sealed head is in the lines files already and only the index is behind.
    written: bool,
}

impl Logs {
    /// Waits until every line stored so far survives a loss of power. Without it lines survive a kill of the process.
    ///
    /// # Errors
    /// The disk failed: the store takes no more lines.
    pub fn sync(&self) -> Result<(), StoreError> {
        let mut wal = self.wal.lock();
        wal.log.sync().map_err(|e| self.wal_failed(&wal, e))
    }

    /// Syncs, as the last thing before the store is dropped. What is in the head is replayed at the next opening.
    ///
    /// # Errors
    /// As for [`Logs::sync`].
    pub fn close(&self) -> Result<(), StoreError> {
        self.sync()
    }

    /// Why the store takes no more lines, if it does not.
    pub fn poisoned(&self) -> Option<Arc<str>> {
        self.poisoned_by.lock().clone()
    }

    /// What did not check out since the store was opened, the latest sentences.
    pub fn damage(&self) -> Vec<String> {
        self.damage.lock().iter().cloned().collect()
    }

    /// The store's numbers at this moment.
    ///
    /// # Errors
    /// The disk refused to list the log.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let wal_bytes = self.wal.lock().log.disk_bytes().map_err(error::from_durable)?;
        let state = self.state.read();
        let heads = || std::iter::once(&state.head).chain(state.sealed.as_ref().map(|s| &s.head));
        let counters = &self.counters;
        Ok(Stats {
            head_lines: heads().map(Head::lines).sum(),
            head_bytes: heads().map(Head::bytes).sum(),
            head_streams: heads().map(|h| h.stream_count() as u64).max().unwrap_or_default(),
            days: state.days.len() as u64,
            blocks: state.days.values().map(|d| d.blocks).sum(),
            disk_bytes: state.days.values().map(|d| d.disk_bytes).sum(),
            wal_bytes,
            appended_lines_total: counters.appended_lines.get(),
            appended_bytes_total: counters.appended_bytes.get(),
            refused_batches_total: counters.refused_batches.get(),
            refused_lines_total: counters.refused_lines.get(),
            cuts_total: counters.cuts.get(),
            deleted_days_total: counters.deleted_days.get(),
            corrupt_blocks_total: counters.corrupt_blocks.get(),
        })
    }

    /// The log failed. If it cannot be trusted any more, the store takes no more lines.
    pub(crate) fn wal_failed(&self, wal: &Wal, error: DurableError) -> StoreError {
        if let Some(why) = wal.log.poisoned() {
            self.poisoned_by.lock().get_or_insert(why);
        }
        error::from_durable(error)
    }

    /// Writing blocks or the manifest failed. After a failed fsync nobody knows what the disk holds, so the store
    /// takes no more lines; anything else can be tried again.
    fn write_failed(&self, error: DurableError) -> StoreError {
        if matches!(&error, DurableError::Io { action: "sync", .. }) {
            self.poisoned_by
                .lock()
                .get_or_insert_with(|| error.to_string().into());
        }
        error::from_durable(error)
    }

    fn note_damage(&self, what: String) {
        tracing::warn!(damage = %what, "log store: bytes on disk do not check out and were skipped");
        let mut damage = self.damage.lock();
        if damage.len() == MAX_DAMAGE {
            damage.pop_front();
        }
        damage.push_back(what);
    }

    fn folder(&self, day: i64) -> PathBuf {
        self.dir.join("days").join(folder_name(day))
    }

    fn with_snapshot<T>(
        &self,
        query: &LogQuery,
        ask: impl FnOnce(&Snapshot<'_>, &Conditions<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let conditions = Conditions::new(query)?;
        let damaged = |what: String| {
            self.counters.corrupt_blocks.add(1);
            self.note_damage(what);
        };
        let mut head = Vec::new();
        let state = self.state.read();
        let (start, end) = (query.start_ns, query.end_ns);
        // The sealed head arrived first.
        if let Some(sealed) = &state.sealed {
            sealed
                .head
                .select(start, end, |s| conditions.wants_stream(s), &mut head);
        }
        state
            .head
            .select(start, end, |s| conditions.wants_stream(s), &mut head);
        let days = Arc::clone(&state.days);
        drop(state);
        let snapshot = Snapshot {
            head,
            days,
            damaged: &damaged,
        };
        ask(&snapshot, &conditions)
    }
}

impl LogStore for Logs {
    fn query(&self, query: &LogQuery) -> Result<Vec<LogRecord>, StoreError> {
        self.with_snapshot(query, |snapshot, conditions| snapshot.query(query, conditions))
    }

    fn count(&self, query: &LogQuery, step_ns: i64) -> Result<Vec<LogCount>, StoreError> {
        self.with_snapshot(query, |snapshot, conditions| {
            snapshot.count(query, conditions, step_ns)
        })
    }

    fn labels(&self, start_ns: i64, end_ns: i64) -> Result<Vec<String>, StoreError> {
        let series = self.series(&[], start_ns, end_ns)?;
        let names = series
            .iter()
            .flat_map(|labels| labels.iter().map(|(name, _)| name));
        Ok(sorted(names))
    }

    fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<String>, StoreError> {
        let series = self.series(matchers, start_ns, end_ns)?;
        Ok(sorted(series.iter().filter_map(|labels| labels.get(name))))
    }

    fn series(&self, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> Result<Vec<Labels>, StoreError> {
        let query = LogQuery {
            matchers: matchers.to_vec(),
            start_ns,
            end_ns,
            ..LogQuery::default()
        };
        self.with_snapshot(&query, |snapshot, conditions| snapshot.series(&query, conditions))
    }
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let unique: std::collections::BTreeSet<&str> = texts.collect();
    unique.into_iter().map(str::to_owned).collect()
}
