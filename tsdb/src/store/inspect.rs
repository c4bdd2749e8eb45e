//! Numbers and lists about a database.

use std::sync::atomic::Ordering;

use model::StoreError;

use super::Tsdb;
use crate::block::BlockMeta;
use crate::stats::{Cardinality, Stats};
use crate::wal;

impl Tsdb {
    /// The blocks in use, the oldest first.
    pub fn blocks(&self) -> Vec<BlockMeta> {
        let view = self.present.view();
        view.blocks.iter().map(|b| b.meta().clone()).collect()
    }

    /// The engine's state in numbers.
    ///
    /// # Errors
    /// The disk failed to say how large the log is.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let view = self.present.view();
        let wal_bytes = wal::generations(&*self.fs, &self.wal_dir)?
            .iter()
            .map(durable::Generation::bytes)
            .sum();
        let refused = self.table.refused();
        let mut stats = Stats {
            head_series: self.table.len(),
            table_bytes: self.table.bytes(),
            samples_appended: view.samples(),
            samples_late: view.late_samples(),
            rejected: self.counters.rejected(),
            refused_batches: self.counters.refused.load(Ordering::Relaxed),
            refused_by_series_limit: refused.series,
            refused_by_metric_limit: refused.series_per_metric,
            refused_by_memory: refused.bytes,
            flushes: self.counters.flushes.get(),
            compactions: self.counters.compactions.get(),
            downsamplings: self.counters.downsamplings.get(),
            blocks: view.blocks.len() as u64,
            block_bytes: view.blocks.iter().map(|b| b.meta().bytes).sum(),
            wal_bytes,
            generations: view.generations.len() as u64,
            ..Stats::default()
        };
        for memtable in view.generations.iter().map(|g| &g.memtable) {
            stats.head_samples += memtable.samples();
            stats.head_chunks += memtable.runs();
            stats.head_bytes += memtable.bytes();
            stats.head_min_ms = [stats.head_min_ms, memtable.oldest_ms()]
                .into_iter()
                .flatten()
                .min();
            stats.head_max_ms = stats.head_max_ms.max(memtable.newest_ms());
        }
        let oldest = view.blocks.iter().map(|b| b.meta().min_ms);
        stats.min_ms = oldest.chain(stats.head_min_ms).min();
        Ok(stats)
    }

    /// The `limit` largest entries of each list about the labels of the series that are alive. Visits every label
    /// pair once.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        self.table.cardinality(limit)
    }
}
