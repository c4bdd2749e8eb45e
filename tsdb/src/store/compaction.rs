//! One compaction: what [`plan`] says, done.

use std::sync::Arc;

use model::StoreError;

use super::Tsdb;
use super::maintain::Upkeep;
use crate::block::{Block, BlockMeta};
use crate::compact::{merge_and_erase, plan};

/// A compaction that failed is not tried again sooner: on a disk that is nearly full each attempt takes what room is
/// left from the log, until it gives up.
const RETRY_MS: i64 = 60_000;

impl Tsdb {
    /// Does one compaction, if one is due; gives the number of blocks that became one. Blocks that turn out corrupt
    /// are told once and left out from then on, so that they do not stand in the way of the others.
    pub(super) fn compact(&self, upkeep: &mut Upkeep, now_ms: i64) -> Result<Option<usize>, StoreError> {
        let waits = |failed_ms: i64| (0..RETRY_MS).contains(&now_ms.saturating_sub(failed_ms));
        if upkeep.compaction_failed_ms.is_some_and(waits) {
            return Ok(None);
        }
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
        let meta = merged_meta(upkeep.take_id(), &sources);
        let merged = self.replace(upkeep, &sources, meta);
        let failed = matches!(&merged, Err(error) if !matches!(error, StoreError::Corrupt { .. }));
        upkeep.compaction_failed_ms = failed.then_some(now_ms);
        // Whatever the reason: the same blocks must not be tried for ever.
        if matches!(merged, Err(StoreError::Corrupt { .. }))
            && plan.sources.iter().all(|id| !upkeep.corrupt.contains(id))
        {
            upkeep.corrupt.extend(&plan.sources);
        }
        merged.map(|()| Some(sources.len()))
    }

    /// Puts one block in the place of some, or none where all of it is erased. Blocks that turn out corrupt are noted.
    pub(super) fn replace(
        &self,
        upkeep: &mut Upkeep,
        sources: &[Arc<Block>],
        meta: BlockMeta,
    ) -> Result<(), StoreError> {
        let began_ns = self.clock.now_ns();
        let erased = self.erased(&self.present.view()).at(meta.resolution_ms);
        let merged = merge_and_erase(&*self.fs, &self.blocks_dir, meta.id, sources, &erased, meta);
        if matches!(merged, Err(StoreError::Corrupt { .. })) {
            let bad = |block: &&Arc<Block>| block.verify().is_err();
            upkeep
                .corrupt
                .extend(sources.iter().filter(bad).map(|b| b.meta().id));
        }
        let merged = merged?.map(|path| self.open_block(&path)).transpose()?;
        let bytes = merged.as_ref().map_or(0, |block| block.meta().bytes);
        let gone: Vec<u64> = sources.iter().map(|b| b.meta().id).collect();
        let added: Vec<Arc<Block>> = merged.into_iter().collect();
        self.present
            .exchange(sources, |view| view.with_blocks(&gone, &added));
        self.counters
            .compactions
            .note(bytes, self.clock.now_ns() - began_ns);
        upkeep.blocks_went = true;
        self.delete_all(sources)
    }
}

/// What becomes of blocks that are merged.
pub(super) fn merged_meta(id: u64, sources: &[Arc<Block>]) -> BlockMeta {
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
