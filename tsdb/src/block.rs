//! A block: all series of one time range, immutable, in a folder of its own.

mod cache;
mod meta;
mod reader;
mod series;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::Fs;
use model::{Matcher, StoreError};

pub use cache::BlockCache;
pub use meta::BlockMeta;
pub(crate) use meta::TMP_SUFFIX;
pub(crate) use reader::SeriesReader;
pub use series::BlockSeries;
pub(crate) use writer::Writer;

/// A block open for reading. An idle one holds a few hundred bytes; what is read of it lies in the cache.
pub struct Block {
    dir: PathBuf,
    meta: BlockMeta,
}

impl Block {
    /// Opens the block in `dir`.
    ///
    /// # Errors
    /// The disk failed, `meta` is corrupt, or the format's version is not known.
    pub fn open(fs: &dyn Fs, dir: &Path, cache: &Arc<BlockCache>) -> Result<Block, StoreError> {
        let _ = (fs, dir, cache);
        Err(StoreError::ReadOnly("blocks are not read yet".into()))
    }

    /// What the block is.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The series that satisfy all matchers and have a chunk that overlaps the range, in label order. Ends inclusive.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn select(
        self: &Arc<Self>,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<BlockSeries>, StoreError> {
        let _ = (matchers, start_ms, end_ms);
        Ok(Vec::new())
    }

    /// The names of all labels, sorted.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// The values of one label, sorted; with a matcher (its own name does not matter) those that it accepts.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn label_values(&self, name: &str, matcher: Option<&Matcher>) -> Result<Vec<String>, StoreError> {
        let _ = (name, matcher);
        Ok(Vec::new())
    }

    /// Reads everything and checks every checksum and that all parts fit together.
    ///
    /// # Errors
    /// The first thing that does not check out.
    pub fn verify(self: &Arc<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}
