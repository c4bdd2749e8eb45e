//! How the engine behaves: plain values with defaults that work out of the box, handed in once at open.

use crate::tombstone::RetentionRule;

/// Samples go into blocks divided at multiples of this: two hours, as in Prometheus.
pub const DEFAULT_BLOCK_DURATION_MS: i64 = 2 * 60 * 60 * 1000;

/// Fifteen days, Prometheus' default retention.
pub const DEFAULT_RETENTION_MS: i64 = 15 * 24 * 60 * 60 * 1000;

/// No compaction makes a block longer than this: 31 days.
pub const MAX_BLOCK_DURATION_MS: i64 = 31 * 24 * 60 * 60 * 1000;

/// When what was acknowledged survives a loss of power. A kill of the process it survives in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acknowledged.
    Always,
    /// So many milliseconds later at most: how often the owner means to call [`Tsdb::sync`](crate::Tsdb::sync). The
    /// engine has no threads and keeps the value for whoever drives it.
    Every(i64),
}

/// One resolution to which old samples are reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Downsampling {
    /// So many milliseconds become one number of each kind. A divisor of [`Options::block_duration_ms`].
    pub resolution_ms: i64,
    /// Samples this far behind the newest data are reduced; earlier where they would be deleted before.
    pub after_ms: i64,
    /// Downsampled blocks that lie wholly this far behind the newest data are deleted; `None` keeps them for good.
    pub retention_ms: Option<i64>,
}

impl Downsampling {
    /// To five minutes, after 40 hours, as Thanos does.
    pub fn five_minutes(retention_ms: Option<i64>) -> Downsampling {
        Downsampling {
            resolution_ms: 5 * 60 * 1000,
            after_ms: 40 * 60 * 60 * 1000,
            retention_ms,
        }
    }

    /// To an hour, after ten days, as Thanos does.
    pub fn one_hour(retention_ms: Option<i64>) -> Downsampling {
        Downsampling {
            resolution_ms: 60 * 60 * 1000,
            after_ms: 10 * 24 * 60 * 60 * 1000,
            retention_ms,
        }
    }
}

/// Settings of a [`Tsdb`](crate::Tsdb). Times are milliseconds, sizes bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Blocks are divided at multiples of it. At least 1.
    pub block_duration_ms: i64,
    /// Blocks that lie wholly this far behind the newest data are deleted; `None` keeps them for good.
    pub retention_ms: Option<i64>,
    /// Retentions for some series in place of that one, longer or shorter: the first rule that fits a series counts.
    pub retention_rules: Vec<RetentionRule>,
    /// The oldest blocks go once blocks and log take more than this; `None` for no bound.
    pub retention_bytes: Option<u64>,
    /// How far behind the newest sample of all a sample may lie that is not in order. 0 takes none.
    pub out_of_order_window_ms: i64,
    /// A sample further ahead of the clock than this is refused: one bad clock must not move the store's time.
    pub max_future_ms: i64,
    /// At most so many series alive; samples of further ones are refused. 0 for no bound.
    pub max_series: u64,
    /// At most so many series alive of one metric name. 0 for no bound.
    pub max_series_per_metric: u64,
    /// New series are refused while labels, keys and postings of those alive take more than this; 0 for no bound.
    pub max_series_bytes: u64,
    /// What the engine aims to stay within, roughly: samples not flushed yet take up to half of it, what is cached of
    /// blocks an eighth. The series that are alive come on top.
    pub memory_bytes: u64,
    /// Samples are flushed once the log has so many bytes. Beyond four times as many, batches are refused.
    pub wal_bytes: u64,
    /// A log segment that has grown to this size is closed: what a replay holds in memory at once.
    pub wal_segment_bytes: u64,
    /// Samples are flushed when the oldest of them came so long ago.
    pub flush_age_ms: i64,
    /// When what was acknowledged survives a loss of power.
    pub fsync: Fsync,
    /// What old samples are reduced to before they are deleted; none by default.
    pub downsample: Vec<Downsampling>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            block_duration_ms: DEFAULT_BLOCK_DURATION_MS,
            retention_ms: Some(DEFAULT_RETENTION_MS),
            retention_rules: Vec::new(),
            retention_bytes: None,
            out_of_order_window_ms: 30 * 60 * 1000,
            max_future_ms: 10 * 60 * 1000,
            max_series: 10_000_000,
            max_series_per_metric: 0,
            max_series_bytes: 0,
            memory_bytes: 64 << 20,
            wal_bytes: 64 << 20,
            wal_segment_bytes: 16 << 20,
            flush_age_ms: 15 * 60 * 1000,
            fsync: Fsync::Every(1000),
            downsample: Vec::new(),
        }
    }
}

