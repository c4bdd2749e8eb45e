use super::*;

fn span(start: u32) -> Span {
    Span {
        start,
        end: start + 1,
    }
}

#[test]
fn what_is_said_twice_is_told_once_with_its_last_place() {
    let notes = Annotations::default();
    notes.warn(span(0), "odd");
    notes.warn(span(3), "odd");
    notes.info(span(1), "curious");
    assert_eq!(
        notes.finish(Some("a\n b")),
        (
            vec!["PromQL warning: odd (2:2)".to_owned()],
            vec!["PromQL info: curious (1:2)".to_owned()]
        )
    );
}

#[test]
fn occurrences_are_told_from_the_second_on() {
    let notes = Annotations::default();
    notes.warn_times(span(0), "once", 1);
    notes.warn_times(span(0), "thrice", 2);
    notes.warn_times(span(0), "thrice", 1);
    let (warnings, _) = notes.finish(Some("a"));
    assert_eq!(
        warnings,
        [
            "PromQL warning: once (1:1)",
            "PromQL warning: thrice (3 occurrences) (1:1)"
        ]
    );
}

#[test]
fn forced_buckets_are_added_up() {
    let notes = Annotations::default();
    let forced = |lowest, highest, difference, at_ms| Forced {
        lowest,
        highest,
        difference,
        samples: 1,
        first_ms: at_ms,
        last_ms: at_ms,
    };
    notes.info_forced(span(0), "fixed", forced(0.5, 1.0, 123.0, 90_061_000));
    notes.info_forced(span(0), "fixed", forced(0.25, 0.25, 0.0312, 0));
    let (_, infos) = notes.finish(Some("a"));
    assert_eq!(
        infos,
        [
            "PromQL info: fixed, from buckets 0.25 to 1, with a max diff of 1.2e+02, over 2 samples from \
             1970-01-01T00:00:00Z to 1970-01-02T01:01:01Z (1:1)"
        ]
    );
}
