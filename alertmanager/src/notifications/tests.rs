use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use durable::RealFs;
use model::{Labels, SystemClock};

use super::*;
use crate::matchers::{Matchers, parse_matchers};
use crate::notify::tests::{HttpSink, Request};

fn config(urls: &[&str], repeat: &str) -> Config {
    let hooks: Vec<String> = urls.iter().map(|url| format!("{{url: \"{url}\"}}")).collect();
    Config::parse(&format!(
        "route: {{receiver: ops, group_by: [alertname], group_wait: 50ms, group_interval: 200ms, repeat_interval: {repeat}}}\n\
         receivers: [{{name: ops, webhook_configs: [{}]}}]\n",
        hooks.join(", ")
    ))
    .unwrap()
}

fn start(dir: &Path, config: Config) -> Notifications {
    Notifications::start(NotificationsOptions {
        config,
        external_url: "http://masthead:9090".to_owned(),
        data_dir: dir.join("notifications"),
        clock: Arc::new(SystemClock),
        fs: Arc::new(RealFs),
    })
    .unwrap()
}

fn alert(name: &str, ends_in_ms: Option<i64>) -> Alert {
    let now_ms = SystemClock.now_ms();
    Alert {
        labels: Labels::from_pairs([("alertname", name)]),
        annotations: Labels::empty(),
        starts_at_ms: now_ms - 1,
        ends_at_ms: ends_in_ms.map_or(now_ms + 60_000, |ms| now_ms + ms),
        generator_url: String::new(),
        updated_at_ms: now_ms,
    }
}

