//! One downsampled block: what [`plan`] says, done.

use std::sync::Arc;

use model::StoreError;

use super::Tsdb;
use super::maintain::Upkeep;
use crate::block::{Block, BlockMeta};
use crate::downsample::{plan, write};

impl Tsdb {
    /// Writes one downsampled block, if one is due; gives the number of blocks it was made of. Corrupt blocks are told
    /// once and left out from then on.
    pub(super) fn downsample(&self, upkeep: &mut Upkeep) -> Result<Option<usize>, StoreError> {
        let Some(newest_ms) = self.newest_ms().filter(|_| !self.options.downsample.is_empty()) else {
            return Ok(None);
        };
        let view = self.present.view();
        let metas: Vec<BlockMeta> = view
            .blocks
            .iter()
            .map(|b| b.meta())
            .filter(|m| !upkeep.corrupt.contains(&m.id))
            .cloned()
            .collect();
        let Some(job) = plan(&metas, newest_ms, &self.options) else {
            return Ok(None);
        };
        let those = |ids: &[u64]| -> Vec<Arc<Block>> {
            let find = |id: &u64| view.blocks.iter().find(|b| b.meta().id == *id).cloned();
            ids.iter().filter_map(find).collect()
        };
        let (raw, replaced) = (those(&job.sources), those(&job.replaces));
        let began_ns = self.clock.now_ns();
        let id = upkeep.take_id();
        let erased = self.erased(&view).at(job.resolution_ms);
        let written = write(&*self.fs, &self.blocks_dir, id, &job, (&raw, &replaced), &erased);
        if matches!(written, Err(StoreError::Corrupt { .. })) {
            upkeep.note_corrupt(&[raw.clone(), replaced.clone()].concat());
        }
        let block = self.open_block(&written?)?;
        let bytes = block.meta().bytes;
        let from_ms = block
            .meta()
            .min_ms
            .saturating_sub(job.resolution_ms.saturating_mul(2));
        self.present
            .change_from(from_ms, |view| view.with_blocks(&job.replaces, &[block]));
        self.counters
            .downsamplings
            .note(bytes, self.clock.now_ns() - began_ns);
        upkeep.blocks_went |= !replaced.is_empty();
        self.delete_all(&replaced)?;
        Ok(Some(raw.len()))
    }
}
