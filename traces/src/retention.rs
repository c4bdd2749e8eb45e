//! Which blocks go: a function of data.

use crate::options::Options;

/// What matters of a block here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockAge {
    /// When it was written, milliseconds since the epoch.
    pub(crate) created_ms: i64,
    /// Its size.
    pub(crate) bytes: u64,
}

/// How many of the blocks, counted from the oldest, which comes first, are to be dropped now.
pub(crate) fn plan(blocks: &[BlockAge], now_ms: i64, options: &Options) -> usize {
    let oldest_ms = now_ms.saturating_sub(options.retention_ms);
    let mut left: u64 = blocks.iter().map(|block| block.bytes).sum();
    let mut count = 0;
    for block in blocks {
        if block.created_ms >= oldest_ms && left <= options.retention_bytes {
            break;
        }
        left = left.saturating_sub(block.bytes);
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests;
