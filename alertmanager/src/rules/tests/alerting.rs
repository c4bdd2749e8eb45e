use super::*;
use model::metrics::STALE_NAN;

fn rule(fields: &str) -> AlertingRule {
    let text = format!("groups: [{{name: g, rules: [{{alert: A, expr: x, {fields}}}]}}]");
    AlertingRule::new(&file(&text).groups[0].rules[0]).unwrap()
}

fn expander(now_ms: i64) -> Expander {
    let querier = World::default().querier;
    Expander::new(
        Arc::new(template_functions("")),
        querier,
        now_ms,
        &Labels::empty(),
        "",
    )
}

/// One letter an evaluation, a minute apart. The result: `x` there, `.` not. The state after it: `-` none,
/// `p` pending, `f` firing, `k` firing by `keep_firing_for` only, `r` resolved and kept.
#[test]
fn the_state_machine() {
    for (fields, result, states) in [
        ("", "..xx..", "--ffrr"),
        ("for: 0s", "x.x", "frf"),
        ("for: 2m", "xxxx.x", "ppffrp"),
        ("for: 2m", "xx.xxxx", "pp-ppff"),
        ("for: 90s", "xxx", "ppf"),
        ("for: 5m", "xxxxxx", "pppppf"),
        ("keep_firing_for: 2m", "x...x", "fkkrf"),
        ("keep_firing_for: 2m", "x.x...", "fkfkkr"),
        ("keep_firing_for: 2m, for: 1m", "x.xx...xx", "p-pfkkrpf"),
    ] {
        let mut rule = rule(fields);
        let mut got = String::new();
        for (i, there) in (0_i64..).zip(result.chars()) {
            let vector = if there == 'x' {
                vec![(labels("x{a=\"1\"}"), 1.0)]
            } else {
                Vec::new()
            };
            rule.eval(i * MINUTE, &vector, &expander(i * MINUTE), 0).unwrap();
            got.push(match rule.alerts().next() {
                None => '-',
                Some(a) => match (a.state, a.keep_firing_since_ms) {
                    (AlertState::Pending, _) => 'p',
                    (AlertState::Firing, None) => 'f',
                    (AlertState::Firing, Some(_)) => 'k',
                    (AlertState::Inactive, _) => 'r',
                },
            });
        }
        assert_eq!(got, states, "{fields:?} {result}");
    }
}

#[test]
fn a_resolved_alert_is_forgotten_after_fifteen_minutes() {
    let mut rule = rule("");
    let there = vec![(labels("x"), 1.0)];
    rule.eval(0, &there, &expander(0), 0).unwrap();
    for (minute, kept) in [(1, true), (10, true), (16, true), (17, false)] {
        rule.eval(minute * MINUTE, &Vec::new(), &expander(0), 0).unwrap();
        assert_eq!(rule.alerts().next().is_some(), kept, "minute {minute}");
    }
}

