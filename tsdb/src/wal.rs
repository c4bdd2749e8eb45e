//! The write-ahead log: what was acknowledged and is not in a block yet.
//!
//! Each memtable has a log of its own, its *generation*: a [`durable::GroupLog`] in the folder `wal`. The memtable says
//! what is in the records (see [`crate::head`]); here is only which generations there are and what may go. Once blocks
//! hold all of a memtable its generation is removed as a whole. Format: docs/format/wal.md.

use std::path::Path;
use std::sync::Arc;

use durable::{DurableError, Fs, GroupLog, LogOptions};
use model::StoreError;

use crate::error::{from_durable, io};
use crate::options::Fsync;

/// The log of one generation; perhaps one that could not be begun, which takes nothing.
pub(crate) struct Wal(Result<GroupLog, DurableError>);

impl Wal {
    /// Begins a generation. Where the disk refuses, all it does is to say so.
    pub(crate) fn begin(fs: &Arc<dyn Fs>, dir: &Path, generation: u64, segment_bytes: u64) -> Wal {
        let options = LogOptions { segment_bytes };
        Wal(GroupLog::begin(Arc::clone(fs), dir, generation, options))
    }

    /// Puts a record behind all others.
    pub(crate) fn enqueue(&self, kind: u8, record: &[u8]) {
        if let Ok(log) = &self.0 {
            log.enqueue(kind, record);
        }
    }

    /// The position behind everything enqueued so far: also bytes of the log.
    pub(crate) fn position(&self) -> u64 {
        self.0.as_ref().map_or(0, GroupLog::enqueued)
    }

    /// Waits until everything up to a position is as safe as asked for.
    pub(crate) fn commit(&self, position: u64, fsync: Fsync) -> Result<(), StoreError> {
        let log = self.log()?;
        let committed = match fsync {
            Fsync::Always => log.commit_synced(position),
            Fsync::Every(_) => log.commit(position),
        };
        committed.map_err(from_durable)
    }

    /// Waits until everything committed survives a loss of power.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        match &self.0 {
            Ok(log) => log.sync().map_err(from_durable),
            Err(_) => Ok(()),
        }
    }

    /// Fails if the log takes no more.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.log()?.check().map_err(from_durable)
    }

    /// Why what the disk holds of it is unknown, if so.
    pub(crate) fn poisoned(&self) -> Option<Arc<str>> {
        match self.0.as_ref().ok()?.check() {
            Err(DurableError::Poisoned(why)) => Some(why),
            _ => None,
        }
    }

    fn log(&self) -> Result<&GroupLog, StoreError> {
        self.0.as_ref().map_err(|error| from_durable(error.clone()))
    }
}

/// The generations on disk, the oldest first.
pub(crate) fn generations(fs: &dyn Fs, dir: &Path) -> Result<Vec<durable::Generation>, StoreError> {
    durable::generations(fs, dir).map_err(from_durable)
}

/// Files beside the generations that may be logs of another version, for the operator.
pub(crate) fn strangers(fs: &dyn Fs, dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = fs.list(dir).map_err(|e| io("list", dir, e))?;
    let strange = entries
        .iter()
        .filter(|e| e.name.ends_with(".log") && !e.name.contains('-'));
    let tell = |name: &str| {
        format!(
            "{}: not a log of this version, left aside",
            dir.join(name).display()
        )
    };
    Ok(strange.map(|e| tell(&e.name)).collect())
}

/// Removes the generations up to `last`: all they hold is in blocks.
pub(crate) fn remove_through(fs: &dyn Fs, dir: &Path, last: u64) -> Result<(), StoreError> {
    for generation in generations(fs, dir)? {
        if generation.number <= last {
            generation.remove(fs, dir).map_err(from_durable)?;
        }
    }
    Ok(())
}
