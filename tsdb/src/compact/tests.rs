//! What is planned for which blocks.

use super::*;
use crate::block::BlockMeta;

const H: i64 = 3_600_000;

fn meta(id: u64, from_h: i64, to_h: i64) -> BlockMeta {
    BlockMeta::for_tests(id, from_h * H, to_h * H, 1000)
}

fn sources(metas: &[BlockMeta]) -> Option<Vec<u64>> {
    plan(metas, &Options::default()).map(|p| p.sources)
}

#[test]
fn nothing_to_do_for_none_one_or_an_incomplete_range() {
    assert_eq!(sources(&[]), None);
    assert_eq!(sources(&[meta(1, 0, 2)]), None);
    assert_eq!(sources(&[meta(1, 0, 2), meta(2, 2, 4), meta(3, 4, 6)]), None);
}

#[test]
fn a_range_is_merged_once_the_next_has_begun() {
    let mut metas = vec![meta(1, 0, 2), meta(2, 2, 4), meta(3, 4, 6), meta(4, 6, 8)];
    assert_eq!(sources(&metas), Some(vec![1, 2, 3]));
    metas.remove(1);
    assert_eq!(sources(&metas), Some(vec![1, 3]), "gaps do not matter");
}

#[test]
fn overlaps_go_first_and_through_one_another() {
    let metas = [
        meta(1, 0, 6),
        meta(5, 2, 4),
        meta(2, 6, 8),
        meta(3, 8, 10),
        meta(4, 10, 12),
        meta(6, 12, 14),
    ];
    assert_eq!(sources(&metas), Some(vec![1, 5]));
    let metas = [
        meta(1, 0, 2),
        meta(2, 2, 6),
        meta(3, 4, 8),
        meta(4, 7, 10),
        meta(5, 10, 12),
    ];
    assert_eq!(sources(&metas), Some(vec![2, 3, 4]));
}

#[test]
fn no_block_gets_longer_than_a_tenth_of_the_retention() {
    let day = [meta(1, 0, 18), meta(2, 18, 36), meta(3, 36, 54), meta(4, 54, 56)];
    assert_eq!(sources(&day), None, "54 h would exceed 36 h");
    let options = Options {
        retention_ms: None,
        ..Options::default()
    };
    assert_eq!(plan(&day, &options).map(|p| p.sources), Some(vec![1, 2, 3]));
}

#[test]
fn planning_comes_to_an_end() {
    let options = Options::default();
    let mut metas: Vec<BlockMeta> = (0..500).map(|i| meta(i as u64 + 1, i * 2, i * 2 + 2)).collect();
    let mut next = 1000;
    while let Some(plan) = plan(&metas, &options) {
        let (gone, kept): (Vec<_>, Vec<_>) = metas.into_iter().partition(|m| plan.sources.contains(&m.id));
        assert!(gone.len() > 1);
        let from = gone.iter().map(|m| m.min_ms).min().unwrap() / H;
        let to = gone.iter().map(|m| m.max_ms).max().unwrap() / H;
        assert!(to - from <= 36);
        metas = kept;
        metas.push(meta(next, from, to));
        next += 1;
    }
    assert!(metas.len() < 70, "{}", metas.len());
}
