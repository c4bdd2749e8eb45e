//! Resolving agrees with asking each series.

use super::*;
use crate::random::Random;
use model::Labels;

fn insert(postings: &mut MemoryPostings, id: u32, labels: &Labels) {
    postings.add_series(&[id]);
    for (name, value) in labels.iter() {
        postings.add_pair(name, value, &[id]);
    }
}

#[test]
fn resolving_agrees_with_matching_each_series() {
    let mut random = Random::new(3);
    let mut postings = MemoryPostings::default();
    let mut series = Vec::new();
    for slot in 0..300u32 {
        let mut pairs = vec![("__name__".to_owned(), format!("m{}", random.below(4)))];
        for name in ["a", "b", "c"] {
            if random.below(3) > 0 {
                pairs.push((name.to_owned(), format!("v{}", random.below(6))));
            }
        }
        let labels = Labels::from_pairs(pairs);
        insert(&mut postings, slot, &labels);
        series.push(labels);
    }
    for slot in (0..300).step_by(7) {
        postings.remove(slot, series[slot as usize].iter());
    }
    let ops = [
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ];
    let values = [
        "", "v1", "v1|v2", "v[0-3]", ".*", ".+", "|v3", "v1|", "nothing", "v.", "m1|m2",
    ];
    for _ in 0..3000 {
        let matchers: Vec<Matcher> = (0..=random.below(3))
            .map(|_| {
                let name = ["__name__", "a", "b", "c", "absent"][random.below(5) as usize];
                let op = ops[random.below(4) as usize];
                Matcher::new(name, op, values[random.below(values.len() as u64) as usize]).unwrap()
            })
            .collect();
        let expected: Vec<u32> = (0..300u32)
            .filter(|slot| slot % 7 != 0)
            .filter(|&slot| matchers.iter().all(|m| m.matches_labels(&series[slot as usize])))
            .collect();
        let found: Vec<u32> = resolve(&postings, &matchers).unwrap().iter().collect();
        assert_eq!(found, expected, "{matchers:?}");
    }
}

#[test]
fn removing_everything_leaves_nothing() {
    let mut postings = MemoryPostings::default();
    let labels = Labels::from_pairs([("a", "b"), ("c", "d")]);
    insert(&mut postings, 5, &labels);
    postings.remove(5, labels.iter());
    assert_eq!(postings.iter().count(), 0);
    assert!(postings.all().unwrap().is_empty());
}
