//! Compaction: several blocks become one.
//!
//! [`plan`] decides which, from their metas alone. Time is divided into aligned windows: of a flushed block's length,
//! then three times as long, and so on up to the longest block the options allow.
//!
//! - The window that is being filled keeps a few blocks of falling sizes (tiered): neighbours in age are merged once
//!   the largest is no more than half of what comes out, so that a sample is rewritten once for each doubling at most
//!   and n flushes leave O(log n) blocks.
//! - A complete window becomes one block, unless what came late is little beside what is there: that waits until
//!   enough of it has gathered.
//!
//! Blocks may overlap everywhere, and where two have the same time the older is right. So only neighbours in age are
//! merged: nothing that overlaps lies between them, and what a query shows does not change.

mod merging;

use crate::Options;
use crate::block::BlockMeta;
use crate::options::align;

pub use merging::merge_blocks;
#[allow(unused_imports)]
pub(crate) use merging::{merge_and_erase, merge_samples};

/// Each window is so many times as long as the one below.
pub(crate) const LEVEL_FACTOR: i64 = 3;

/// Blocks that are merged while their window is being filled. More than the flushes of a window at the usual pace: these
/// are merged once, when it is complete.
const FILLING_BLOCKS: usize = 10;

/// Blocks that are merged where a complete window has a large one and others that are little beside it.
const LATE_BLOCKS: usize = 4;

/// In a complete window all is merged once the rest is at least this part of the largest block.
const WORTH: u64 = 4;

/// At most so many blocks are merged at once: each takes memory.
const MAX_SOURCES: usize = 32;

/// Blocks to be merged into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Ids of the blocks, in the order of their age.
    pub sources: Vec<u64>,
}

/// Of when a block's oldest part is: the lowest id among the blocks that went into it. Of two values for one time
/// the one in the block with the lower age counts.
pub fn age(meta: &BlockMeta) -> u64 {
    meta.sources.iter().copied().fold(meta.id, u64::min)
}

/// What to compact next, `None` when all is as it should be. `quiet` says that hardly anything comes in, so that the
/// window being filled may be merged as if it were complete.
pub fn plan(metas: &[BlockMeta], quiet: bool, options: &Options) -> Option<Plan> {
    let mut blocks: Vec<&BlockMeta> = metas.iter().collect();
    blocks.sort_by_key(|m| (age(m), m.id));
    let newest_ms = blocks.iter().map(|m| m.max_ms).max()?;
    let mut width_ms = options.block_duration_ms;
    let mut shortest = true;
    let widest = |resolution_ms| options.max_block_duration_at(resolution_ms);
    let longest_ms = blocks.iter().map(|m| widest(m.resolution_ms)).max()?;
    while shortest || width_ms <= longest_ms {
        let best = windows(&blocks, width_ms)
            .into_iter()
            .filter(|(_, resolution_ms)| shortest || width_ms <= widest(*resolution_ms))
            .filter_map(|(start_ms, resolution_ms)| {
                let window = Window {
                    start_ms,
                    width_ms,
                    resolution_ms,
                };
                let complete = window.end_ms() < newest_ms || (quiet && shortest);
                window.candidate(&blocks, complete, shortest)
            })
            .min_by_key(|run| bytes(run));
        if let Some(run) = best {
            return Some(Plan {
                sources: run.iter().map(|m| m.id).collect(),
            });
        }
        shortest = false;
        width_ms = width_ms.checked_mul(LEVEL_FACTOR)?;
    }
    None
}

/// The windows of one length that blocks lie in, with their resolutions.
fn windows(blocks: &[&BlockMeta], width_ms: i64) -> Vec<(i64, i64)> {
    let mut windows: Vec<(i64, i64)> = blocks
        .iter()
        .map(|m| (align(m.min_ms, width_ms), m.resolution_ms))
        .collect();
    windows.sort_unstable();
    windows.dedup();
    windows
}

struct Window {
    start_ms: i64,
    width_ms: i64,
    resolution_ms: i64,
}

impl Window {
    fn end_ms(&self) -> i64 {
        self.start_ms.saturating_add(self.width_ms)
    }

    fn holds(&self, meta: &BlockMeta) -> bool {
        meta.min_ms >= self.start_ms
            && meta.max_ms <= self.end_ms()
            && meta.resolution_ms == self.resolution_ms
    }

    /// What to merge within the window, the least work first.
    fn candidate<'a>(
        &self,
        blocks: &[&'a BlockMeta],
        complete: bool,
        shortest: bool,
    ) -> Option<Vec<&'a BlockMeta>> {
        let found = self.neighbours(blocks).into_iter().filter_map(|run| {
            if complete && worth(&run) {
                Some(run.get(..MAX_SOURCES).map_or(run.clone(), <[_]>::to_vec))
            } else if complete {
                tier(&run, LATE_BLOCKS)
            } else if shortest {
                tier(&run, FILLING_BLOCKS)
            } else {
                None
            }
        });
        found.min_by_key(|run| bytes(run))
    }

    /// The blocks of the window in the order of age, divided where a block outside of it comes between that overlaps.
    fn neighbours<'a>(&self, blocks: &[&'a BlockMeta]) -> Vec<Vec<&'a BlockMeta>> {
        let mut runs = vec![Vec::new()];
        for &meta in blocks {
            let overlaps = meta.min_ms < self.end_ms() && meta.max_ms > self.start_ms;
            if self.holds(meta) {
                if let Some(run) = runs.last_mut() {
                    run.push(meta);
                }
            } else if overlaps && meta.resolution_ms == self.resolution_ms {
                runs.push(Vec::new());
            }
        }
        runs.retain(|run| run.len() > 1);
        runs
    }
}

fn bytes(run: &[&BlockMeta]) -> u64 {
    run.iter().map(|m| m.bytes).sum()
}

fn largest(run: &[&BlockMeta]) -> u64 {
    run.iter().map(|m| m.bytes).max().unwrap_or(0)
}

/// Whether merging everything is worth rewriting the largest.
fn worth(run: &[&BlockMeta]) -> bool {
    let largest = largest(run);
    (bytes(run) - largest).saturating_mul(WORTH) >= largest
}

/// Of all runs of at least so many neighbours, of which the largest is no more than half, the one of the fewest bytes.
fn tier<'a>(run: &[&'a BlockMeta], blocks: usize) -> Option<Vec<&'a BlockMeta>> {
    let mut best: Option<&[&BlockMeta]> = None;
    for from in 0..run.len() {
        let longest = run.len().min(from + MAX_SOURCES);
        for to in from + blocks..=longest {
            let some = &run[from..to];
            let total = bytes(some);
            if largest(some).saturating_mul(2) <= total && best.is_none_or(|b| total < bytes(b)) {
                best = Some(some);
            }
        }
    }
    best.map(<[_]>::to_vec)
}

#[cfg(test)]
mod tests;
