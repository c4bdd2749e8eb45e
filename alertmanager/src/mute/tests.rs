use super::*;

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn office_hours(zone: &str) -> TimeInterval {
    TimeInterval {
        times: vec![TimeRange::parse("09:00", "17:00").unwrap()],
        weekdays: vec!["monday:friday".parse().unwrap()],
        location: zone.parse().unwrap(),
        ..TimeInterval::default()
    }
}

#[test]
fn office_hours_follow_the_zone() {
    // 2026-11-20 is a Friday; Berlin is an hour ahead of UTC then.
    for (time, utc, berlin) in [
        ("2026-11-20T08:59:59Z", false, true),
        ("2026-11-20T09:00:00Z", true, true),
        ("2026-11-20T16:00:00Z", true, false),
        ("2026-11-20T17:00:00Z", false, false),
        ("2026-11-21T12:00:00Z", false, false),
    ] {
        assert_eq!(office_hours("UTC").contains(at(time)), utc, "UTC {time}");
        assert_eq!(
            office_hours("Europe/Berlin").contains(at(time)),
            berlin,
            "Berlin {time}"
        );
    }
}

#[test]
fn days_of_the_month_count_from_both_ends() {
    for (range, day, expected) in [
        ("1:5", "2026-02-05", true),
        ("1:5", "2026-02-06", false),
        ("-3:-1", "2026-02-26", true),
        ("-3:-1", "2026-02-25", false),
        ("31", "2026-02-28", false),
        ("25:-1", "2026-02-28", true),
        ("20:31", "2026-02-28", true),
        ("-31:-29", "2026-02-01", false),
    ] {
        let interval = TimeInterval {
            days_of_month: vec![range.parse().unwrap()],
            ..TimeInterval::default()
        };
        assert_eq!(
            interval.contains(at(&format!("{day}T12:00:00Z"))),
            expected,
            "{range} {day}"
        );
    }
}

#[test]
fn months_years_and_an_empty_interval() {
    let interval = TimeInterval {
        months: vec!["november:12".parse().unwrap(), "may".parse().unwrap()],
        years: vec!["2025:2026".parse().unwrap()],
        ..TimeInterval::default()
    };
    assert!(interval.contains(at("2026-05-31T23:59:59Z")) && interval.contains(at("2025-12-01T00:00:00Z")));
    assert!(!interval.contains(at("2026-06-01T00:00:00Z")) && !interval.contains(at("2027-05-01T00:00:00Z")));
    assert!(TimeInterval::default().contains(0));
}

#[test]
fn what_cannot_be_is_refused() {
    for (start, end) in [
        ("9:00", "10:00"),
        ("10:00", "10:00"),
        ("12:00", "11:00"),
        ("00:00", "24:01"),
        ("aa:00", "10:00"),
    ] {
        assert!(TimeRange::parse(start, end).is_err(), "{start}-{end}");
    }
    for text in ["", "moonday", "friday:monday", "monday:tuesday:friday"] {
        assert!(text.parse::<WeekdayRange>().is_err(), "{text}");
    }
    for text in ["0", "32", "-32", "5:1", "-1:-3", "-3:3", "x"] {
        assert!(text.parse::<DayOfMonthRange>().is_err(), "{text}");
    }
    for text in ["13", "0", "march:january", "smarch"] {
        assert!(text.parse::<MonthRange>().is_err(), "{text}");
    }
    assert!("2027:2026".parse::<YearRange>().is_err());
    assert!("Nowhere/Nothing".parse::<Location>().is_err());
}

#[test]
fn muted_within_mute_times_and_outside_active_times() {
    let intervals = BTreeMap::from([
        ("office".to_owned(), vec![office_hours("UTC")]),
        ("always".to_owned(), vec![TimeInterval::default()]),
    ]);
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (noon, night) = (at("2026-11-20T12:00:00Z"), at("2026-11-20T22:00:00Z"));
    let by = |mute: &[&str], active: &[&str], now| muted_by(&intervals, &names(mute), &names(active), now);
    assert_eq!(by(&["office"], &[], noon), ["office"]);
    assert!(by(&["office"], &[], night).is_empty());
    assert!(by(&[], &["office"], noon).is_empty());
    assert_eq!(by(&[], &["office"], night), ["office"]);
    assert_eq!(by(&["always"], &["office"], noon), ["always"]);
    assert!(by(&[], &[], noon).is_empty());
}
