use super::*;
use crate::cache::columns::Notes;
use crate::cache::grid::Grid;

fn key(name: &str) -> Arc<Key> {
    Arc::new(Key {
        query: name.into(),
        step_ms: 1,
        phase_ms: 0,
        lookback_ms: 0,
        subquery_step_ms: 0,
        window_ms: None,
    })
}

/// An entry of some hundred bytes, and `text` more.
fn entry(text: usize) -> Entry {
    let notes = Notes {
        warnings: vec!["x".repeat(text)],
        infos: Vec::new(),
    };
    let columns = Columns::join(Grid::new(0, 0, 1, 1).unwrap(), &[], notes);
    Entry {
        answer: Answer::Steps(Arc::new(columns)),
        revision: Revision(0),
    }
}

#[test]
fn room_is_bounded_and_the_oldest_go() {
    let mut shelf = Shelf::new(20_000);
    for i in 0..100 {
        shelf.put(&key(&i.to_string()), entry(1000));
        assert!(shelf.bytes() <= 20_000);
    }
    assert!(shelf.get(&key("99")).is_some() && shelf.get(&key("0")).is_none());
    assert_eq!(shelf.len() as u64 + shelf.evicted(), 100);
    shelf.clear();
    assert_eq!((shelf.bytes(), shelf.len()), (0, 0));
}

#[test]
fn one_answer_never_takes_most_of_the_room() {
    let mut shelf = Shelf::new(20_000);
    shelf.put(&key("a"), entry(1000));
    shelf.put(&key("large"), entry(6000));
    assert!(shelf.get(&key("large")).is_none() && shelf.get(&key("a")).is_some());
    shelf.put(&key("a"), entry(6000));
    assert!(
        shelf.get(&key("a")).is_none(),
        "what was there is not what was put"
    );
    assert_eq!(shelf.bytes(), 0);
}

#[test]
fn what_is_asked_for_again_outlives_a_look_around() {
    let mut shelf = Shelf::new(20_000);
    for name in ["a", "b", "c"] {
        shelf.put(&key(name), entry(1000));
        assert!(shelf.get(&key(name)).is_some());
    }
    for i in 0..100 {
        shelf.put(&key(&i.to_string()), entry(1000));
    }
    for name in ["a", "b", "c"] {
        assert!(shelf.get(&key(name)).is_some(), "{name}");
    }
}

#[test]
fn what_is_never_asked_for_again_gives_way_in_the_end() {
    let mut shelf = Shelf::new(20_000);
    for i in 0..10 {
        shelf.put(&key(&format!("old{i}")), entry(1000));
        shelf.get(&key(&format!("old{i}")));
    }
    for round in 0..40 {
        for i in 0..3 {
            let key = key(&format!("new{i}"));
            if shelf.get(&key).is_none() || round % 2 == 0 {
                shelf.put(&key, entry(1000));
            }
        }
        shelf.put(&key(&format!("once{round}")), entry(1000));
    }
    assert!((0..3).all(|i| shelf.get(&key(&format!("new{i}"))).is_some()));
    assert!(shelf.bytes() <= 20_000);
}
