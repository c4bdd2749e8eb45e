//! What can be chosen about a span store.

/// Choices with defaults that work. All sizes in bytes, all durations in milliseconds.
#[derive(Debug, Clone)]
pub struct Options {
    /// A block is dropped this long after it was written. Counted from arrival, so that a client with a wrong
    /// clock can neither keep its spans for ever nor lose them at once.
    pub retention_ms: i64,
    /// Blocks together take at most this many bytes; the oldest go first.
    pub retention_bytes: u64,
    /// The head becomes a block when it has grown to this many bytes of encoded spans,
    pub head_bytes: u64,
    /// or when its first span is this old.
    pub head_ms: i64,
    /// When blocks cannot be written, the head grows to this size before batches are refused.
    pub max_head_bytes: u64,
    /// An answer shows at most so many spans of a trace: the earliest, the first with a warning.
    pub max_spans_per_trace: usize,
    /// A search that would answer with more spans than this is refused.
    pub max_answer_spans: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            retention_ms: 7 * 24 * 3_600_000,
            retention_bytes: 64 << 30,
            head_bytes: 32 << 20,
            head_ms: 3_600_000,
            max_head_bytes: 256 << 20,
            max_spans_per_trace: 50_000,
            max_answer_spans: 500_000,
        }
    }
}
