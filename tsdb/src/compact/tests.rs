//! What is planned for which blocks.

use super::*;
use crate::block::BlockMeta;
use crate::random::Random;

const H: i64 = 3_600_000;

fn meta(id: u64, from_h: i64, to_h: i64, bytes: u64) -> BlockMeta {
    BlockMeta::for_tests(id, from_h * H, to_h * H, bytes)
}

fn sources(metas: &[BlockMeta]) -> Option<Vec<u64>> {
    plan(metas, false, &Options::default()).map(|p| p.sources)
}

/// The block that the planned ones become.
fn merge(metas: &mut Vec<BlockMeta>, plan: &Plan, id: u64) -> u64 {
    let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(metas)
        .into_iter()
        .partition(|m| plan.sources.contains(&m.id));
    assert_eq!(gone.len(), plan.sources.len());
    assert!(gone.len() > 1);
    let mut sources: Vec<u64> = gone
        .iter()
        .flat_map(|m| m.sources.iter().copied().chain([m.id]))
        .collect();
    sources.sort_unstable();
    let bytes = gone.iter().map(|m| m.bytes).sum();
    *metas = kept;
    metas.push(BlockMeta {
        id,
        min_ms: gone.iter().map(|m| m.min_ms).min().unwrap(),
        max_ms: gone.iter().map(|m| m.max_ms).max().unwrap(),
        level: gone.iter().map(|m| m.level).max().unwrap() + 1,
        sources,
        bytes,
        ..BlockMeta::default()
    });
    bytes
}

#[test]
fn nothing_to_do_for_none_one_or_few_in_the_window_being_filled() {
    assert_eq!(sources(&[]), None);
    assert_eq!(sources(&[meta(1, 0, 2, 9)]), None);
    assert_eq!(
        sources(&[meta(1, 0, 1, 9), meta(2, 0, 2, 9), meta(3, 1, 2, 9)]),
        None
    );
}

#[test]
fn many_alike_in_the_window_being_filled_become_one_and_a_large_one_is_left_alone() {
    let alike: Vec<_> = (1..=10).map(|i| meta(i, 0, 1, 10)).collect();
    assert_eq!(sources(&alike[..9]), None);
    assert_eq!(sources(&alike), Some((1..=10).collect()));
    let mut falling = vec![meta(1, 0, 2, 640), meta(2, 0, 2, 160), meta(3, 0, 2, 40)];
    falling.extend((4..=12).map(|i| meta(i, 0, 2, 10)));
    assert_eq!(sources(&falling), Some((3..=12).collect()));
    falling.remove(2);
    assert_eq!(sources(&falling), None);
    falling.push(meta(13, 0, 2, 10));
    assert_eq!(sources(&falling), Some((4..=13).collect()));
}

#[test]
fn a_complete_window_becomes_one_block() {
    let metas = [meta(1, 0, 1, 100), meta(2, 1, 2, 30), meta(3, 2, 3, 5)];
    assert_eq!(sources(&metas), Some(vec![1, 2]));
}

#[test]
fn a_little_that_came_late_waits_until_there_is_more() {
    let mut metas = vec![meta(1, 0, 2, 1000), meta(2, 2, 3, 50)];
    for id in 10..13 {
        metas.push(meta(id, 0, 1, 1));
        assert_eq!(sources(&metas), None);
    }
    metas.push(meta(13, 0, 1, 1));
    assert_eq!(sources(&metas), Some(vec![10, 11, 12, 13]), "among themselves");
    metas.truncate(2);
    metas.push(meta(10, 0, 1, 250));
    assert_eq!(sources(&metas), Some(vec![1, 10]), "with the large one");
}

#[test]
fn the_window_being_filled_is_merged_when_all_is_quiet() {
    let metas = [meta(1, 0, 1, 100), meta(2, 0, 1, 30)];
    assert_eq!(sources(&metas), None);
    assert_eq!(
        plan(&metas, true, &Options::default()).map(|p| p.sources),
        Some(vec![1, 2])
    );
}

