use super::*;
use crate::matchers::parse_matchers;

fn asked(matchers: &str, starts_at_ms: i64, ends_at_ms: i64) -> NewSilence {
    NewSilence {
        id: None,
        matchers: Matchers::new(parse_matchers(matchers).unwrap()),
        starts_at_ms,
        ends_at_ms,
        created_by: "ann".to_owned(),
        comment: "maintenance".to_owned(),
        annotations: BTreeMap::new(),
    }
}

fn labels(pairs: &str) -> Labels {
    Labels::from_pairs(pairs.split(',').filter_map(|pair| pair.split_once('=')))
}

#[test]
fn a_silence_mutes_what_it_matches_while_it_lasts() {
    let mut silences = Silences::default();
    let id = silences.set(asked("team=db", 1000, 2000), 500).unwrap();
    for (alert, now, muted) in [
        ("team=db,i=1", 999, false),
        ("team=db,i=1", 1000, true),
        ("team=db", 1999, true),
        ("team=db", 2000, false),
        ("team=web", 1500, false),
    ] {
        let expected: Vec<String> = muted.then(|| id.clone()).into_iter().collect();
        assert_eq!(
            silences.silenced_by(&labels(alert), now),
            expected,
            "{alert} at {now}"
        );
    }
}

#[test]
fn impossible_silences_are_refused() {
    for (matchers, starts, ends) in [
        ("", 0, 2000),
        ("a=~.*", 0, 2000),
        ("a=b", 2000, 2000),
        ("a=b", 3000, 2000),
        ("a=b", 0, 1000),
    ] {
        let refused = Silences::default().set(asked(matchers, starts, ends), 1000);
        assert!(
            matches!(refused, Err(SilenceError::Invalid(_))),
            "{matchers} {starts} {ends}: {refused:?}"
        );
    }
}

#[test]
fn an_extension_keeps_the_id_and_other_matchers_make_a_new_silence() {
    let mut silences = Silences::default();
    let first = silences.set(asked("a=b", 0, 5000), 1000).unwrap();
    assert_eq!(silences.get(&first).unwrap().starts_at_ms, 1000);
    let longer = NewSilence {
        id: Some(first.clone()),
        ..asked("a=b", 1000, 9000)
    };
    assert_eq!(silences.set(longer, 2000).unwrap(), first);
    let other = NewSilence {
        id: Some(first.clone()),
        ..asked("a=c", 1000, 9000)
    };
    let second = silences.set(other, 3000).unwrap();
    assert_ne!(second, first);
    assert_eq!(silences.get(&first).unwrap().state(3000), SilenceState::Expired);
    assert_eq!(silences.get(&second).unwrap().state(3000), SilenceState::Active);
    let unknown = NewSilence {
        id: Some("nothing".to_owned()),
        ..asked("a=b", 0, 9000)
    };
    assert_eq!(
        silences.set(unknown, 3000),
        Err(SilenceError::NotFound("nothing".to_owned()))
    );
}

#[test]
fn an_expired_silence_stays_for_a_while() {
    let mut silences = Silences::default();
    let id = silences.set(asked("a=b", 2000, 5000), 1000).unwrap();
    silences.expire(&id, 1500).unwrap();
    assert_eq!(silences.get(&id).unwrap().state(1500), SilenceState::Expired);
    assert!(silences.expire(&id, 1600).is_err());
    assert!(!silences.collect(1500 + RETENTION_MS - 1));
    assert!(silences.collect(1500 + RETENTION_MS));
    assert!(silences.get(&id).is_none());
}

#[test]
fn ids_are_uuids_of_version_4() {
    let ids: std::collections::BTreeSet<String> = (0..1000).map(|_| new_id()).collect();
    assert_eq!(ids.len(), 1000);
    for id in ids {
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12],
            "{id}"
        );
        assert!(
            parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']),
            "{id}"
        );
    }
}
