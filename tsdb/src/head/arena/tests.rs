//! What goes in comes out, in pages of every size.

use super::*;
use crate::random::Random;

fn random_labels(random: &mut Random, values: u64) -> Labels {
    let mut pairs = vec![("__name__".to_owned(), format!("metric_{}", random.below(values)))];
    for name in ["a", "job", "instance", "Z", "le"] {
        if random.below(4) > 0 {
            pairs.push((name.to_owned(), format!("ü{}", random.below(values))));
        }
    }
    Labels::from_pairs(pairs)
}

#[test]
fn labels_and_their_order_survive() {
    let mut random = Random::new(1);
    for (width, values) in [(1, 5), (2, 1), (40, 7), (512, 30), (512, 1 << 40)] {
        let all: Vec<Labels> = (0..width).map(|_| random_labels(&mut random, values)).collect();
        let mut builder = ArenaBuilder::default();
        all.iter().for_each(|labels| builder.push(labels.iter()));
        let (arena, bearers) = builder.finish();
        assert_eq!(arena.width(), width);
        for (slot, labels) in all.iter().enumerate() {
            assert_eq!(&arena.labels(slot), labels);
            let other = random.below(width as u64) as usize;
            assert_eq!(arena.compare(slot, other), labels.cmp(&all[other]));
            for pair in arena.list(slot) {
                assert!(bearers[pair as usize].contains(&(slot as u16)));
            }
        }
        let borne: usize = bearers.iter().map(Vec::len).sum();
        assert_eq!(borne, all.iter().map(Labels::len).sum::<usize>());
        assert_eq!(arena.list(width).count(), 0);
    }
}

#[test]
fn a_page_beyond_64_kib_of_text_is_no_different() {
    let long = "x".repeat(40_000);
    let all: Vec<Labels> = (0..4)
        .map(|i| Labels::from_pairs([("a", format!("{i}{long}")), ("b", "same".to_owned())]))
        .collect();
    let mut builder = ArenaBuilder::default();
    all.iter().for_each(|labels| builder.push(labels.iter()));
    let (arena, _) = builder.finish();
    for (slot, labels) in all.iter().enumerate() {
        assert_eq!(&arena.labels(slot), labels);
    }
}

#[test]
fn an_empty_series_has_no_labels() {
    let mut builder = ArenaBuilder::default();
    builder.push(std::iter::empty());
    builder.push([("a", "b")].into_iter());
    let (arena, _) = builder.finish();
    assert!(arena.labels(0).is_empty());
    assert_eq!(arena.labels(1), Labels::from_pairs([("a", "b")]));
}
