use model::Labels;

use super::*;

fn rules(yaml_text: &str) -> Vec<RelabelConfig> {
    yaml::from_str(yaml_text).unwrap_or_else(|e| panic!("{yaml_text}: {e}"))
}

/// `a=1 b=2` as labels; `-` for none.
fn set_of(text: &str) -> Labels {
    Labels::from_pairs(text.split_whitespace().filter_map(|pair| pair.split_once('=')))
}

/// One rule or more, what goes in, what comes out (`dropped` for nothing).
const CASES: &[(&str, &str, &str)] = &[
    (
        "[{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch${1}'}]",
        "a=foo b=bar",
        "a=foo b=bar d=choo-choo",
    ),
    (
        "[{source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}, {source_labels: [c, a], regex: '(b).*b(.*)ba(.*)', target_label: d, replacement: '$1$2$2$3'}]",
        "a=foo b=bar c=baz",
        "a=boobam b=bar c=baz d=boooom",
    ),
    (
        "[{source_labels: [a], regex: '.*o.*', action: drop}, {source_labels: [a], regex: 'f(.*)', target_label: d}]",
        "a=foo",
        "dropped",
    ),
    (
        "[{source_labels: [a], regex: 'no-match', action: drop}]",
        "a=abc",
        "a=abc",
    ),
    (
        "[{source_labels: [a], regex: 'f|o', action: drop}]",
        "a=foo",
        "a=foo",
    ),
    (
        "[{source_labels: [a], regex: 'no-match', action: keep}]",
        "a=abc",
        "dropped",
    ),
    (
        "[{source_labels: [a], regex: 'f.*', action: keep}]",
        "a=foo",
        "a=foo",
    ),
    (
        "[{source_labels: [a], target_label: b, replacement: ''}]",
        "a=x b=y",
        "a=x",
    ),
    (
        "[{source_labels: [missing], target_label: b, replacement: static}]",
        "a=x",
        "a=x b=static",
    ),
    (
        "[{regex: , target_label: b, replacement: static}]",
        "a=x",
        "a=x b=static",
    ),
    (
        "[{source_labels: [a], regex: , target_label: b, replacement: static}]",
        "a=x",
        "a=x",
    ),
    (
        "[{source_labels: [a], regex: '([^=]+)=(.*)', target_label: '${1}', replacement: '${2}'}]",
        "a=k=v",
        "a=k=v k=v",
    ),
    (
        "[{source_labels: [c], target_label: d, action: hashmod, modulus: 1000}]",
        "a=foo b=bar c=baz",
        "a=foo b=bar c=baz d=976",
    ),
    (
        "[{action: labelmap, regex: '(b.*)', replacement: 'bar_${1}'}]",
        "a=foo b1=bar b2=baz",
        "a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz",
    ),
    (
        "[{action: labelmap, regex: '__meta_(my.*)'}]",
        "a=foo __meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc",
        "a=foo my_bar=aaa my_baz=bbb __meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc",
    ),
    (
        "[{action: labeldrop, regex: '(b.*)'}]",
        "a=foo b1=bar b2=baz",
        "a=foo",
    ),
    (
        "[{action: labelkeep, regex: '(b.*)'}]",
        "a=foo b1=bar b2=baz",
        "b1=bar b2=baz",
    ),
    (
        "[{source_labels: [a], target_label: u, action: uppercase}, {source_labels: [a], target_label: l, action: LOWERCASE}]",
        "a=bAr123Foo",
        "a=bAr123Foo u=BAR123FOO l=bar123foo",
    ),
    (
        "[{source_labels: [p], target_label: q, action: keepequal}]",
        "p=1234 q=1234",
        "p=1234 q=1234",
    ),
    (
        "[{source_labels: [p], target_label: q, action: keepequal}]",
        "p=1234 q=5678",
        "dropped",
    ),
    (
        "[{source_labels: [p], target_label: q, action: dropequal}]",
        "p=1234 q=1234",
        "dropped",
    ),
    (
        "[{source_labels: [p], target_label: q, action: dropequal}]",
        "p=1234 q=5678",
        "p=1234 q=5678",
    ),
];

#[test]
fn every_action_does_what_upstream_does() {
    for (config, input, expected) in CASES {
        let result = process(&rules(config), set_of(input));
        match *expected {
            "dropped" => assert_eq!(result, None, "{config} on {input}"),
            expected => assert_eq!(result, Some(set_of(expected)), "{config} on {input}"),
        }
    }
}

#[test]
fn a_dot_matches_a_newline() {
    let labels = Labels::from_pairs([("a", "x\ny")]);
    let kept = process(
        &rules("[{source_labels: [a], regex: 'x.y', action: keep}]"),
        labels.clone(),
    );
    assert_eq!(kept, Some(labels));
}
