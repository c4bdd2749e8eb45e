//! One compaction: what [`plan`] says, done.

use std::sync::Arc;

use model::StoreError;

use super::Tsdb;
use super::maintain::Upkeep;
use crate::block::{Block, BlockMeta};
use crate::compact::{merge_blocks, plan};

impl Tsdb {
    /// Does one compaction, if one is due; gives the number of blocks that became one. Blocks that turn out corrupt
    /// are told once and left out from then on, so that they do not stand in the way of the others.
    pub(super) fn compact(&self, upkeep: &mut Upkeep, now_ms: i64) -> Result<Option<usize>, StoreError> {
        let view = self.present.view();
        let sound = view
            .blocks
            .iter()
            .filter(|b| !upkeep.corrupt.contains(&b.meta().id));
        let metas: Vec<BlockMeta> = sound.map(|b| b.meta().clone()).collect();
        let Some(plan) = plan(&metas, upkeep.pace.is_quiet(now_ms), &self.options) else {
            return Ok(None);
        };
        let planned = |id: &u64| view.blocks.iter().find(|b| b.meta().id == *id).cloned();
        let sources: Vec<Arc<Block>> = plan.sources.iter().filter_map(planned).collect();
        let began_ns = self.clock.now_ns();
        let meta = merged_meta(upkeep.take_id(), &sources);
        let merged = merge_blocks(&*self.fs, &self.blocks_dir, meta.id, &sources, meta);
        if matches!(merged, Err(StoreError::Corrupt { .. })) {
            let bad = |block: &&Arc<Block>| block.verify().is_err();
            upkeep
                .corrupt
                .extend(sources.iter().filter(bad).map(|b| b.meta().id));
            // Whatever the reason: the same blocks must not be tried for ever.
            if plan.sources.iter().all(|id| !upkeep.corrupt.contains(id)) {
                upkeep.corrupt.extend(&plan.sources);
            }
        }
        let merged = self.open_block(&merged?)?;
        let bytes = merged.meta().bytes;
        self.present
            .change(|view| view.with_blocks(&plan.sources, &[merged]));
        self.counters
            .compactions
            .note(bytes, self.clock.now_ns() - began_ns);
        for source in &sources {
            self.delete(source.dir())?;
        }
        Ok(Some(sources.len()))
    }
}

/// What becomes of blocks that are merged.
fn merged_meta(id: u64, sources: &[Arc<Block>]) -> BlockMeta {
    let metas = || sources.iter().map(|b| b.meta());
    let mut ids: Vec<u64> = metas()
        .flat_map(|m| m.sources.iter().copied().chain([m.id]))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    BlockMeta {
        id,
        min_ms: metas().map(|m| m.min_ms).min().unwrap_or(0),
        max_ms: metas().map(|m| m.max_ms).max().unwrap_or(0),
        level: metas().map(|m| m.level).max().unwrap_or(0).saturating_add(1),
        sources: ids,
        log_floor: metas().map(|m| m.log_floor).max().unwrap_or(0),
        resolution_ms: metas().map(|m| m.resolution_ms).max().unwrap_or(0),
        ..BlockMeta::default()
    }
}
