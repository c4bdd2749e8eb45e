//! Matchers agree with asking each series, and labels with a plain map.

use std::collections::{BTreeMap, BTreeSet};

use model::MatchOp;

use super::*;

/// Series with few and with very many values of a label: lists and transducers, in several parts.
fn many_values() -> Content {
    let mut random = Random::new(20);
    let mut content: Content = (0..9000u64)
        .map(|i| {
            let mut pairs = vec![
                ("__name__".to_owned(), format!("m{}", i % 4)),
                (
                    "pod".to_owned(),
                    format!("pod-{:05}-{}", i * 7919 % 99_991, ["a", "ä", "b"][i as usize % 3]),
                ),
            ];
            if random.below(3) > 0 {
                pairs.push(("zone".to_owned(), format!("z{}", random.below(6))));
            }
            if random.below(50) == 0 {
                pairs.push(("rare".to_owned(), format!("{}", random.below(400))));
            }
            let mut samples = Samples::default();
            samples.push(i as i64 % 10, 1.0);
            (Labels::from_pairs(pairs), samples)
        })
        .collect();
    content.sort_by(|a, b| a.0.cmp(&b.0));
    content
}

#[test]
fn matchers_of_all_kinds_agree_with_asking_each_series() {
    let content = many_values();
    let fs = fs();
    let block = block_of(&fs, 1, Effort::Best, &content);
    let ops = [
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ];
    let values = [
        "",
        "m1",
        "m1|m2",
        "m[0-2]",
        ".*",
        ".+",
        "|z3",
        "z1|",
        "nothing",
        "z.",
        "pod-00.*",
        "pod-.*-ä",
        "pod-(1|22).*b",
        ".*[05]-a",
        "z1",
        "1.",
        "399|1",
        "(?i)POD-0.*",
        "pod-07919-.",
    ];
    let mut random = Random::new(21);
    for _ in 0..150 {
        let matchers: Vec<Matcher> = (0..=random.below(3))
            .map(|_| {
                let name = ["__name__", "pod", "zone", "rare", "absent"][random.below(5) as usize];
                let op = ops[random.below(4) as usize];
                Matcher::new(name, op, values[random.below(values.len() as u64) as usize]).unwrap()
            })
            .collect();
        let found = block.select(&matchers, i64::MIN, i64::MAX).unwrap();
        let expected = content
            .iter()
            .filter(|(l, _)| matchers.iter().all(|m| m.matches_labels(l)));
        assert!(
            found.iter().map(|s| &s.labels).eq(expected.map(|(l, _)| l)),
            "{matchers:?}"
        );
    }
}

#[test]
fn names_and_values_are_those_of_the_series() {
    let content = many_values();
    let fs = fs();
    let block = block_of(&fs, 1, Effort::Fast, &content);
    let mut map: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in content.iter().flat_map(|(labels, _)| labels.iter()) {
        map.entry(name).or_default().insert(value);
    }
    assert!(block.label_names().unwrap().iter().eq(map.keys()));
    for (name, values) in &map {
        assert!(block.label_values(name, None).unwrap().iter().eq(values));
        assert_eq!(block.label_cardinality(name).unwrap(), values.len() as u64);
        for (op, value) in [
            (MatchOp::Regex, ".*1.*"),
            (MatchOp::NotRegex, "pod-[0-4].*"),
            (MatchOp::Equal, "z1"),
            (MatchOp::NotEqual, "z1"),
        ] {
            let matcher = Matcher::new("any", op, value).unwrap();
            let expected = values.iter().filter(|v| matcher.matches(v));
            assert!(
                block
                    .label_values(name, Some(&matcher))
                    .unwrap()
                    .iter()
                    .eq(expected),
                "{matcher}"
            );
        }
    }
    assert!(block.label_values("absent", None).unwrap().is_empty());
}

#[test]
fn a_range_without_samples_gives_no_series() {
    let content = many_values();
    let fs = fs();
    let block = block_of(&fs, 1, Effort::Fast, &content);
    assert!(block.select(&[], 10, 20).unwrap().is_empty());
    assert!(block.select(&[], -5, -1).unwrap().is_empty());
    assert_eq!(block.select(&[], 3, 3).unwrap().len(), 900);
}
