use std::collections::BTreeMap;

use model::Labels;

use super::*;
use crate::matchers::{Matchers, parse_matchers};

const CONFIG: &str = r#"
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 10s
  group_interval: 60s
  repeat_interval: 10m
  routes:
    - matchers: [team=night]
      active_time_intervals: [never]
receivers:
  - name: ops
    webhook_configs: [{url: "http://a/"}, {url: "http://b/", send_resolved: false}]
inhibit_rules:
  - {source_matchers: [severity=page], target_matchers: [severity=ticket], equal: [job]}
time_intervals:
  - {name: never, time_intervals: [{years: ["1999"]}]}
"#;

/// A core, a clock and a receiver that is reached or not.
struct World {
    core: Core,
    now_ms: i64,
    reached: bool,
    told: Vec<String>,
}

impl World {
    fn new() -> World {
        let config = Arc::new(Config::parse(CONFIG).unwrap());
        World {
            core: Core::restore(config, Kept::default(), 0),
            now_ms: 1_000_000,
            reached: true,
            told: Vec::new(),
        }
    }

    fn report(&mut self, pairs: &str, ends_at_ms: i64) {
        let alert = Alert {
            labels: labels(pairs),
            annotations: Labels::empty(),
            starts_at_ms: self.now_ms,
            ends_at_ms,
            generator_url: String::new(),
            updated_at_ms: 0,
        };
        assert_eq!(self.core.accept(vec![alert], self.now_ms), 0);
    }

    /// Lets time pass second by second; every delivery is written down as `way reason firing/resolved`, the
    /// alerts by their label `i`.
    fn pass(&mut self, secs: i64) -> Vec<String> {
        for _ in 0..secs {
            self.now_ms += 1000;
            for flush in self.core.plan(self.now_ms) {
                if let Some(audible) = self.core.audible(&flush) {
                    self.tell(&flush, &audible);
                }
                let generation = self.core.generation;
                self.core.finish(&flush, self.reached, generation);
            }
        }
        std::mem::take(&mut self.told)
    }

    fn tell(&mut self, flush: &Flush, audible: &Audible) {
        for way in &audible.ways {
            let Some(reason) = self.core.news(audible, way, flush) else {
                continue;
            };
            let alerts = audible.told(way, flush);
            let instances = |status| {
                let these = alerts.iter().filter(|alert| alert.status(flush.at_ms) == status);
                these
                    .filter_map(|alert| alert.labels.get("i"))
                    .collect::<String>()
            };
            let (firing, resolved) = (instances(AlertStatus::Firing), instances(AlertStatus::Resolved));
            let (name, reason) = (&way.key.receiver, reason.as_str());
            self.told.push(format!("{name} {reason}: {firing}/{resolved}"));
            if self.reached {
                self.core.record(audible, way, flush);
            }
        }
    }
}

fn labels(pairs: &str) -> Labels {
    Labels::from_pairs(pairs.split(',').filter_map(|pair| pair.split_once('=')))
}

const FAR: i64 = i64::MAX / 2;

#[test]
fn a_fire_from_beginning_to_end() {
    let mut world = World::new();
    world.report("alertname=X,i=a", FAR);
    assert!(world.pass(9).is_empty());
    assert_eq!(
        world.pass(1),
        [
            "ops/webhook/0 first notification: a/",
            "ops/webhook/1 first notification: a/"
        ]
    );
    world.report("alertname=X,i=b", FAR);
    assert!(world.pass(59).is_empty());
    assert_eq!(
        world.pass(1).first().unwrap(),
        "ops/webhook/0 new alerts added: ab/"
    );
    let now_ms = world.now_ms;
    world.report("alertname=X,i=a", now_ms);
    assert_eq!(world.pass(60), ["ops/webhook/0 some alerts resolved: b/a"]);
    let repeated = world.pass(660);
    assert_eq!(repeated.len(), 2, "{repeated:?}");
    assert!(
        repeated.contains(&"ops/webhook/1 repeat interval elapsed: b/".to_owned()),
        "{repeated:?}"
    );
    let now_ms = world.now_ms;
    world.report("alertname=X,i=b", now_ms);
    assert_eq!(
        world.pass(60),
        [
            "ops/webhook/0 all alerts resolved: /b",
            "ops/webhook/1 all alerts resolved: /"
        ]
    );
    assert_eq!(
        (world.core.dispatcher.groups().count(), world.pass(3600).len()),
        (0, 0)
    );
}

#[test]
fn an_alert_that_nobody_vouches_for_ends_after_the_resolve_timeout() {
    let mut world = World::new();
    world.report("alertname=X,i=a", 0);
    assert_eq!(world.pass(10).len(), 2);
    let told = world.pass(360);
    assert_eq!(told.first().unwrap(), "ops/webhook/0 all alerts resolved: /a");
}

#[test]
fn what_was_not_delivered_is_delivered_at_the_next_turn() {
    let mut world = World::new();
    world.reached = false;
    world.report("alertname=X,i=a", FAR);
    assert_eq!(world.pass(10).len(), 2);
    world.reached = true;
    assert_eq!(world.pass(60).len(), 2);
    assert!(world.pass(120).is_empty());
}

#[test]
fn inhibited_silenced_and_muted_alerts_are_not_told() {
    let mut world = World::new();
    world.report("alertname=Page,severity=page,job=db,i=p", FAR);
    world.report("alertname=Ticket,severity=ticket,job=db,i=t", FAR);
    world.report("alertname=Ticket,severity=ticket,job=web,i=w", FAR);
    world.report("alertname=Night,team=night,i=n", FAR);
    let silence = NewSilence {
        id: None,
        matchers: Matchers::new(parse_matchers("job=web").unwrap()),
        starts_at_ms: world.now_ms,
        ends_at_ms: world.now_ms + 300_000,
        created_by: String::new(),
        comment: String::new(),
        annotations: BTreeMap::new(),
    };
    world.core.set_silence(silence, world.now_ms).unwrap();
    let told = world.pass(20);
    assert_eq!(
        told,
        [
            "ops/webhook/0 first notification: p/",
            "ops/webhook/1 first notification: p/"
        ],
        "only the page is told"
    );
    let later = world.pass(400);
    assert_eq!(
        later.first().unwrap(),
        "ops/webhook/0 first notification: w/",
        "the silence is over: {later:?}"
    );
    assert!(
        !later
            .iter()
            .any(|told| told.contains('t') && told.contains(": t")),
        "{later:?}"
    );
}

#[test]
fn a_new_configuration_repeats_nothing() {
    let mut world = World::new();
    world.report("alertname=X,i=a", FAR);
    assert_eq!(world.pass(60).len(), 2);
    let config = Arc::new(Config::parse(CONFIG).unwrap());
    world.core.replace_config(config, world.now_ms);
    assert!(world.pass(120).is_empty());
    world.report("alertname=X,i=b", FAR);
    assert_eq!(
        world.pass(60).first().unwrap(),
        "ops/webhook/0 new alerts added: ab/"
    );
}
