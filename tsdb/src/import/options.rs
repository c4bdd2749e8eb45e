//! How an import behaves.

/// Settings of an [`Importer`](super::Importer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Blocks are made for windows of this length, aligned to multiples of it. A length that the store's compaction
    /// makes too (two hours, times three, times three…) is not merged again.
    pub window_ms: i64,
    /// Samples held in memory, in bytes, roughly; labels come on top.
    pub memory_bytes: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        ImportOptions {
            window_ms: 18 * 60 * 60 * 1000,
            memory_bytes: 128 << 20,
        }
    }
}

impl ImportOptions {
    pub(super) fn sane(mut self) -> Self {
        self.window_ms = self.window_ms.max(1000);
        self.memory_bytes = self.memory_bytes.max(1 << 16);
        self
    }
}
