//! How the engine behaves: plain values with defaults that work out of the box, handed in once at open.

/// The length of a block cut from the head: two hours, as in Prometheus.
pub const DEFAULT_BLOCK_DURATION_MS: i64 = 2 * 60 * 60 * 1000;

/// Fifteen days, Prometheus' default retention.
pub const DEFAULT_RETENTION_MS: i64 = 15 * 24 * 60 * 60 * 1000;

/// No compaction makes a block longer than this: 31 days.
pub const MAX_BLOCK_DURATION_MS: i64 = 31 * 24 * 60 * 60 * 1000;

/// Settings of a [`Tsdb`](crate::Tsdb). Times are milliseconds, sizes bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The range one block cut from the head covers; ranges are aligned to multiples of it. At least 1.
    pub block_duration_ms: i64,
    /// Blocks that lie wholly this far behind the newest data are deleted; `None` keeps them for good.
    pub retention_ms: Option<i64>,
    /// The oldest blocks go once blocks and log take more than this; `None` for no bound.
    pub retention_bytes: Option<u64>,
    /// How far behind the newest sample of the head a sample may lie that is not in order. 0 takes none.
    pub out_of_order_window_ms: i64,
    /// A sample further ahead of the clock than this is refused: one bad clock must not move the head's time.
    pub max_future_ms: i64,
    /// At most so many series in the head; samples of further ones are refused.
    pub max_series: u64,
    /// A log segment that has grown to this size is closed.
    pub wal_segment_bytes: u64,
    /// How often the owner means to call [`Tsdb::sync`](crate::Tsdb::sync): what a loss of power may cost. The
    /// engine has no threads and keeps the value for whoever drives it.
    pub sync_interval_ms: i64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            block_duration_ms: DEFAULT_BLOCK_DURATION_MS,
            retention_ms: Some(DEFAULT_RETENTION_MS),
            retention_bytes: None,
            out_of_order_window_ms: 30 * 60 * 1000,
            max_future_ms: 10 * 60 * 1000,
            max_series: 10_000_000,
            wal_segment_bytes: 64 << 20,
            sync_interval_ms: 1000,
        }
    }
}

impl Options {
    /// The longest block that compaction makes: a tenth of the retention, so that deleting whole blocks stays
    /// close to the retention asked for, and never more than [`MAX_BLOCK_DURATION_MS`].
    pub fn max_block_duration_ms(&self) -> i64 {
        let tenth = self.retention_ms.map_or(MAX_BLOCK_DURATION_MS, |ms| ms / 10);
        tenth.clamp(
            self.block_duration_ms,
            MAX_BLOCK_DURATION_MS.max(self.block_duration_ms),
        )
    }

    /// The start of the block range that `timestamp_ms` falls into.
    pub fn block_start_ms(&self, timestamp_ms: i64) -> i64 {
        align(timestamp_ms, self.block_duration_ms)
    }

    /// The options with impossible values moved to the nearest possible one.
    pub(crate) fn sane(mut self) -> Self {
        self.block_duration_ms = self.block_duration_ms.max(1);
        self.out_of_order_window_ms = self.out_of_order_window_ms.max(0);
        self.max_future_ms = self.max_future_ms.max(0);
        self
    }
}

/// The largest multiple of `width` that is not above `timestamp_ms`.
pub(crate) fn align(timestamp_ms: i64, width: i64) -> i64 {
    timestamp_ms.saturating_sub(timestamp_ms.rem_euclid(width))
}
