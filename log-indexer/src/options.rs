//! What the owner of a log store can choose. Defaults suit a small cluster.

/// How a log store behaves. Every bound of the store is here or a named constant beside its check.
#[derive(Debug, Clone)]
pub struct Options {
    /// Lines are kept at least so long, in milliseconds, and deleted a whole day (UTC) at a time; 0: for ever.
    /// Lines of a day that would be deleted already are refused.
    pub retention_ms: i64,
    /// When all days together take more bytes than this, the oldest are deleted; 0: no such bound.
    pub retention_bytes: u64,
    /// Lines dated further ahead of the clock than this, in milliseconds, are refused.
    pub max_future_ms: i64,
    /// A block is closed when its text reaches this many bytes.
    pub block_bytes: usize,
    /// The head is cut into blocks when it holds this many bytes.
    pub head_bytes: u64,
    /// The head is cut when its oldest line arrived this long ago, in milliseconds.
    pub head_age_ms: i64,
    /// Appends are refused while the lines not yet in blocks take more bytes than this.
    pub max_head_bytes: u64,
    /// A longer line is refused.
    pub max_line_bytes: usize,
    /// More structured metadata on one line, in bytes of names and values, is refused.
    pub max_metadata_bytes: usize,
    /// At most so many different streams in the head, which is cut at half of them; a line of one more is refused.
    pub max_streams: usize,
    /// Where the words of the blocks are indexed.
    pub index: IndexPlace,
}

/// Where tantivy keeps its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexPlace {
    /// In each day's folder on the real disk.
    Disk,
    /// In memory, rebuilt from the lines files at every opening: for file systems that are not the real one.
    Memory,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            retention_ms: 7 * 24 * 3_600_000,
            retention_bytes: 0,
            max_future_ms: 24 * 3_600_000,
            block_bytes: 64 << 10,
            head_bytes: 32 << 20,
            head_age_ms: 3_600_000,
            max_head_bytes: 256 << 20,
            max_line_bytes: 256 << 10,
            max_metadata_bytes: 64 << 10,
            max_streams: 50_000,
            index: IndexPlace::Disk,
        }
    }
}
