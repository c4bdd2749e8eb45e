//! What the start timestamps of two samples of a counter say of what was between them.
//!
//! The rules are Prometheus' for its option `use-start-timestamps`; 0 is a start that nobody knows.

/// When a sample is, and from when on it counts; milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct SampleStart {
    pub(super) time_ms: i64,
    pub(super) start_ms: i64,
}

/// Whether the counter began anew between two samples.
pub(super) fn is_reset(before: SampleStart, after: SampleStart) -> bool {
    let is_told = after.start_ms != 0 && after.start_ms < after.time_ms;
    if !is_told || after.start_ms < before.time_ms {
        return false;
    }
    if after.start_ms > before.time_ms {
        return true;
    }
    // It begins exactly where the one before ended: so do the samples of a counter of deltas, but so does a counter of
    // unknown start, whose first sample claims to begin at its own time.
    before.start_ms != 0 && before.start_ms < before.time_ms
}

/// Whether a sample claims to count what the one before has counted, and yet does not continue it.
pub(super) fn overlaps(before: SampleStart, after: SampleStart) -> bool {
    after.start_ms != 0 && after.start_ms < before.time_ms && after.start_ms != before.start_ms
}
