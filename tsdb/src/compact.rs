//! Compaction: several blocks become one.
//!
//! [`plan`] decides which, from their metas alone. Blocks that overlap come
//! first, then groups that fill a range three times as long as their own, up to the longest block the options allow.
//! A block is never rewritten more than once a level, so a sample is written about as often as there are levels.

mod merging;

use crate::Options;
use crate::block::BlockMeta;
use crate::options::align;

pub(crate) use merging::merge_blocks;

/// Each level's range is so many times the one below.
const LEVEL_FACTOR: i64 = 3;

/// Blocks to be merged into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Ids of the blocks, ascending.
    pub sources: Vec<u64>,
}

impl Plan {
    fn of(metas: &[&BlockMeta]) -> Plan {
        let mut sources: Vec<u64> = metas.iter().map(|m| m.id).collect();
        sources.sort_unstable();
        Plan { sources }
    }
}

/// What to compact next, `None` when all is as it should be.
pub fn plan(metas: &[BlockMeta], options: &Options) -> Option<Plan> {
    let mut sorted: Vec<&BlockMeta> = metas.iter().collect();
    sorted.sort_by_key(|m| (m.min_ms, m.max_ms, m.id));
    overlapping(&sorted).or_else(|| leveled(&sorted, options))
}

/// The oldest blocks that overlap, directly or through one another.
fn overlapping(sorted: &[&BlockMeta]) -> Option<Plan> {
    let mut group: Vec<&BlockMeta> = Vec::new();
    let mut end_ms = i64::MIN;
    for &meta in sorted {
        if meta.min_ms >= end_ms {
            if group.len() > 1 {
                break;
            }
            group.clear();
        }
        group.push(meta);
        end_ms = end_ms.max(meta.max_ms);
    }
    (group.len() > 1).then(|| Plan::of(&group))
}

/// The oldest two or more blocks of the shortest range that is complete: the newest block begins after it, so
/// nothing but late samples can still be added to it.
fn leveled(sorted: &[&BlockMeta], options: &Options) -> Option<Plan> {
    let newest_min_ms = sorted.last()?.min_ms;
    let longest_ms = options.max_block_duration_ms();
    let mut range_ms = options.block_duration_ms.saturating_mul(LEVEL_FACTOR);
    while range_ms <= longest_ms {
        let start = |m: &BlockMeta| align(m.min_ms, range_ms);
        let fits = |m: &BlockMeta| m.max_ms <= start(m).saturating_add(range_ms);
        let groups = sorted.chunk_by(|a, b| start(a) == start(b) && fits(a) && fits(b));
        let complete = |group: &&[&BlockMeta]| {
            let end_ms = group.first().map(|m| start(m).saturating_add(range_ms));
            group.len() > 1 && end_ms.is_some_and(|end| end <= newest_min_ms)
        };
        if let Some(group) = groups.into_iter().find(complete) {
            return Some(Plan::of(group));
        }
        range_ms = range_ms.checked_mul(LEVEL_FACTOR)?;
    }
    None
}

#[cfg(test)]
mod tests;
