//! Series that fall silent are forgotten, and nothing else is.

use model::metrics::{Rejected, SeriesRef};

use super::fixture::{Head, contents, keys, sample, target, unwrapped};
use crate::head::{GcRules, Memtable};

const HOUR: i64 = 3_600_000;

fn gc(head: &Head, now_ms: i64, oldest_generation: u64, frozen: &[&Memtable]) {
    let rules = GcRules {
        now_ms,
        idle_ms: 2 * HOUR,
        oldest_generation,
    };
    head.table.gc(&rules, &head.memtable, frozen);
}

fn found(head: &Head, labels: &[model::Labels]) -> usize {
    let mut refs = Vec::new();
    head.table.find(&keys(labels), &mut refs);
    refs.iter()
        .filter(|series| **series != SeriesRef::UNKNOWN)
        .count()
}

#[test]
fn silent_series_go_and_the_others_stay() {
    let mut head = Head::new();
    let labels = target(1, 100);
    let refs = unwrapped(head.create(&labels, 0));
    let other = target(2, 40);
    let other_refs = unwrapped(head.create(&other, 0));
    head.scrape(&refs, 0, |i| i as f64);
    head.scrape(&other_refs, 0, |i| i as f64);
    for hour in 1..6 {
        let (frozen, _) = head.next_generation();
        head.scrape(&refs[..90], hour * HOUR, |i| i as f64);
        gc(&head, hour * HOUR, frozen.generation(), &[&frozen]);
        drop(frozen);
    }
    assert_eq!((found(&head, &labels), found(&head, &other)), (90, 0));
    assert_eq!(head.table.len(), 90);
    let report = head.append(&[
        sample(refs[95], 7 * HOUR, 1.0),
        sample(other_refs[0], 7 * HOUR, 1.0),
        sample(refs[0], 7 * HOUR, 1.0),
    ]);
    let unknown = [(0, Rejected::UnknownSeries), (1, Rejected::UnknownSeries)];
    assert_eq!((report.stored, &report.rejected[..]), (1, &unknown[..]));
    gc(&head, 6 * HOUR, head.memtable.generation(), &[]);
    assert_eq!(head.table.select(&[]).unwrap().len(), 90);
    assert_eq!(head.table.label_values("instance", None), ["host-1:9100"]);
    // A forgotten series that comes again is another.
    let again = unwrapped(head.create(&labels[90..], 8 * HOUR));
    assert!(again.iter().all(|series| !refs.contains(series)));
    head.scrape(&again, 8 * HOUR, |i| i as f64);
    assert_eq!(contents(&head.memtable, u64::MAX).len(), 100);
}

#[test]
fn what_is_held_can_be_read_although_its_series_are_forgotten() {
    let mut head = Head::new();
    let labels = target(1, 50);
    let refs = unwrapped(head.create(&labels, 0));
    head.scrape(&refs, 0, |i| i as f64);
    let (held, _) = head.next_generation();
    let before = contents(&held, u64::MAX);
    for hour in 1..9 {
        let (frozen, _) = head.next_generation();
        gc(
            &head,
            hour * HOUR,
            held.generation(),
            &[&held, &frozen].map(|m| m)[1..],
        );
    }
    assert_eq!(found(&head, &labels), 0);
    assert_eq!(contents(&held, u64::MAX), before);
    assert_eq!(held.selection(&[], u64::MAX, 0, 0).unwrap().len(), 50);
    gc(&head, 10 * HOUR, head.memtable.generation(), &[]);
    assert!(head.table.select(&[]).unwrap().is_empty());
    assert!(head.table.label_names(None).is_empty());
    assert!(head.table.bytes() < 100);
}

#[test]
fn a_sparse_page_is_retired_and_what_it_holds_is_not_lost() {
    let mut head = Head::new();
    let labels = target(1, 200);
    let mut refs = unwrapped(head.create(&labels, 0));
    head.scrape(&refs, 0, |i| i as f64);
    refs.truncate(50);
    for hour in 1..6 {
        let (frozen, _) = head.next_generation();
        if found(&head, &labels[..50]) == 0 {
            refs = unwrapped(head.create(&labels[..50], hour * HOUR));
        }
        head.scrape(&refs, hour * HOUR, |_| hour as f64);
        gc(&head, hour * HOUR, frozen.generation(), &[&frozen]);
        let now = contents(&head.memtable, u64::MAX);
        assert_eq!(now.len(), 50);
        // In the hour of retirement the series may come twice; they are one to whoever reads.
        if found(&head, &labels[..50]) == 0 {
            refs = unwrapped(head.create(&labels[..50], hour * HOUR));
            head.scrape(&refs, hour * HOUR + 1, |_| 0.5);
            let now = contents(&head.memtable, u64::MAX);
            assert!(now.len() == 50 && now.values().all(|samples| samples.len() == 2));
            let selected = head.memtable.selection(&[], u64::MAX, 0, i64::MAX).unwrap();
            assert!(selected.len() == 100 && selected.may_repeat());
            let mut identities = selected.identities();
            identities.sort_unstable();
            identities.dedup();
            assert_eq!(identities.len(), 50);
        }
    }
    assert_eq!(head.table.len(), 50);
    let pages: std::collections::BTreeSet<u64> = refs.iter().map(|series| series.0 >> 9).collect();
    assert_eq!(pages.len(), 1);
}

#[test]
fn series_by_the_million_leave_no_trace() {
    let mut head = Head::new();
    for hour in 0..200 {
        let labels = target(hour as usize, 300);
        let refs = unwrapped(head.create(&labels, hour));
        head.scrape(&refs, hour * HOUR, |i| i as f64);
        let (frozen, _) = head.next_generation();
        gc(&head, hour * HOUR, frozen.generation(), &[&frozen]);
    }
    assert!(head.table.len() <= 4 * 300, "{}", head.table.len());
    assert!(head.table.bytes() < 400_000, "{}", head.table.bytes());
    assert!(head.table.label_values("instance", None).len() < 8);
}
