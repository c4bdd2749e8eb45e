use super::*;

#[test]
fn pairs_are_sorted_unique_and_never_empty() {
    let labels = Labels::from_pairs([("b", "1"), ("a", "2"), ("c", ""), ("b", "3")]);
    assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
    assert_eq!(labels.get("b"), Some("3"));
    assert_eq!(labels.get("c"), None);
}

#[test]
fn where_a_name_ends_is_part_of_identity() {
    let one = Labels::from_pairs([("ab", "c")]);
    let two = Labels::from_pairs([("a", "bc")]);
    assert_ne!(one, two);
    assert_ne!(one.hash64(), two.hash64());
}

#[test]
fn order_is_pair_by_pair() {
    let short = Labels::from_pairs([("a", "1")]);
    let long = Labels::from_pairs([("a", "1"), ("b", "1")]);
    let other = Labels::from_pairs([("a", "2")]);
    assert!(Labels::empty() < short && short < long && long < other);
}

#[test]
fn shown_as_prometheus_shows_them() {
    let shown = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).to_string();
    assert_eq!(shown(&[("__name__", "up")]), "up");
    assert_eq!(shown(&[("__name__", "up"), ("job", "a\"b")]), r#"up{job="a\"b"}"#);
    assert_eq!(
        shown(&[("job", "x"), ("k8s.pod", "y")]),
        r#"{job="x", "k8s.pod"="y"}"#
    );
    assert_eq!(shown(&[]), "{}");
}

#[test]
fn a_builder_starts_from_a_set_and_leaves_it_alone() {
    let base = Labels::from_pairs([("__name__", "up"), ("job", "x")]);
    let mut builder = base.to_builder();
    builder.set("job", "").set("zone", "z");
    assert_eq!(builder.build().to_string(), r#"up{zone="z"}"#);
    assert_eq!(base.without_name().to_string(), r#"{job="x"}"#);
}
