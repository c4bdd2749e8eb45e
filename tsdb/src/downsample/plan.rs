//! What to downsample next, from the metas of blocks alone.
//!
//! Downsampled blocks of one resolution never overlap, and each says by its range which windows it stands for. A block
//! of single samples is due once all of it lies so far back as the options say; what of its range no downsampled block
//! stands for becomes one. A block that is younger than those that stand for its range came late: they are written anew
//! together with it.

use crate::Options;
use crate::block::BlockMeta;
use crate::compact::age;
use crate::options::{Downsampling, align};
use crate::spans::Spans;

/// Blocks that are read at once at most: more are compacted first.
const MAX_SOURCES: usize = 32;

/// A downsampled block to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) resolution_ms: i64,
    /// Which windows: from, and up to but not with; multiples of the resolution.
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// The blocks of single samples that reach into it, the oldest first.
    pub(crate) sources: Vec<u64>,
    /// Downsampled blocks that it replaces.
    pub(crate) replaces: Vec<u64>,
}

/// What to write next, the oldest first; `None` when nothing is due.
pub(crate) fn plan(metas: &[BlockMeta], newest_ms: i64, options: &Options) -> Option<Job> {
    let jobs = options
        .downsample
        .iter()
        .flat_map(|to| due(metas, to, newest_ms, options));
    jobs.map(|(_, job)| job)
        .filter(|job| job.sources.len() <= MAX_SOURCES)
        .min_by_key(|job| (job.start_ms, job.resolution_ms))
}

/// The blocks of single samples that must stay until they are downsampled.
pub(crate) fn pending(metas: &[BlockMeta], newest_ms: i64, options: &Options) -> Vec<u64> {
    let all = options
        .downsample
        .iter()
        .flat_map(|to| due(metas, to, newest_ms, options));
    all.map(|(block, _)| block).collect()
}

/// The windows that a block's range touches.
pub(crate) fn windows(meta: &BlockMeta, resolution_ms: i64) -> (i64, i64) {
    (
        align(meta.min_ms, resolution_ms),
        align_up(meta.max_ms, resolution_ms),
    )
}

/// The smallest multiple of `width` that is not below `timestamp_ms`.
pub(crate) fn align_up(timestamp_ms: i64, width: i64) -> i64 {
    align(timestamp_ms.saturating_add(width - 1), width)
}

/// What is due at one resolution: the block that is, and what is to be written.
fn due<'a>(
    metas: &'a [BlockMeta],
    to: &'a Downsampling,
    newest_ms: i64,
    options: &Options,
) -> impl Iterator<Item = (u64, Job)> + 'a {
    let resolution_ms = to.resolution_ms;
    let limit_ms = align(
        newest_ms.saturating_sub(options.downsample_after_ms(to)),
        resolution_ms,
    );
    let kept_from_ms = to
        .retention_ms
        .map_or(i64::MIN, |ms| newest_ms.saturating_sub(ms));
    let old = metas
        .iter()
        .filter(move |m| m.resolution_ms == 0 && m.max_ms <= limit_ms && m.max_ms > kept_from_ms);
    old.filter_map(move |block| {
        let done = metas
            .iter()
            .filter(|m| m.resolution_ms == resolution_ms && m.id > age(block));
        let done = Spans::of(done.map(|m| windows(m, resolution_ms)));
        let all = Spans::of([windows(block, resolution_ms)]);
        let missing = all.minus(&done).iter().next()?;
        Some((block.id, job(metas, resolution_ms, missing)))
    })
}

/// The block that stands for a range and for that of all downsampled blocks in its way.
fn job(metas: &[BlockMeta], resolution_ms: i64, (mut start_ms, mut end_ms): (i64, i64)) -> Job {
    let mut replaces: Vec<u64> = Vec::new();
    for meta in metas.iter().filter(|m| m.resolution_ms == resolution_ms) {
        let (from_ms, to_ms) = windows(meta, resolution_ms);
        if from_ms < end_ms && to_ms > start_ms {
            replaces.push(meta.id);
        }
    }
    // They overlap nothing but the range, so that there is no need to look again.
    for meta in metas.iter().filter(|m| replaces.contains(&m.id)) {
        let (from_ms, to_ms) = windows(meta, resolution_ms);
        (start_ms, end_ms) = (start_ms.min(from_ms), end_ms.max(to_ms));
    }
    let mut sources: Vec<&BlockMeta> = metas
        .iter()
        .filter(|m| m.resolution_ms == 0 && m.min_ms < end_ms && m.max_ms > start_ms)
        .collect();
    sources.sort_by_key(|m| (age(m), m.id));
    Job {
        resolution_ms,
        start_ms,
        end_ms,
        sources: sources.iter().map(|m| m.id).collect(),
        replaces,
    }
}

#[cfg(test)]
mod tests;
