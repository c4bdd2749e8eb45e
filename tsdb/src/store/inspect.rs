//! Numbers and lists about a database.

use std::sync::atomic::Ordering;

use model::StoreError;
use model::labels::METRIC_NAME;

use super::Tsdb;
use crate::block::BlockMeta;
use crate::stats::{Cardinality, Stats, top};

impl Tsdb {
    /// The blocks in use, ascending by id.
    pub fn blocks(&self) -> Vec<BlockMeta> {
        self.present
            .lock()
            .blocks()
            .iter()
            .map(|b| b.meta().clone())
            .collect()
    }

    /// The engine's state in numbers. Visits every series once.
    ///
    /// # Errors
    /// The disk failed to say how large the log is.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let mut stats = Stats {
            samples_appended: self.counters.appended.load(Ordering::Relaxed),
            samples_late: self.counters.late.load(Ordering::Relaxed),
            rejected: self.counters.rejected(),
            wal_bytes: self.writer.lock().wal.disk_bytes()?,
            ..Stats::default()
        };
        for series in self.head.index.read().iter() {
            let data = series.data.lock();
            stats.head_series += 1;
            stats.head_chunks += data.chunks() as u64;
            stats.head_bytes += data.bytes() as u64;
            stats.head_min_ms = [stats.head_min_ms, data.min_ms()].into_iter().flatten().min();
            stats.head_max_ms = stats.head_max_ms.max(data.max_ms());
        }
        let blocks = self.blocks();
        stats.blocks = blocks.len() as u64;
        stats.block_bytes = blocks.iter().map(BlockMeta::bytes).sum();
        stats.min_ms = blocks.iter().map(|b| b.min_ms).chain(stats.head_min_ms).min();
        Ok(stats)
    }

    /// The `limit` largest entries of each list about the head's labels. Visits every label pair once.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        let index = self.head.index.read();
        let mut found = Cardinality {
            series: index.len() as u64,
            ..Cardinality::default()
        };
        let mut pairs = Vec::new();
        for (name, values) in index.postings.iter() {
            found
                .values_by_label_name
                .push((name.to_owned(), values.len() as u64));
            let mut bytes = 0;
            for (value, series) in values {
                found.label_pairs += 1;
                bytes += value.len() as u64 * series.len();
                pairs.push((name, value, series.len()));
                if name == METRIC_NAME {
                    found.series_by_metric_name.push((value.to_owned(), series.len()));
                }
            }
            found.bytes_by_label_name.push((name.to_owned(), bytes));
        }
        // Only the largest pairs become text: there may be millions.
        pairs.sort_unstable_by(|a, b| b.2.cmp(&a.2).then_with(|| (a.0, a.1).cmp(&(b.0, b.1))));
        pairs.truncate(limit);
        found.series_by_label_pair = pairs
            .into_iter()
            .map(|(n, v, count)| (format!("{n}={v}"), count))
            .collect();
        found.series_by_metric_name = top(found.series_by_metric_name, limit);
        found.values_by_label_name = top(found.values_by_label_name, limit);
        found.bytes_by_label_name = top(found.bytes_by_label_name, limit);
        found
    }
}
