use super::*;
use model::ManualClock;

const RULES: &str = "groups: [{name: g, interval: 1m, rules: [
    {record: 'job:x:sum', expr: x, labels: {k: v}},
    {alert: A, expr: y}]}]";

fn group(text: &str) -> Group {
    Group::new("f.yml", file(text).groups.remove(0), Settings::default(), false)
}

fn world() -> World {
    let world = World::default();
    world
        .querier
        .set("x", &[("x{job=\"a\"}", 1.0), ("x{job=\"b\"}", 2.0)]);
    world.querier.set("y", &[("y{i=\"1\"}", 5.0)]);
    world
}

fn eval(group: &mut Group, world: &World, now_ms: i64) -> Vec<String> {
    group.evaluate(now_ms, &world.outputs(), &ManualClock::at(0));
    world.sink.take()
}

#[test]
fn results_are_stored_and_vanished_series_end() {
    let (world, mut group) = (world(), group(RULES));
    assert_eq!(
        eval(&mut group, &world, MINUTE),
        [
            r#"ALERTS_FOR_STATE{alertname="A", i="1"} @60000 60"#,
            r#"ALERTS{alertname="A", alertstate="firing", i="1"} @60000 1"#,
            r#"job:x:sum{job="a", k="v"} @60000 1"#,
            r#"job:x:sum{job="b", k="v"} @60000 2"#,
        ]
    );
    world.querier.set("x", &[("x{job=\"a\"}", 3.0)]);
    world.querier.set("y", &[]);
    assert_eq!(
        eval(&mut group, &world, 2 * MINUTE),
        [
            r#"ALERTS_FOR_STATE{alertname="A", i="1"} @120000 stale"#,
            r#"ALERTS{alertname="A", alertstate="firing", i="1"} @120000 stale"#,
            r#"job:x:sum{job="a", k="v"} @120000 3"#,
            r#"job:x:sum{job="b", k="v"} @120000 stale"#,
        ]
    );
    assert_eq!(
        eval(&mut group, &world, 3 * MINUTE),
        [r#"job:x:sum{job="a", k="v"} @180000 3"#]
    );
    let stats = group.status().stats;
    assert_eq!(
        (
            stats.evaluations,
            stats.evaluation_failures,
            stats.iterations,
            stats.last_samples
        ),
        (6, 0, 3, 1)
    );
}

#[test]
fn going_from_pending_to_firing_ends_the_pending_series() {
    let (world, mut group) = (
        world(),
        group("groups: [{name: g, rules: [{alert: A, expr: y, for: 1m}]}]"),
    );
    eval(&mut group, &world, 0);
    let lines = eval(&mut group, &world, MINUTE);
    assert!(lines.contains(&r#"ALERTS{alertname="A", alertstate="pending", i="1"} @60000 stale"#.to_owned()));
    assert!(lines.contains(&r#"ALERTS{alertname="A", alertstate="firing", i="1"} @60000 1"#.to_owned()));
}

#[test]
fn a_failed_query_changes_nothing_and_is_told() {
    let (world, mut group) = (world(), group(RULES));
    eval(&mut group, &world, MINUTE);
    world.querier.answers.lock().clear();
    assert_eq!(eval(&mut group, &world, 2 * MINUTE), Vec::<String>::new());
    let status = group.status();
    assert_eq!(status.rules[1].health, Health::Bad);
    assert_eq!(status.rules[1].last_error.as_deref(), Some("no answer for y"));
    let alerting = status.rules[1].alerting.as_ref().unwrap();
    assert_eq!((alerting.state, alerting.alerts.len()), (AlertState::Firing, 1));
    assert_eq!(status.stats.evaluation_failures, 2);
}

#[test]
fn a_recording_rule_that_makes_one_series_of_two_fails() {
    let world = world();
    let mut group = group(
        "groups: [{name: g, limit: 1, rules: [{record: r, expr: x, labels: {job: z}}, {record: s, expr: x}]}]",
    );
    assert_eq!(eval(&mut group, &world, 0), Vec::<String>::new());
    let errors: Vec<_> = group
        .status()
        .rules
        .iter()
        .filter_map(|r| r.last_error.clone())
        .collect();
    assert_eq!(
        errors,
        [
            "vector contains metrics with the same labelset after applying rule labels",
            "exceeded limit of 1 with 2 series"
        ]
    );
}

#[test]
fn samples_that_are_refused_make_the_rule_unhealthy() {
    let (world, mut group) = (world(), group(RULES));
    *world.sink.refuse.lock() = Some(Rejected::OutOfOrder);
    eval(&mut group, &world, 0);
    let status = group.status();
    assert_eq!(status.rules[0].health, Health::Bad);
    let want = "2 of 2 samples were not stored: out of order sample";
    assert_eq!(status.rules[0].last_error.as_deref(), Some(want));
}

#[test]
fn the_query_offset_moves_queries_and_samples_not_alerts() {
    let world = world();
    let mut group = group("groups: [{name: g, query_offset: 10s, rules: [{alert: A, expr: y}]}]");
    let lines = eval(&mut group, &world, MINUTE);
    assert!(lines[1].ends_with("@50000 1"), "{lines:?}");
    assert_eq!(*world.querier.asked_at.lock(), [50_000]);
    assert_eq!(world.alerts.take()[0].starts_at_ms, MINUTE);
}

#[test]
fn external_labels_are_added_where_they_are_missing() {
    let world = world();
    let settings = Settings {
        external_labels: Labels::from_pairs([("i", "other"), ("cluster", "c")]),
        ..Settings::default()
    };
    let mut group = Group::new("f", file(RULES).groups.remove(0), settings, false);
    eval(&mut group, &world, 0);
    let alerts = world.alerts.take();
    assert_eq!(
        alerts[0].labels.to_string(),
        r#"{alertname="A", cluster="c", i="1"}"#
    );
}

#[test]
fn a_reload_keeps_alerts_and_ends_the_series_of_removed_rules() {
    let (world, mut old) = (world(), group(RULES));
    eval(&mut old, &world, MINUTE);
    let mut new = group("groups: [{name: g, interval: 2m, rules: [{alert: A, expr: y, for: 5m}]}]");
    new.take_over(old);
    world.alerts.take();
    let lines = eval(&mut new, &world, 2 * MINUTE);
    assert!(
        lines.contains(&r#"job:x:sum{job="a", k="v"} @120000 stale"#.to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&r#"ALERTS_FOR_STATE{alertname="A", i="1"} @120000 60"#.to_owned()),
        "{lines:?}"
    );
    assert_eq!(
        new.status().rules[0].alerting.as_ref().unwrap().state,
        AlertState::Firing
    );
    assert_eq!(eval(&mut new, &world, 3 * MINUTE).len(), 2, "ended once only");
}
