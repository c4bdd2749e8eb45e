use super::*;
use crate::alert::AlertStatus;
use crate::matchers::Matchers;
use crate::route::{GroupBy, TreeBuilder};

const WAIT: i64 = 30_000;
const INTERVAL: i64 = 300_000;

fn dispatcher() -> Dispatcher {
    let mut tree = TreeBuilder::default();
    let options = RouteOptions {
        receiver: Arc::from("r"),
        group_by: GroupBy::Names(vec!["alertname".to_owned()]),
        ..RouteOptions::default()
    };
    tree.add(None, Matchers::default(), false, options);
    Dispatcher::new(Arc::new(tree.build()))
}

fn alert(pairs: &str, starts_at_ms: i64, ends_at_ms: i64) -> Arc<Alert> {
    Arc::new(Alert {
        labels: Labels::from_pairs(pairs.split(',').filter_map(|pair| pair.split_once('='))),
        annotations: Labels::empty(),
        starts_at_ms,
        ends_at_ms,
        generator_url: String::new(),
        updated_at_ms: starts_at_ms,
    })
}

/// The groups planned at `now_ms`, each as key and `firing/resolved` instances.
fn planned(dispatcher: &mut Dispatcher, now_ms: i64) -> Vec<(Flush, String)> {
    let flushes = dispatcher.plan(now_ms);
    let shown = |flush: Flush| {
        let instances = |status| {
            let these = flush
                .alerts
                .iter()
                .filter(|alert| alert.status(flush.at_ms) == status);
            these
                .filter_map(|alert| alert.labels.get("i"))
                .collect::<String>()
        };
        let text = format!(
            "{}/{}",
            instances(AlertStatus::Firing),
            instances(AlertStatus::Resolved)
        );
        (flush, text)
    };
    flushes.into_iter().map(shown).collect()
}

#[test]
fn a_new_group_waits_then_looks_every_interval() {
    let mut d = dispatcher();
    d.insert(&alert("alertname=X,i=a", 1000, 0), 1000);
    d.insert(&alert("alertname=X,i=b", 5000, 0), 5000);
    assert_eq!(d.next_due_ms(), Some(1000 + WAIT));
    assert!(planned(&mut d, 1000 + WAIT - 1).is_empty());
    let first = planned(&mut d, 1000 + WAIT);
    assert_eq!((first.len(), &*first[0].1), (1, "ab/"));
    assert_eq!(&*first[0].0.key, "{}:{alertname=\"X\"}");
    assert_eq!(first[0].0.deadline_ms, 1000 + WAIT + INTERVAL);
    d.finish(&first[0].0, true);
    assert_eq!(d.next_due_ms(), Some(1000 + WAIT + INTERVAL));
    assert_eq!(planned(&mut d, 1000 + WAIT + INTERVAL)[0].1, "ab/");
}

#[test]
fn ended_alerts_are_told_once_and_an_empty_group_goes() {
    let mut d = dispatcher();
    d.insert(&alert("alertname=X,i=a", 0, 0), 0);
    let first = planned(&mut d, WAIT).remove(0).0;
    d.finish(&first, true);
    d.insert(&alert("alertname=X,i=a", 0, WAIT + 10), WAIT + 10);
    let second = planned(&mut d, WAIT + INTERVAL).remove(0);
    assert_eq!(second.1, "/a");
    d.finish(&second.0, true);
    assert_eq!((d.groups().count(), d.next_due_ms()), (0, None));
}

#[test]
fn an_ended_alert_stays_until_somebody_was_told() {
    let mut d = dispatcher();
    d.insert(&alert("alertname=X,i=a", 0, 10), 0);
    let first = planned(&mut d, WAIT).remove(0).0;
    d.finish(&first, false);
    let again = planned(&mut d, WAIT + INTERVAL).remove(0);
    assert_eq!(again.1, "/a");
    // It fires again while it is told that it ended.
    d.insert(&alert("alertname=X,i=a", WAIT, 0), WAIT + INTERVAL);
    d.finish(&again.0, true);
    assert_eq!(planned(&mut d, WAIT + 2 * INTERVAL)[0].1, "a/");
}

#[test]
fn a_group_is_not_flushed_twice_at_once() {
    let mut d = dispatcher();
    d.insert(&alert("alertname=X,i=a", 0, 0), 0);
    let first = planned(&mut d, WAIT).remove(0).0;
    assert!(planned(&mut d, WAIT + 2 * INTERVAL).is_empty());
    d.finish(&first, true);
    assert_eq!(planned(&mut d, WAIT + 2 * INTERVAL).len(), 1);
}

#[test]
fn what_has_fired_for_longer_than_the_wait_is_told_at_once() {
    let mut d = dispatcher();
    d.insert(&alert("alertname=X,i=a", 0, 0), 10 * WAIT);
    assert_eq!(planned(&mut d, 10 * WAIT).len(), 1);
}

#[test]
fn an_alert_that_ends_without_word_is_ended_at_its_time() {
    let mut d = dispatcher();
    d.insert(&alert("alertname=X,i=a", 0, WAIT + 100), 0);
    let first = planned(&mut d, WAIT).remove(0);
    assert_eq!(first.1, "a/");
    assert_eq!(first.0.alerts[0].ends_at_ms, 0);
    d.finish(&first.0, true);
    assert_eq!(planned(&mut d, WAIT + INTERVAL)[0].1, "/a");
}
