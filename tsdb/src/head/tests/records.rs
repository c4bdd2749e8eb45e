//! Records of the log: small, and nothing in them can do harm.

use super::fixture::{Head, contents, replayed, target, unwrapped};
use crate::head::{Limits, Memtable, RECORD_PAGE, RECORD_ROW, SeriesTable};
use crate::random::Random;
use std::sync::Arc;

fn some_log() -> Vec<(u8, Vec<u8>)> {
    let mut head = Head::new();
    let refs = unwrapped(head.create(&target(1, 150), 1));
    let alone = unwrapped(head.create(&target(2, 1), 1));
    for t in 0..20 {
        let every = 1 + t as usize % 3;
        let some: Vec<_> = refs.iter().copied().step_by(every).collect();
        head.scrape(&some, t * 15_000, |i| (i as i64 * t) as f64);
        head.scrape(&alone, t * 15_000 + 7, |_| t as f64);
    }
    head.log
}

#[test]
fn a_page_is_defined_once_a_generation() {
    let mut head = Head::new();
    let refs = unwrapped(head.create(&target(1, 50), 1));
    for generation in 0..3 {
        for t in 0..3 {
            head.scrape(&refs, generation * 10_000 + t, |i| i as f64);
        }
        let expected = contents(&head.memtable, u64::MAX);
        let (_, log) = head.next_generation();
        let kinds: Vec<u8> = log.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [RECORD_PAGE, RECORD_ROW, RECORD_ROW, RECORD_ROW]);
        assert_eq!(contents(&replayed(&log), u64::MAX), expected);
    }
}

#[test]
fn values_that_have_not_changed_cost_a_bit() {
    let mut head = Head::new();
    let refs = unwrapped(head.create(&target(1, 512), 1));
    head.scrape(&refs, 1000, |i| i as f64 * 1.5);
    head.scrape(&refs, 2000, |i| i as f64 * 1.5);
    let (_, last) = head.log.last().unwrap();
    assert!(last.len() < 512 / 8 + 8, "{} bytes", last.len());
}

#[test]
fn a_log_cut_anywhere_replays_up_to_there() {
    let log = some_log();
    let samples: Vec<usize> = (0..=log.len())
        .map(|cut| replayed(&log[..cut]).samples() as usize)
        .collect();
    assert!(samples.is_sorted() && samples[0] == 0 && *samples.last().unwrap() > 1500);
}

#[test]
fn records_that_are_none_are_errors() {
    let log = some_log();
    let mut random = Random::new(11);
    let mut refused = 0;
    for round in 0..900 {
        let memtable = Memtable::new(Arc::new(SeriesTable::new(Limits::default())), 1);
        let mut replay = memtable.replay();
        let bad = random.below(6) as usize;
        for (i, (kind, record)) in log.iter().take(6).enumerate() {
            let mut record = record.clone();
            if i == bad {
                match round % 3 {
                    0 => record.truncate(random.below(record.len() as u64) as usize),
                    1 => {
                        let at = random.below(record.len() as u64) as usize;
                        record[at] ^= 1 << random.below(8);
                    }
                    _ => record = (0..random.below(60)).map(|_| random.next() as u8).collect(),
                }
            }
            if replay.apply(*kind, &record).is_err() {
                refused += 1;
                break;
            }
        }
        contents(&memtable, u64::MAX);
    }
    assert!(refused > 450, "{refused}");
}
