use model::Labels;

use super::*;

const TIMEOUT: i64 = 300;

fn report(starts_at_ms: i64, ends_at_ms: i64) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", "X")]),
        annotations: Labels::empty(),
        starts_at_ms,
        ends_at_ms,
        generator_url: String::new(),
        updated_at_ms: 0,
    }
}

type Case = (&'static str, &'static [(i64, i64, i64)], (i64, i64));

/// Reports as (now, start, end), and what is known after the last: start, end.
const CASES: &[Case] = &[
    ("no times at all", &[(1000, 0, 0)], (1000, 1300)),
    ("an end alone", &[(1000, 0, 900)], (900, 900)),
    ("a start behind the end", &[(1000, 950, 900)], (900, 900)),
    (
        "the same again, later",
        &[(1000, 900, 1500), (1100, 900, 1600)],
        (900, 1600),
    ),
    ("it ends", &[(1000, 900, 1500), (1100, 900, 1100)], (900, 1100)),
    (
        "a timeout is prolonged",
        &[(1000, 900, 0), (1100, 900, 0)],
        (900, 1400),
    ),
    (
        "a stated end outlives a timeout",
        &[(1000, 900, 5000), (1100, 900, 0)],
        (900, 5000),
    ),
    (
        "the earliest start counts",
        &[(1000, 900, 1500), (1100, 1050, 1600)],
        (900, 1600),
    ),
    (
        "it fires again after its end",
        &[(1000, 900, 1000), (2000, 1900, 2500)],
        (1900, 2500),
    ),
];

#[test]
fn reports_of_one_alert_become_one() {
    for (what, reports, expected) in CASES {
        let mut store = AlertStore::default();
        for (now_ms, starts_at_ms, ends_at_ms) in *reports {
            store
                .accept(report(*starts_at_ms, *ends_at_ms), TIMEOUT, *now_ms)
                .unwrap();
        }
        let stored = store.iter().next().unwrap();
        assert_eq!(
            (stored.alert.starts_at_ms, stored.alert.ends_at_ms),
            *expected,
            "{what}"
        );
    }
}

#[test]
fn only_changes_that_a_restart_must_know_are_news() {
    let mut store = AlertStore::default();
    let mut is_news = |report: Alert, now_ms| store.accept(report, TIMEOUT, now_ms).unwrap().is_news;
    assert!(is_news(report(900, 1500), 1000));
    assert!(!is_news(report(900, 1600), 1100));
    let told = Alert {
        annotations: Labels::from_pairs([("summary", "s")]),
        ..report(900, 1700)
    };
    assert!(is_news(told.clone(), 1200));
    assert!(is_news(
        Alert {
            ends_at_ms: 1300,
            ..told
        },
        1300
    ));
}

#[test]
fn what_ended_long_ago_is_forgotten_and_what_has_no_labels_is_no_alert() {
    let mut store = AlertStore::default();
    assert!(
        store
            .accept(
                Alert {
                    labels: Labels::empty(),
                    ..report(1, 0)
                },
                TIMEOUT,
                1
            )
            .is_none()
    );
    store.accept(report(900, 1000), TIMEOUT, 1000);
    assert!(store.collect(1000 + KEEP_RESOLVED_MS - 1).is_empty());
    assert_eq!(store.collect(1000 + KEEP_RESOLVED_MS).len(), 1);
    assert_eq!(store.iter().count(), 0);
}
