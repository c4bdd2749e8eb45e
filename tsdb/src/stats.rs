//! What the engine says of itself: numbers for its own metrics and for `/api/v1/status/tsdb`.

use std::sync::atomic::{AtomicU64, Ordering};

use model::metrics::Rejected;

/// Samples refused since the process began, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RejectedCounts {
    /// [`Rejected::OutOfOrder`]
    pub out_of_order: u64,
    /// [`Rejected::TooOld`]
    pub too_old: u64,
    /// [`Rejected::Duplicate`]
    pub duplicate: u64,
    /// [`Rejected::TooFarInFuture`]
    pub too_far_in_future: u64,
    /// [`Rejected::SeriesLimit`]
    pub series_limit: u64,
    /// [`Rejected::InvalidLabels`]
    pub invalid_labels: u64,
    /// [`Rejected::UnknownSeries`]
    pub unknown_series: u64,
}

/// Work of one kind done since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// How often.
    pub count: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Nanoseconds taken.
    pub nanos: u64,
}

/// The engine's state in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Series that are alive.
    pub head_series: u64,
    /// Samples in memory.
    pub head_samples: u64,
    /// Compressed runs of samples in memory.
    pub head_chunks: u64,
    /// Bytes the samples take in memory, roughly.
    pub head_bytes: u64,
    /// Bytes the series that are alive take in memory, roughly.
    pub table_bytes: u64,
    /// Memtables: the one that takes samples, and those that are being flushed.
    pub generations: u64,
    /// The oldest time in the head, in milliseconds; `None` when it is empty.
    pub head_min_ms: Option<i64>,
    /// The newest time in the head, in milliseconds.
    pub head_max_ms: Option<i64>,
    /// The oldest time in head and blocks, in milliseconds.
    pub min_ms: Option<i64>,
    /// Samples taken since the process began, late ones included.
    pub samples_appended: u64,
    /// Of these, samples that were not in order.
    pub samples_late: u64,
    /// Samples refused since the process began.
    pub rejected: RejectedCounts,
    /// Batches refused as a whole since the process began: the log could not be written, or flushing did not keep up.
    pub refused_batches: u64,
    /// New series refused for the bound on series.
    pub refused_by_series_limit: u64,
    /// New series refused for the bound on series of one metric.
    pub refused_by_metric_limit: u64,
    /// New series refused for the bound on memory.
    pub refused_by_memory: u64,
    /// Memtables moved into blocks since the process began.
    pub flushes: Work,
    /// Compactions since the process began.
    pub compactions: Work,
    /// Downsampled blocks written since the process began.
    pub downsamplings: Work,
    /// Blocks on disk.
    pub blocks: u64,
    /// Their bytes.
    pub block_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
}

/// What takes most of the head's index: the lists of `/api/v1/status/tsdb`, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Series in the head.
    pub series: u64,
    /// Label pairs in the head.
    pub label_pairs: u64,
    /// Metric name → series.
    pub series_by_metric_name: Vec<(String, u64)>,
    /// Label name → values.
    pub values_by_label_name: Vec<(String, u64)>,
    /// Label name → bytes of all its values, counted once for each series that bears them.
    pub bytes_by_label_name: Vec<(String, u64)>,
    /// `name=value` → series.
    pub series_by_label_pair: Vec<(String, u64)>,
}

/// Counters that batches and upkeep keep.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Batches refused as a whole.
    pub(crate) refused: AtomicU64,
    pub(crate) flushes: WorkCounter,
    pub(crate) compactions: WorkCounter,
    pub(crate) downsamplings: WorkCounter,
    rejected: [AtomicU64; 7],
}

/// Adds up work.
#[derive(Debug, Default)]
pub(crate) struct WorkCounter {
    count: AtomicU64,
    bytes: AtomicU64,
    nanos: AtomicU64,
}

impl WorkCounter {
    pub(crate) fn note(&self, bytes: u64, nanos: i64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.nanos
            .fetch_add(u64::try_from(nanos).unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Work {
        Work {
            count: self.count.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            nanos: self.nanos.load(Ordering::Relaxed),
        }
    }
}

impl Counters {
    fn place(&self, reason: Rejected) -> &AtomicU64 {
        let [out_of_order, too_old, duplicate, future, limit, labels, unknown] = &self.rejected;
        match reason {
            Rejected::OutOfOrder => out_of_order,
            Rejected::TooOld => too_old,
            Rejected::Duplicate => duplicate,
            Rejected::TooFarInFuture => future,
            Rejected::SeriesLimit => limit,
            Rejected::InvalidLabels => labels,
            Rejected::UnknownSeries => unknown,
        }
    }

    pub(crate) fn reject(&self, reason: Rejected) {
        self.place(reason).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn rejected(&self) -> RejectedCounts {
        let count = |reason| self.place(reason).load(Ordering::Relaxed);
        RejectedCounts {
            out_of_order: count(Rejected::OutOfOrder),
            too_old: count(Rejected::TooOld),
            duplicate: count(Rejected::Duplicate),
            too_far_in_future: count(Rejected::TooFarInFuture),
            series_limit: count(Rejected::SeriesLimit),
            invalid_labels: count(Rejected::InvalidLabels),
            unknown_series: count(Rejected::UnknownSeries),
        }
    }
}

/// The largest `limit` of a list, the larger first, equal ones by name.
pub(crate) fn top(mut list: Vec<(String, u64)>, limit: usize) -> Vec<(String, u64)> {
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(limit);
    list
}