/// Polls until `sink` has been asked `count` times, or fails after a while.
async fn asked(sink: &HttpSink, count: usize) -> Vec<Request> {
    let began = Instant::now();
    loop {
        let requests = sink.requests();
        if requests.len() >= count {
            return requests;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{} of {count} requests came",
            requests.len()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// `status` and names of the alerts of each message.
fn told(requests: &[Request]) -> Vec<String> {
    let message = |request: &Request| {
        let json = request.json();
        let alerts = json["alerts"].as_array().unwrap().iter();
        let names: Vec<&str> = alerts
            .map(|alert| alert["labels"]["alertname"].as_str().unwrap())
            .collect();
        format!("{} {}", json["status"].as_str().unwrap(), names.join(" "))
    };
    requests.iter().map(message).collect()
}

/// Waits until the files hold a log entry that covers everything told so far.
async fn written(dir: &Path, dirty: &Notifications) {
    let began = Instant::now();
    loop {
        let clean = {
            let changed = dirty.0.core.lock().changed;
            !changed.alerts && !changed.log
        };
        if clean && dir.join("notifications/nflog").exists() {
            // A write that has taken its snapshot may still be on its way.
            drop(dirty.0.files.quiesce());
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "state is not written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fire_and_its_end_reach_the_webhook() {
    let (sink, dir) = (HttpSink::start(|_| 200).await, tempfile::tempdir().unwrap());
    let notifications = start(dir.path(), config(&[sink.url()], "1h"));
    notifications.alerts(vec![alert("X", None)]);
    asked(&sink, 1).await;
    assert_eq!(notifications.groups().len(), 1);
    assert_eq!(&*notifications.firing_alerts()[0].receivers[0], "ops");
    notifications.alerts(vec![alert("X", Some(0))]);
    assert_eq!(told(&asked(&sink, 2).await), ["firing X", "resolved X"]);
    // The receiver has its request a moment before we have its answer.
    let counts = || {
        let stats = notifications.delivery_stats();
        (
            stats.alerts_received,
            stats.integrations["ops/webhook/0"].notifications,
        )
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while counts() != (2, 2) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(counts(), (2, 2));
    notifications.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_receiver_is_tried_again_and_delays_nobody() {
    let (bad, good) = (
        HttpSink::start(|n| if n < 2 { 503 } else { 200 }).await,
        HttpSink::start(|_| 200).await,
    );
    let dir = tempfile::tempdir().unwrap();
    let notifications = start(dir.path(), config(&[bad.url(), good.url()], "1h"));
    notifications.alerts(vec![alert("X", None)]);
    asked(&good, 1).await;
    assert!(bad.requests().len() <= 1);
    assert_eq!(told(&asked(&bad, 3).await), ["firing X"; 3]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        (bad.requests().len(), good.requests().len()),
        (3, 1),
        "each is told once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_neither_repeats_nor_loses() {
    let (sink, dir) = (HttpSink::start(|_| 200).await, tempfile::tempdir().unwrap());
    let first = start(dir.path(), config(&[sink.url()], "1h"));
    first.alerts(vec![alert("X", None)]);
    asked(&sink, 1).await;
    written(dir.path(), &first).await;
    // Dropped without a shutdown, as a kill does.
    first.0.stop.cancel();
    drop(first);
    let second = start(dir.path(), config(&[sink.url()], "1h"));
    assert_eq!(
        second.firing_alerts().len(),
        1,
        "the alert is known before its rule speaks again"
    );
    second.alerts(vec![alert("X", None), alert("Y", None)]);
    let requests = asked(&sink, 2).await;
    assert_eq!(
        told(&requests),
        ["firing X", "firing Y"],
        "X is not repeated, Y is not lost"
    );
    second.alerts(vec![alert("X", Some(0))]);
    assert_eq!(told(&asked(&sink, 3).await)[2], "resolved X");
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_an_alert_is_told_although_its_rule_is_gone_after_the_restart() {
    let (sink, dir) = (HttpSink::start(|_| 200).await, tempfile::tempdir().unwrap());
    let quick = || Config {
        resolve_timeout_ms: 300,
        ..config(&[sink.url()], "1h")
    };
    let first = start(dir.path(), quick());
    first.alerts(vec![alert("X", Some(2000))]);
    asked(&sink, 1).await;
    written(dir.path(), &first).await;
    first.0.stop.cancel();
    drop(first);
    let second = start(dir.path(), quick());
    assert_eq!(told(&asked(&sink, 2).await), ["firing X", "resolved X"]);
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_is_on_disk_when_its_maker_has_the_answer() {
    let (sink, dir) = (HttpSink::start(|_| 200).await, tempfile::tempdir().unwrap());
    let first = start(dir.path(), config(&[sink.url()], "1h"));
    let now_ms = SystemClock.now_ms();
    let asked_for = NewSilence {
        id: None,
        matchers: Matchers::new(parse_matchers("alertname=X").unwrap()),
        starts_at_ms: now_ms,
        ends_at_ms: now_ms + 60_000,
        created_by: "ann".to_owned(),
        comment: "c".to_owned(),
        annotations: BTreeMap::new(),
    };
    let id = first.set_silence(asked_for).await.unwrap();
    first.0.stop.cancel();
    drop(first);
    let second = start(dir.path(), config(&[sink.url()], "1h"));
    second.alerts(vec![alert("X", None), alert("Y", None)]);
    assert_eq!(told(&asked(&sink, 1).await), ["firing Y"]);
    let view = second.firing_alerts().remove(0);
    assert_eq!(
        (view.state, view.silenced_by),
        (AlertState::Suppressed, vec![id.clone()])
    );
    second.expire_silence(&id).await.unwrap();
    assert_eq!(told(&asked(&sink, 2).await)[1], "firing X");
    assert!(second.expire_silence(&id).await.is_err() && second.silence(&id).is_some());
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_sends_elsewhere_and_keeps_the_old_when_it_fails() {
    let (old, new) = (HttpSink::start(|_| 500).await, HttpSink::start(|_| 200).await);
    let dir = tempfile::tempdir().unwrap();
    let notifications = start(dir.path(), config(&[old.url()], "1h"));
    notifications.alerts(vec![alert("X", None)]);
    asked(&old, 1).await;
    assert!(
        notifications
            .reload(config(&["http://x/{{ nothing }}"], "1h"))
            .is_err()
    );
    asked(&old, 2).await;
    notifications.reload(config(&[new.url()], "1h")).unwrap();
    assert_eq!(told(&asked(&new, 1).await), ["firing X"]);
    let before = old.requests().len();
    notifications.shutdown().await;
    assert!(old.requests().len() <= before + 1, "retries to the old place end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_group_is_repeated() {
    let (sink, dir) = (HttpSink::start(|_| 200).await, tempfile::tempdir().unwrap());
    let notifications = start(dir.path(), config(&[sink.url()], "300ms"));
    notifications.alerts(vec![alert("X", None)]);
    assert_eq!(told(&asked(&sink, 3).await), ["firing X"; 3]);
    notifications.shutdown().await;
}

/// Polls until nothing is being told any more.
async fn quiet(notifications: &Notifications) {
    let began = Instant::now();
    while notifications.0.turns.places() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "deliveries do not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Polls until a delivery waits for the one under way.
async fn waited_for(notifications: &Notifications) {
    let began = Instant::now();
    while notifications.0.turns.places() < 2 {
        assert!(began.elapsed() < Duration::from_secs(20), "nobody waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_while_a_request_is_under_way_do_not_repeat_it() {
    let (sink, dir) = (
        HttpSink::start_slow(|_| 200, Duration::from_millis(1500)).await,
        tempfile::tempdir().unwrap(),
    );
    let notifications = start(dir.path(), config(&[sink.url()], "1h"));
    notifications.alerts(vec![alert("X", None)]);
    asked(&sink, 1).await;
    for _ in 0..2 {
        notifications.reload(config(&[sink.url()], "1h")).unwrap();
        waited_for(&notifications).await;
    }
    quiet(&notifications).await;
    notifications.alerts(vec![alert("Y", None)]);
    assert_eq!(told(&asked(&sink, 2).await), ["firing X", "firing Y"]);
    quiet(&notifications).await;
    let stats = notifications.delivery_stats().integrations["ops/webhook/0"];
    assert_eq!((stats.notifications, stats.notifications_failed), (2, 0));
    notifications.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_during_a_reload_and_a_request_is_told() {
    let (sink, dir) = (
        HttpSink::start_slow(|_| 200, Duration::from_millis(1500)).await,
        tempfile::tempdir().unwrap(),
    );
    let notifications = start(dir.path(), config(&[sink.url()], "1h"));
    notifications.alerts(vec![alert("X", None)]);
    asked(&sink, 1).await;
    notifications.alerts(vec![alert("X", Some(0))]);
    notifications.reload(config(&[sink.url()], "1h")).unwrap();
    assert_eq!(told(&asked(&sink, 2).await), ["firing X", "resolved X"]);
    notifications.shutdown().await;
}
