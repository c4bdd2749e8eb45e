//! What was read of blocks, shared by all of them within a bound of bytes.

/// A cache for the pages of all blocks of a store.
#[derive(Debug)]
pub struct BlockCache {
    budget: usize,
}

impl BlockCache {
    /// 16 MiB.
    pub const DEFAULT_BYTES: usize = 16 << 20;

    /// An empty cache that never holds more than `budget` bytes.
    pub fn new(budget: usize) -> BlockCache {
        BlockCache { budget }
    }

    /// The bound in bytes.
    pub fn budget(&self) -> usize {
        self.budget
    }
}
