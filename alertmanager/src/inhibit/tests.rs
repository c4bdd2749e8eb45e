use super::*;
use crate::matchers::parse_matchers;

fn labels(pairs: &str) -> Labels {
    Labels::from_pairs(pairs.split(',').filter_map(|pair| pair.split_once('=')))
}

fn alert(pairs: &str, ends_at_ms: i64) -> Arc<Alert> {
    Arc::new(Alert {
        labels: labels(pairs),
        annotations: Labels::empty(),
        starts_at_ms: 0,
        ends_at_ms,
        generator_url: String::new(),
        updated_at_ms: 0,
    })
}

fn rule(source: &str, target: &str, equal: &[&str]) -> InhibitRule {
    InhibitRule {
        name: String::new(),
        source: Matchers::new(parse_matchers(source).unwrap()),
        target: Matchers::new(parse_matchers(target).unwrap()),
        equal: equal.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[test]
fn a_firing_source_mutes_targets_with_equal_labels() {
    let mut inhibitor = Inhibitor::new([rule("severity=page", "severity=ticket", &["cluster", "zone"])]);
    let source = alert("severity=page,cluster=a", 100);
    inhibitor.insert(&source);
    for (target, now, muted) in [
        ("severity=ticket,cluster=a", 50, true),
        ("severity=ticket,cluster=a,zone=", 50, true),
        ("severity=ticket,cluster=a,zone=z", 50, false),
        ("severity=ticket,cluster=b", 50, false),
        ("severity=page,cluster=a", 50, false),
        ("severity=ticket,cluster=a", 100, false),
    ] {
        let by = inhibitor.inhibited_by(&labels(target), now);
        assert_eq!(by, muted.then(|| source.fingerprint()), "{target} at {now}");
    }
    inhibitor.remove(&source);
    assert_eq!(
        inhibitor.inhibited_by(&labels("severity=ticket,cluster=a"), 50),
        None
    );
}

#[test]
fn one_source_gone_leaves_the_other() {
    let mut inhibitor = Inhibitor::new([rule("up=0", "kind=symptom", &["cluster"])]);
    inhibitor.insert(&alert("up=0,cluster=a,i=1", 100));
    inhibitor.insert(&alert("up=0,cluster=a,i=2", 200));
    assert!(
        inhibitor
            .inhibited_by(&labels("kind=symptom,cluster=a"), 150)
            .is_some()
    );
}

#[test]
fn what_matches_both_sides_does_not_mute_its_like() {
    let mut inhibitor = Inhibitor::new([rule("team=db", "team=~.+", &[])]);
    inhibitor.insert(&alert("team=db,i=1", 0));
    assert_eq!(inhibitor.inhibited_by(&labels("team=db,i=1"), 1), None);
    assert_eq!(inhibitor.inhibited_by(&labels("team=db,i=2"), 1), None);
    assert!(inhibitor.inhibited_by(&labels("team=web"), 1).is_some());
}
