//! What a span store tells about itself.

/// What opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Spans replayed from the log into the head.
    pub replayed: u64,
    /// Blocks opened.
    pub blocks: usize,
    /// What did not check out, a sentence each, for the operator to read. A damaged block stays on disk, unread.
    pub damage: Vec<String>,
}

/// What a round of maintenance did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Spans moved from the head into a new block.
    pub cut_spans: u64,
    /// Blocks dropped because of their age or of the disk budget.
    pub dropped_blocks: usize,
}

/// Counters since opening, and sizes as they are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Spans acknowledged since opening.
    pub appended_spans: u64,
    /// Batches acknowledged since opening.
    pub appended_batches: u64,
    /// Batches refused or failed since opening.
    pub failed_batches: u64,
    /// Spans in memory.
    pub head_spans: u64,
    /// Encoded bytes of them.
    pub head_bytes: u64,
    /// Blocks on disk.
    pub blocks: u64,
    /// Spans in them.
    pub block_spans: u64,
    /// Bytes of them.
    pub block_bytes: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
}