#[test]
fn longer_windows_follow_when_they_are_complete_and_up_to_a_tenth_of_the_retention() {
    let mut metas = vec![meta(1, 0, 2, 10), meta(2, 2, 4, 10), meta(3, 4, 6, 10)];
    assert_eq!(sources(&metas), None, "not complete");
    metas.push(meta(4, 6, 8, 10));
    assert_eq!(sources(&metas), Some(vec![1, 2, 3]));
    metas.remove(1);
    assert_eq!(sources(&metas), Some(vec![1, 3]), "gaps do not matter");
    let day: Vec<_> = [(1, 0, 18), (2, 18, 36), (3, 36, 54), (4, 54, 56)]
        .map(|(id, from, to)| meta(id, from, to, 10))
        .into();
    assert_eq!(sources(&day), None, "54 h would exceed 36 h");
    let options = Options {
        retention_ms: None,
        ..Options::default()
    };
    assert_eq!(
        plan(&day, false, &options).map(|p| p.sources),
        Some(vec![1, 2, 3])
    );
}

#[test]
fn what_overlaps_and_lies_between_in_age_keeps_blocks_apart() {
    // 2 is longer than the window and overlaps it: merging 1 and 3 would put one of them on the wrong side of it.
    let metas = [
        meta(1, 0, 1, 10),
        meta(2, 1, 3, 10),
        meta(3, 1, 2, 10),
        meta(4, 8, 9, 10),
    ];
    assert_ne!(sources(&metas), Some(vec![1, 3]));
    assert_eq!(
        sources(&metas),
        Some(vec![1, 2, 3]),
        "in the window that holds all"
    );
}

#[test]
fn downsampled_blocks_stay_among_themselves() {
    let mut metas: Vec<_> = (1..=4).map(|i| meta(i, 0, 1, 10)).collect();
    for m in &mut metas[2..] {
        m.resolution_ms = 300_000;
    }
    metas.push(meta(9, 2, 3, 10));
    let first = plan(&metas, false, &Options::default()).unwrap();
    assert!(first.sources == [1, 2] || first.sources == [3, 4], "{first:?}");
}

#[test]
fn a_long_life_keeps_few_blocks_and_rewrites_seldom() {
    let options = Options::default();
    let mut random = Random::new(5);
    let (mut metas, mut next, mut flushed, mut rewritten) = (Vec::new(), 1u64, 0u64, 0u64);
    let quarter = H / 4;
    for i in 0..8 * 12 * 14i64 {
        let size = 800 + random.below(400);
        // Every flush has a little of the window before.
        let (start, end) = (i * quarter, (i + 1) * quarter);
        let late = align(start, 2 * H);
        if start - late < quarter && late > 0 {
            metas.push(BlockMeta::for_tests(next, late - quarter, late, 20));
            next += 1;
        }
        metas.push(BlockMeta::for_tests(next, start.max(late), end, size));
        next += 1;
        flushed += size;
        while let Some(plan) = plan(&metas, false, &options) {
            rewritten += merge(&mut metas, &plan, next);
            next += 1;
        }
        assert!(metas.len() < 70, "{} after {i}", metas.len());
        let hot = metas.iter().filter(|m| m.min_ms >= late).count();
        assert!(hot <= 12, "{hot} in the window being filled");
    }
    let factor = rewritten as f64 / flushed as f64;
    assert!(factor < 4.0, "each byte is rewritten {factor} times");
}

#[test]
fn planning_comes_to_an_end_whatever_the_blocks() {
    let options = Options::default();
    let mut random = Random::new(8);
    for _ in 0..50 {
        let mut metas: Vec<BlockMeta> = (1..=60)
            .map(|id| {
                let from = random.below(100) as i64;
                meta(
                    id,
                    from,
                    from + 1 + random.below(30) as i64,
                    1 + random.below(10_000),
                )
            })
            .collect();
        let mut next = 100;
        while let Some(plan) = plan(&metas, random.below(2) == 0, &options) {
            assert!(plan.sources.len() <= MAX_SOURCES);
            merge(&mut metas, &plan, next);
            next += 1;
        }
    }
}
