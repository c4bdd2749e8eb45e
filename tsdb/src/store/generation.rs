//! One generation: a memtable and the log that lets it be rebuilt.

use std::path::Path;
use std::sync::Arc;

use durable::Fs;
use model::StoreError;

use crate::Options;
use crate::head::{Memtable, SeriesTable};
use crate::options::Fsync;
use crate::wal::Wal;

/// The samples between two flushes, in memory and in the log.
pub(crate) struct Generation {
    /// Later ones are higher. Never used again, over restarts either.
    pub(crate) number: u64,
    pub(crate) memtable: Memtable,
    /// `None` for what was replayed: its log is on disk and complete.
    wal: Option<Wal>,
    /// When it began to take samples, by the clock.
    pub(crate) born_ms: i64,
}

impl Generation {
    /// Begins a generation. A log that cannot be begun says so by [`check`](Self::check).
    pub(super) fn begin(
        number: u64,
        table: &Arc<SeriesTable>,
        fs: &Arc<dyn Fs>,
        wal_dir: &Path,
        options: &Options,
        now_ms: i64,
    ) -> Generation {
        Generation {
            number,
            memtable: Memtable::new(Arc::clone(table), number),
            wal: Some(Wal::begin(fs, wal_dir, number, options.wal_segment_bytes)),
            born_ms: now_ms,
        }
    }

    /// What was replayed of all generations up to `number`.
    pub(super) fn recovered(number: u64, memtable: Memtable) -> Generation {
        Generation {
            number,
            memtable,
            wal: None,
            born_ms: i64::MIN,
        }
    }

    /// Whether it was replayed instead of appended to by this process.
    pub(crate) fn is_recovered(&self) -> bool {
        self.wal.is_none()
    }

    pub(super) fn enqueue(&self, kind: u8, record: &[u8]) {
        if let Some(wal) = &self.wal {
            wal.enqueue(kind, record);
        }
    }

    /// The position behind all records, and so the bytes of the log.
    pub(super) fn position(&self) -> u64 {
        self.wal.as_ref().map_or(0, Wal::position)
    }

    pub(super) fn commit(&self, position: u64, fsync: Fsync) -> Result<(), StoreError> {
        self.wal
            .as_ref()
            .map_or(Ok(()), |wal| wal.commit(position, fsync))
    }

    /// Waits until what was committed survives a loss of power. A log that merely could not be written has nothing
    /// more to wait for than what it holds.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.wal.as_ref().map_or(Ok(()), Wal::sync)
    }

    /// Fails if the log takes no more.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.wal.as_ref().map_or(Ok(()), Wal::check)
    }

    pub(super) fn poisoned(&self) -> Option<Arc<str>> {
        self.wal.as_ref().and_then(Wal::poisoned)
    }
}
