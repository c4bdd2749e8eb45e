//! Retention: which blocks have had their time.

use crate::block::BlockMeta;

/// The ids of the blocks to delete, ascending.
///
/// By time: those that end a whole retention before `newest_ms`, the newest sample of the database; where some series are
/// kept longer than others that is the longest one, `None` for good. The clock has no say, so a clock that jumps deletes
/// nothing. By size: the oldest, until the rest and `other_bytes` (the log) fit into `bound`.
pub fn plan(
    metas: &[BlockMeta],
    newest_ms: i64,
    other_bytes: u64,
    retention_ms: Option<i64>,
    bound: Option<u64>,
) -> Vec<u64> {
    let mut sorted: Vec<&BlockMeta> = metas.iter().collect();
    sorted.sort_by_key(|m| (m.max_ms, m.id));
    let end_ms = retention_ms.map(|ms| newest_ms.saturating_sub(ms));
    let expired = |m: &BlockMeta| end_ms.is_some_and(|end| m.max_ms <= end);
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
        assert_eq!(plan(&metas(), 500, 0, Some(300), None), [1]);
        assert_eq!(plan(&metas(), 499, 0, Some(300), None), [0u64; 0]);
        assert_eq!(plan(&metas(), i64::MAX, 0, None, None), [0u64; 0]);
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        assert_eq!(plan(&metas(), 500, 0, None, Some(4000)), [0u64; 0]);
        assert_eq!(plan(&metas(), 500, 1, None, Some(4000)), [1]);
        assert_eq!(plan(&metas(), 500, 0, None, Some(1999)), [1, 2, 3]);
        assert_eq!(plan(&metas(), 500, 0, Some(200), Some(3000)), [1, 2]);
    }
}
