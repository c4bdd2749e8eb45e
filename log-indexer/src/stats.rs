//! What the store can say of itself, for its owner to show as metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers at one moment. The totals count since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Lines in memory, not yet in blocks.
    pub head_lines: u64,
    /// Bytes of memory that they take, roughly.
    pub head_bytes: u64,
    /// Streams among them.
    pub head_streams: u64,
    /// Days with blocks.
    pub days: u64,
    /// Blocks on disk.
    pub blocks: u64,
    /// Bytes of lines files and indexes.
    pub disk_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Lines stored.
    pub appended_lines_total: u64,
    /// Bytes of their text.
    pub appended_bytes_total: u64,
    /// Batches of which nothing was stored.
    pub refused_batches_total: u64,
    /// Lines refused for themselves, the others of their batch being stored.
    pub refused_lines_total: u64,
    /// Heads cut into blocks.
    pub cuts_total: u64,
    /// Days deleted.
    pub deleted_days_total: u64,
    /// Blocks that a query skipped because they do not check out, each time it met one.
    pub corrupt_blocks_total: u64,
}

/// The totals, counted without a lock.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) appended_lines: Counter,
    pub(crate) appended_bytes: Counter,
    pub(crate) refused_batches: Counter,
    pub(crate) refused_lines: Counter,
    pub(crate) cuts: Counter,
    pub(crate) deleted_days: Counter,
    pub(crate) corrupt_blocks: Counter,
}

/// One total.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