impl Options {
    /// The longest block that compaction makes: a tenth of the retention, so that deleting whole blocks stays
    /// close to the retention asked for, and never more than [`MAX_BLOCK_DURATION_MS`].
    pub fn max_block_duration_ms(&self) -> i64 {
        self.max_block_duration_at(0)
    }

    /// The same for blocks of a resolution.
    pub(crate) fn max_block_duration_at(&self, resolution_ms: i64) -> i64 {
        let retention_ms = self.retention_at(resolution_ms);
        let tenth = retention_ms.map_or(MAX_BLOCK_DURATION_MS, |ms| ms / 10);
        tenth.clamp(
            self.block_duration_ms,
            MAX_BLOCK_DURATION_MS.max(self.block_duration_ms),
        )
    }

    /// How long blocks of a resolution are kept. Of one that is no longer made they stay: whoever leaves a setting out
    /// for a day must not lose years.
    pub(crate) fn retention_at(&self, resolution_ms: i64) -> Option<i64> {
        match resolution_ms {
            0 => self.retention_ms,
            _ => {
                let mut made = self.downsample.iter();
                made.find(|d| d.resolution_ms == resolution_ms)
                    .and_then(|d| d.retention_ms)
            }
        }
    }

    /// How far back samples must lie to be downsampled: not so far that they are deleted first, and further than late
    /// samples may come.
    pub(crate) fn downsample_after_ms(&self, to: &Downsampling) -> i64 {
        let margin_ms = self.block_duration_ms.saturating_mul(2);
        let latest_ms = self
            .retention_ms
            .map_or(i64::MAX, |ms| ms.saturating_sub(margin_ms));
        let settled_ms = self.out_of_order_window_ms.saturating_add(self.block_duration_ms);
        to.after_ms.min(latest_ms).max(settled_ms)
    }

    /// The start of the window that `timestamp_ms` falls into.
    pub fn block_start_ms(&self, timestamp_ms: i64) -> i64 {
        align(timestamp_ms, self.block_duration_ms)
    }

    /// Bytes of samples in memory at which they are flushed: while one half is written, the next fills the other.
    pub(crate) fn memtable_bytes(&self) -> u64 {
        self.memory_bytes / 4
    }

    /// What is cached of blocks.
    pub(crate) fn cache_bytes(&self) -> usize {
        usize::try_from(self.memory_bytes / 8).unwrap_or(usize::MAX)
    }

    /// The options with impossible values moved to the nearest possible one.
    pub(crate) fn sane(mut self) -> Self {
        self.block_duration_ms = self.block_duration_ms.max(1);
        self.out_of_order_window_ms = self.out_of_order_window_ms.max(0);
        self.max_future_ms = self.max_future_ms.max(0);
        self.memory_bytes = self.memory_bytes.max(1 << 20);
        self.wal_bytes = self.wal_bytes.max(1);
        self.downsample.retain(|to| to.resolution_ms > 0);
        self.downsample.sort_by_key(|to| to.resolution_ms);
        self.downsample.dedup_by_key(|to| to.resolution_ms);
        self
    }
}

/// The largest multiple of `width` that is not above `timestamp_ms`.
pub(crate) fn align(timestamp_ms: i64, width: i64) -> i64 {
    timestamp_ms.saturating_sub(timestamp_ms.rem_euclid(width))
}