#[test]
fn transitions_are_told() {
    let mut rule = rule("for: 1m");
    let there = vec![(labels("x{a=\"1\"}"), 1.0)];
    let mut told = |minute: i64, vector: &Vector| {
        let moved = rule.eval(minute * MINUTE, vector, &expander(0), 0).unwrap();
        moved
            .iter()
            .map(|t| format!("{} {}>{}", t.labels, t.from.as_str(), t.to.as_str()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(0, &there), [r#"{a="1", alertname="A"} inactive>pending"#]);
    assert_eq!(told(1, &there), [r#"{a="1", alertname="A"} pending>firing"#]);
    assert_eq!(told(2, &there), Vec::<String>::new());
    assert_eq!(
        told(3, &Vec::new()),
        [r#"{a="1", alertname="A"} firing>inactive"#]
    );
}

#[test]
fn labels_and_annotations_are_expanded_and_values_follow() {
    let fields = "labels: {severity: '{{ if gt $value 5.0 }}page{{ else }}ticket{{ end }}', alertname: no}, \
                  annotations: {summary: '{{ $labels.a }} at {{ $value }}'}";
    let mut rule = rule(fields);
    rule.eval(0, &vec![(labels("x{a=\"1\"}"), 1.0)], &expander(0), 0)
        .unwrap();
    rule.eval(1, &vec![(labels("x{a=\"1\"}"), 2.0)], &expander(0), 0)
        .unwrap();
    let alert = rule.alerts().next().unwrap();
    assert_eq!(
        alert.labels.to_string(),
        r#"{a="1", alertname="A", severity="ticket"}"#
    );
    assert_eq!(alert.annotations.to_string(), r#"{summary="1 at 2"}"#);
    assert_eq!((alert.value, alert.active_at_ms), (2.0, 0));
    assert_eq!(
        rule.series()
            .iter()
            .map(|(l, v)| format!("{l} {v}"))
            .collect::<Vec<_>>(),
        [
            r#"ALERTS_FOR_STATE{a="1", alertname="A", severity="ticket"} 0"#,
            r#"ALERTS{a="1", alertname="A", alertstate="firing", severity="ticket"} 1"#
        ]
    );
}

#[test]
fn two_alerts_of_one_labelset_and_too_many_alerts_are_errors() {
    let mut rule = rule("labels: {a: same}");
    let two = vec![(labels("x{a=\"1\"}"), 1.0), (labels("x{a=\"2\"}"), 1.0)];
    let error = rule.eval(0, &two, &expander(0), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "vector contains metrics with the same labelset after applying alert labels"
    );
    let mut rule = self::rule("");
    assert!(rule.eval(0, &two, &expander(0), 2).is_ok());
    let error = rule.eval(1, &two, &expander(0), 1).unwrap_err();
    assert_eq!(error.to_string(), "exceeded limit of 1 with 2 alerts");
    assert_eq!(rule.alerts().count(), 0);
}

/// Evaluations every 30 seconds, alerts sent again after a minute.
#[test]
fn alerts_are_sent_again_and_their_end_too() {
    let mut rule = rule("for: 30s");
    let there = vec![(labels("x"), 1.0)];
    let mut log = Vec::new();
    for step in 0..12_i64 {
        let now = step * 30_000;
        let vector = if step < 6 { there.clone() } else { Vec::new() };
        rule.eval(now, &vector, &expander(0), 0).unwrap();
        for alert in rule.due(now, MINUTE, 30_000, "http://m") {
            assert_eq!(alert.generator_url, "http://m/graph?g0.expr=x&g0.tab=1");
            log.push((
                now / 1000,
                alert.starts_at_ms / 1000,
                alert.ends_at_ms / 1000,
                alert.status(now).as_str(),
            ));
        }
    }
    assert_eq!(
        log,
        [
            (30, 30, 270, "firing"),
            (120, 30, 360, "firing"),
            (180, 30, 180, "resolved"),
            (270, 30, 180, "resolved"),
        ]
    );
}

/// Time in minutes: the rule's `for`, when the alert was active first, when it was seen last, and when, after a
/// restart at minute 100, it is due.
#[test]
fn restoring_after_a_restart() {
    for (for_min, active, seen, due, why) in [
        (30, 50.0, 95, 100, "was firing: fires at once"),
        (5, 50.0, 95, 100, "was firing, short wait: fires at once"),
        (
            30,
            68.0,
            95,
            110,
            "3 of 30 minutes left: waits for the grace period",
        ),
        (
            30,
            85.0,
            95,
            120,
            "20 of 30 minutes left: the outage does not count",
        ),
        (5, 94.0, 95, 105, "short wait, not over: begins anew"),
        (30, 10.0, 30, 130, "seen too long ago: begins anew"),
    ] {
        let world = World::default();
        let text = format!("groups: [{{name: g, rules: [{{alert: A, expr: x, for: {for_min}m}}]}}]");
        world.querier.set("x", &[("x{a=\"1\"}", 1.0)]);
        world.querier.past.lock().push(ForState {
            labels: labels("{a=\"1\", alertname=\"A\"}"),
            at_ms: seen * MINUTE,
            active_since_s: active * 60.0,
        });
        let mut group = Group::new("f", file(&text).groups.remove(0), Settings::default(), true);
        let clock = model::ManualClock::at(0);
        let fired = (100..200).find(|minute| {
            group.evaluate(minute * MINUTE, &world.outputs(), &clock);
            !world.alerts.take().is_empty()
        });
        assert_eq!(fired, Some(due), "{why}");
    }
}

#[test]
fn an_alert_that_had_ended_is_not_restored() {
    let world = World::default();
    world.querier.set("x", &[("x", 1.0)]);
    let state = ForState {
        labels: labels("{alertname=\"A\"}"),
        at_ms: 99 * MINUTE,
        active_since_s: STALE_NAN,
    };
    world.querier.past.lock().push(state);
    let text = "groups: [{name: g, rules: [{alert: A, expr: x, for: 30m}]}]";
    let mut group = Group::new("f", file(text).groups.remove(0), Settings::default(), true);
    group.evaluate(100 * MINUTE, &world.outputs(), &model::ManualClock::at(0));
    let status = group.status();
    let alert = &status.rules[0].alerting.as_ref().unwrap().alerts[0];
    assert_eq!(alert.active_at_ms, 100 * MINUTE);
}
