//! Writes a block: series come in label order and go to disk as they come.

use std::path::{Path, PathBuf};

use durable::Fs;
use model::metrics::Samples;
use model::{Labels, StoreError};

use super::BlockMeta;
use crate::codec::Effort;

/// A block being written in a folder `ID.tmp`.
pub(crate) struct Writer<'a> {
    fs: &'a dyn Fs,
}

impl<'a> Writer<'a> {
    /// Starts a block in `blocks_dir`.
    pub(crate) fn create(
        fs: &'a dyn Fs,
        blocks_dir: &Path,
        id: u64,
        effort: Effort,
    ) -> Result<Writer<'a>, StoreError> {
        let _ = (blocks_dir, id, effort);
        Ok(Writer { fs })
    }

    /// Adds a series; series must come in label order, one without samples is passed over.
    pub(crate) fn add(&mut self, labels: &Labels, samples: &Samples) -> Result<(), StoreError> {
        let _ = (labels, samples);
        Ok(())
    }

    /// Removes what was written.
    pub(crate) fn abandon(self) {
        let _ = self.fs;
    }

    /// Finishes the files and publishes the folder; gives its path. Of `meta`, the counts and `bytes` are filled in
    /// here. After an error nothing is left behind, as far as the disk allows.
    pub(crate) fn finish(self, meta: BlockMeta) -> Result<PathBuf, StoreError> {
        let _ = meta;
        Err(StoreError::ReadOnly("blocks are not written yet".into()))
    }
}
