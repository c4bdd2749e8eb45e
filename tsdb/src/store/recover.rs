//! After a crash: the log's generations become a memtable again, beside the one that takes samples already.
//!
//! The replay runs on a thread of the owner. Batches are taken meanwhile; snapshots wait, for an answer without what
//! was acknowledged would be wrong. What was replayed has a table of series of its own, is flushed like any other
//! generation, and is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::StoreError;
use parking_lot::{Condvar, Mutex};

use super::{Generation, Tsdb};
use crate::head::{Limits, Memtable, SeriesTable};

/// A snapshot waits no longer for the replay.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoverReport {
    /// Records of the log replayed.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Samples in them.
    pub samples: u64,
    /// Series they are of.
    pub series: u64,
    /// What does not check out and was left out, a sentence each, for the operator.
    pub damage: Vec<String>,
}

/// How far a replay is, in segments of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayProgress {
    /// The segments there were at start.
    pub total: u64,
    /// Those that are replayed.
    pub done: u64,
}

/// The state of the replay.
pub(super) struct Recovery {
    state: Mutex<State>,
    changed: Condvar,
    total: u64,
    done: AtomicU64,
}

enum State {
    /// These generations are to be replayed.
    Waiting(Vec<durable::Generation>),
    /// The disk refused; the next call tries again.
    Failed(Vec<durable::Generation>, StoreError),
    Done,
}

impl Recovery {
    pub(super) fn new(generations: Vec<durable::Generation>) -> Recovery {
        let total = generations.iter().map(|g| g.segments.len() as u64).sum();
        let state = match generations.is_empty() {
            true => State::Done,
            false => State::Waiting(generations),
        };
        Recovery {
            state: Mutex::new(state),
            changed: Condvar::new(),
            total,
            done: AtomicU64::new(0),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(*self.state.lock(), State::Done)
    }

    /// Waits until everything is there.
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        loop {
            match &*state {
                State::Done => return Ok(()),
                State::Failed(_, error) => return Err(error.clone()),
                State::Waiting(_) => {}
            }
            if self.changed.wait_for(&mut state, MAX_WAIT).timed_out() {
                return Err(StoreError::ReadOnly("the log is still being replayed".into()));
            }
        }
    }

    fn generations(&self) -> Vec<durable::Generation> {
        match &*self.state.lock() {
            State::Waiting(generations) | State::Failed(generations, _) => generations.clone(),
            State::Done => Vec::new(),
        }
    }

    fn set(&self, state: State) {
        *self.state.lock() = state;
        self.changed.notify_all();
    }
}

impl Tsdb {
    /// Replays what the log held when the database was opened. To be called once, on a thread that may block;
    /// snapshots wait for it, batches do not. Does nothing when there is nothing to replay.
    ///
    /// # Errors
    /// The disk refused: snapshots fail until another call succeeds. Damage is no error: it is left out and told in
    /// the report.
    pub fn recover(&self) -> Result<RecoverReport, StoreError> {
        let generations = self.recovery.generations();
        let Some(last) = generations.last().map(|g| g.number) else {
            return Ok(RecoverReport::default());
        };
        let mut report = RecoverReport::default();
        match self.replay(&generations, &mut report) {
            Ok(memtable) => {
                self.note_newest(memtable.newest_ms());
                let oldest_ms = memtable.oldest_ms().unwrap_or(i64::MAX);
                memtable.freeze();
                let generation = Arc::new(Generation::recovered(last, memtable));
                self.present
                    .change_from(oldest_ms, |view| view.with_generation(Arc::clone(&generation)));
                self.recovery.set(State::Done);
                Ok(report)
            }
            Err(error) => {
                self.recovery.set(State::Failed(generations, error.clone()));
                Err(error)
            }
        }
    }

    fn replay(
        &self,
        generations: &[durable::Generation],
        report: &mut RecoverReport,
    ) -> Result<Memtable, StoreError> {
        let table = Arc::new(SeriesTable::new(Limits::default()));
        let number = generations.last().map_or(0, |g| g.number);
        let memtable = Memtable::new(Arc::clone(&table), number);
        memtable.set_sealable(u64::MAX);
        self.recovery.done.store(0, Ordering::Relaxed);
        for generation in generations {
            self.replay_one(generation, &memtable, report)?;
        }
        self.recovery.done.store(self.recovery.total, Ordering::Relaxed);
        report.series = table.len();
        Ok(memtable)
    }

    fn replay_one(
        &self,
        generation: &durable::Generation,
        memtable: &Memtable,
        report: &mut RecoverReport,
    ) -> Result<(), StoreError> {
        let mut replay = memtable.replay();
        // A record that passes its checksum and still makes no sense: what follows may build on it.
        let mut malformed = None;
        let mut records = 0u64;
        let mut begun = 0u64;
        let recovery = generation.replay(
            &*self.fs,
            &self.wal_dir,
            |_| {
                self.recovery
                    .done
                    .fetch_add(u64::from(begun > 0), Ordering::Relaxed);
                begun += 1;
            },
            |frame| {
                records += 1;
                if malformed.is_none() {
                    match replay.apply(frame.kind, frame.payload) {
                        Ok(samples) => report.samples += samples as u64,
                        Err(_) => malformed = Some(records),
                    }
                }
            },
        );
        let recovery = recovery.map_err(crate::error::from_durable)?;
        self.recovery.done.fetch_add(1, Ordering::Relaxed);
        report.records += recovery.records;
        report.bytes += recovery.bytes;
        report.damage.extend(recovery.damage);
        if let Some(at) = malformed {
            let left = recovery.records - at + 1;
            report.damage.push(format!(
                "log generation {}: record {at} does not decode, {left} records from there on are left out",
                generation.number
            ));
        }
        Ok(())
    }

    /// How far the replay is.
    pub fn replay_progress(&self) -> ReplayProgress {
        ReplayProgress {
            total: self.recovery.total,
            done: self.recovery.done.load(Ordering::Relaxed),
        }
    }
}
