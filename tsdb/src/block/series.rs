//! One series of a selection, for those who take them one by one.

use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, StoreError};

use super::selection::BlockSelection;

/// A series of a block: its labels and where its samples lie.
#[derive(Clone)]
pub struct BlockSeries {
    /// All labels.
    pub labels: Labels,
    selection: Arc<BlockSelection>,
    at: usize,
}

/// All series of a selection, with their labels.
pub(super) fn all(selection: BlockSelection) -> Result<Vec<BlockSeries>, StoreError> {
    let selection = Arc::new(selection);
    let series = (0..selection.len()).map(|at| {
        Ok(BlockSeries {
            labels: selection.labels(at)?,
            selection: Arc::clone(&selection),
            at,
        })
    });
    series.collect()
}

impl BlockSeries {
    /// Appends the samples from `start_ms` to `end_ms`, both inclusive.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn read(&self, start_ms: i64, end_ms: i64, into: &mut Samples) -> Result<(), StoreError> {
        self.selection.reader().read(self.at, start_ms, end_ms, into)
    }

    /// The first and last time of its chunks, which is that of its samples, and how many samples these hold.
    pub fn span(&self) -> Option<(i64, i64, u64)> {
        self.selection.span(self.at)
    }

    /// Bytes of its chunks before they are packed into pages.
    pub fn chunk_bytes(&self) -> u64 {
        self.selection.chunk_bytes(self.at)
    }
}

impl std::fmt::Debug for BlockSeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockSeries({:?})", self.labels)
    }
}
