//! Retention: which blocks have had their time.

use crate::block::BlockMeta;

/// The ids of the blocks to delete, ascending.
///
/// By time: those that end a whole retention before `newest_ms`, the newest sample of the database. `retention_ms` says
/// how long a block is kept, `None` for good: where some series are kept longer than others that is the longest one,
/// downsampled blocks have their own, and what is still to be downsampled stays. The clock has no say, so a clock that
/// jumps deletes nothing. By size: the oldest, until the rest and `other_bytes` (the log) fit into `bound`.
pub fn plan(
    metas: &[BlockMeta],
    newest_ms: i64,
    other_bytes: u64,
    retention_ms: impl Fn(&BlockMeta) -> Option<i64>,
    bound: Option<u64>,
) -> Vec<u64> {
    let mut sorted: Vec<&BlockMeta> = metas.iter().collect();
    sorted.sort_by_key(|m| (m.max_ms, m.id));
    let expired = |m: &BlockMeta| retention_ms(m).is_some_and(|ms| m.max_ms <= newest_ms.saturating_sub(ms));
    let mut total: u64 = sorted
        .iter()
        .map(|m| m.bytes)
        .sum::<u64>()
        .saturating_add(other_bytes);
    let mut gone = Vec::new();
    for meta in sorted {
        if expired(meta) || bound.is_some_and(|bound| total > bound) {
            total = total.saturating_sub(meta.bytes);
            gone.push(meta.id);
        }
    }
    gone.sort_unstable();
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metas() -> Vec<BlockMeta> {
        (1..=4)
            .map(|i| BlockMeta::for_tests(i, i as i64 * 100, i as i64 * 100 + 100, 1000))
            .collect()
    }

    #[test]
    fn blocks_go_when_they_end_before_the_retention() {
        assert_eq!(plan(&metas(), 500, 0, |_| Some(300), None), [1]);
        assert_eq!(plan(&metas(), 499, 0, |_| Some(300), None), [0u64; 0]);
        assert_eq!(plan(&metas(), i64::MAX, 0, |_| None, None), [0u64; 0]);
        let third_for_good = |m: &BlockMeta| Some(0).filter(|_| m.id != 3);
        assert_eq!(plan(&metas(), 1000, 0, third_for_good, None), [1, 2, 4]);
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        assert_eq!(plan(&metas(), 500, 0, |_| None, Some(4000)), [0u64; 0]);
        assert_eq!(plan(&metas(), 500, 1, |_| None, Some(4000)), [1]);
        assert_eq!(plan(&metas(), 500, 0, |_| None, Some(1999)), [1, 2, 3]);
        assert_eq!(plan(&metas(), 500, 0, |_| Some(200), Some(3000)), [1, 2]);
    }
}
