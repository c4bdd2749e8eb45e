//! What a block is.

/// Ends the name of a folder that is being written.
pub(crate) const TMP_SUFFIX: &str = ".tmp";

/// What a block is and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockMeta {
    /// Unique within a data folder and never used again; later blocks have higher ones.
    pub id: u64,
    /// The first millisecond of its range, inclusive.
    pub min_ms: i64,
    /// The end of its range, exclusive.
    pub max_ms: i64,
    /// 1 when flushed from the head, one more than its highest source when compacted.
    pub level: u32,
    /// The blocks it stands for, theirs included: if one of them turns up beside it, that one is left over.
    pub sources: Vec<u64>,
    /// All log generations below this one are in this block and others; 0 when it says nothing of the log.
    pub log_floor: u64,
    /// 0 for samples as they came; else the milliseconds that one downsampled point stands for.
    pub resolution_ms: i64,
    /// Series in it.
    pub series: u64,
    /// Samples in it.
    pub samples: u64,
    /// Chunks in it.
    pub chunks: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

impl BlockMeta {
    /// The name of the block's folder: `ID_MIN_MAX`.
    pub fn dir_name(&self) -> String {
        format!("{:010}_{}_{}", self.id, self.min_ms, self.max_ms)
    }

    /// A meta of which only these values matter.
    #[cfg(test)]
    pub(crate) fn for_tests(id: u64, min_ms: i64, max_ms: i64, bytes: u64) -> BlockMeta {
        BlockMeta {
            id,
            min_ms,
            max_ms,
            level: 1,
            bytes,
            ..BlockMeta::default()
        }
    }
}
