use super::*;

fn prints(of: &str) -> Vec<Fingerprint> {
    of.bytes().map(|b| Fingerprint(u64::from(b))).collect()
}

/// One letter an alert: told before (firing/resolved, or "-" for never), now (firing/resolved), whether ends are
/// sent, how long ago, and the news. The repeat interval is 100.
const CASES: &[(&str, &str, bool, i64, Option<Reason>)] = &[
    ("-", "a/", true, 0, Some(Reason::FirstNotification)),
    ("-", "/a", true, 0, None),
    ("a/", "a/", true, 100, None),
    ("a/", "a/", true, 101, Some(Reason::Repeat)),
    ("a/", "ab/", true, 0, Some(Reason::NewAlerts)),
    ("ab/", "a/", true, 0, None),
    ("ab/", "a/b", true, 0, Some(Reason::SomeResolved)),
    ("ab/", "a/b", false, 0, None),
    ("a/b", "a/b", true, 0, None),
    ("a/", "/a", true, 0, Some(Reason::AllResolved)),
    ("a/", "/a", false, 0, Some(Reason::AllResolved)),
    ("/a", "/a", true, 0, None),
    ("/a", "/ab", true, 1000, None),
    ("/a", "a/", true, 0, Some(Reason::FirstNotification)),
];

#[test]
fn what_is_news() {
    for (before, now, send_resolved, ago, expected) in CASES {
        let entry = before.split_once('/').map(|(firing, resolved)| LogEntry {
            firing: prints(firing),
            resolved: prints(resolved),
            at_ms: 10_000 - ago,
            expires_ms: i64::MAX,
        });
        let (firing, resolved) = now.split_once('/').unwrap();
        let got = news(
            entry.as_ref(),
            &prints(firing),
            &prints(resolved),
            *send_resolved,
            100,
            10_000,
        );
        assert_eq!(
            got, *expected,
            "{before} then {now}, resolved sent: {send_resolved}, {ago} later"
        );
    }
}

#[test]
fn entries_expire_after_two_repeat_intervals_within_bounds() {
    const HOUR_MS: i64 = 3_600_000;
    for (repeat_interval_ms, kept_ms) in [
        (1000, 24 * HOUR_MS),
        (20 * HOUR_MS, 40 * HOUR_MS),
        (100 * HOUR_MS, 120 * HOUR_MS),
    ] {
        let key = LogKey {
            group: "g".to_owned(),
            receiver: "r/webhook/0".to_owned(),
        };
        let mut log = NotificationLog::default();
        log.record(key.clone(), prints("a"), vec![], repeat_interval_ms, 0);
        assert!(
            !log.collect(kept_ms - 1) && log.get(&key).is_some(),
            "{repeat_interval_ms}"
        );
        assert!(
            log.collect(kept_ms) && log.get(&key).is_none(),
            "{repeat_interval_ms}"
        );
    }
}
