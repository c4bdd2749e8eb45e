use std::time::{Duration, Instant};

use model::SystemClock;
use model::metrics::MetricRow;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn manager(world: &World) -> Manager {
    Manager::new(world.outputs(), Arc::new(SystemClock))
}

#[tokio::test]
async fn groups_tick_reload_and_stop() {
    let world = World::default();
    world.querier.set("x", &[("x", 1.0)]);
    world.querier.set("y", &[("y", 1.0)]);
    let manager = manager(&world);
    let both = "groups: [{name: a, interval: 20ms, rules: [{record: r, expr: x}]},
                         {name: b, interval: 20ms, rules: [{alert: A, expr: y}]}]";
    manager.apply(vec![file(both)], &Settings::default()).await;
    let names = |m: &Manager| {
        m.groups_status()
            .iter()
            .map(|g| g.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&manager), ["a", "b"]);
    until("both groups", || {
        manager.groups_status().iter().all(|g| g.stats.iterations >= 3)
    })
    .await;
    assert!(!world.alerts.take().is_empty());

    // The first group is unchanged and keeps its counters, the second goes, and its series end.
    let before = manager.groups_status()[0].stats.iterations;
    let one = "groups: [{name: a, interval: 20ms, rules: [{record: r, expr: x}]}]";
    manager.apply(vec![file(one)], &Settings::default()).await;
    assert_eq!(names(&manager), ["a"]);
    assert!(manager.groups_status()[0].stats.iterations >= before);
    let ended = |name: &str| {
        world
            .sink
            .lines
            .lock()
            .iter()
            .any(|l| l.starts_with(&format!("{name}{{")) && l.ends_with("stale"))
    };
    until("the end of ALERTS", || {
        ended("ALERTS") && ended("ALERTS_FOR_STATE")
    })
    .await;
    assert!(
        !world
            .sink
            .lines
            .lock()
            .iter()
            .any(|l| l.starts_with("r ") && l.ends_with("stale"))
    );

    manager.shutdown().await;
    let count = world.sink.lines.lock().len();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(
        world.sink.lines.lock().len(),
        count,
        "nothing is written after shutdown"
    );
}

#[tokio::test]
async fn a_changed_group_keeps_its_alerts() {
    let world = World::default();
    world.querier.set("y", &[("y", 1.0)]);
    let manager = manager(&world);
    let text = |interval: &str| {
        format!("groups: [{{name: b, interval: {interval}, rules: [{{alert: A, expr: y}}]}}]")
    };
    manager
        .apply(vec![file(&text("20ms"))], &Settings::default())
        .await;
    let active_at = |m: &Manager| {
        let group = &m.groups_status()[0];
        group.rules[0]
            .alerting
            .as_ref()
            .unwrap()
            .alerts
            .first()
            .map(|a| a.active_at_ms)
    };
    until("the alert", || active_at(&manager).is_some()).await;
    let before = active_at(&manager);
    manager
        .apply(vec![file(&text("30ms"))], &Settings::default())
        .await;
    assert_eq!(manager.groups_status()[0].interval_ms, 30);
    assert_eq!(active_at(&manager), before, "known before its first evaluation");
    manager.shutdown().await;
}

/// The same over the real engine and a store in memory: what a rule writes, a restarted manager restores.
#[tokio::test]
async fn over_the_engine_and_a_store() {
    let store = Arc::new(promql::memory::MemoryStore::new());
    let now = model::Clock::now_ms(&SystemClock);
    let row = |text: &str, at_ms: i64, value: f64| MetricRow {
        series: SeriesRef::UNKNOWN,
        labels: labels(text),
        sample: model::metrics::Sample {
            timestamp_ms: at_ms,
            value,
        },
    };
    let mut rows = [
        row("up{job=\"a\"}", now - 1000, 0.0),
        row(
            "ALERTS_FOR_STATE{alertname=\"Down\", job=\"a\"}",
            now - 2 * MINUTE,
            ((now - 60 * MINUTE) / 1000) as f64,
        ),
    ];
    store.append(&mut rows).unwrap();
    let alerts = Arc::new(FakeAlerts::default());
    let querier = Arc::new(PromqlQuerier::new(
        promql::Engine::default(),
        promql::ParserOptions::default(),
        store.clone(),
    ));
    let outputs = Outputs {
        querier: querier.clone(),
        sink: store.clone(),
        alerts: alerts.clone(),
    };
    let manager = Manager::new(outputs, Arc::new(SystemClock));
    let text = "groups: [{name: g, interval: 50ms, rules: [
        {alert: Down, expr: 'up == 0', for: 30m, annotations: {s: '{{ $labels.job }} is {{ $value }}, {{ query \"count(up)\" | first | value }} in all'}},
        {record: 'up:count', expr: count(up)}]}]";
    manager.apply(vec![file(text)], &Settings::default()).await;
    until("the restored alert", || !alerts.0.lock().is_empty()).await;
    let alert = alerts.take().remove(0);
    assert_eq!(alert.annotations.to_string(), r#"{s="a is 0, 1 in all"}"#);
    let count = || {
        querier
            .instant("up:count", model::Clock::now_ms(&SystemClock))
            .unwrap()
    };
    until("the recorded series", || {
        count().first().is_some_and(|(_, v)| *v == 1.0)
    })
    .await;
    let firing = querier
        .instant(
            "ALERTS{alertstate=\"firing\"}",
            model::Clock::now_ms(&SystemClock),
        )
        .unwrap();
    assert_eq!(firing.len(), 1);
    manager.shutdown().await;
}

/// A distribution is recorded as one, ends with a staleness marker, and keeps a condition true.
#[tokio::test]
async fn histograms_are_recorded_and_alerted_on() {
    let store = Arc::new(promql::memory::MemoryStore::new());
    let now = model::Clock::now_ms(&SystemClock);
    let histogram = model::Histogram {
        sum: 10.0,
        positive_spans: vec![model::histogram::Span { offset: 0, length: 1 }],
        counts: model::histogram::Counts::Integer(model::histogram::Buckets {
            count: 4,
            zero_count: 0,
            positive: vec![4],
            negative: Vec::new(),
        }),
        ..model::Histogram::stale()
    };
    store.push_histogram(&labels("latency{job=\"a\"}"), now - 1000, Arc::new(histogram));
    let alerts = Arc::new(FakeAlerts::default());
    let querier = Arc::new(PromqlQuerier::new(
        promql::Engine::default(),
        promql::ParserOptions::default(),
        store.clone(),
    ));
    let outputs = Outputs {
        querier: querier.clone(),
        sink: store.clone(),
        alerts: alerts.clone(),
    };
    let manager = Manager::new(outputs, Arc::new(SystemClock));
    let text = "groups: [{name: g, interval: 50ms, rules: [
        {record: 'job:latency', expr: latency}, {alert: Seen, expr: latency}]}]";
    manager.apply(vec![file(text)], &Settings::default()).await;
    until("the alert", || !alerts.0.lock().is_empty()).await;
    let recorded = || {
        let now = model::Clock::now_ms(&SystemClock);
        querier.answer("job:latency", now).unwrap().histograms
    };
    until("the recorded series", || !recorded().is_empty()).await;
    let (labels, histogram) = recorded().remove(0);
    assert_eq!(labels.to_string(), r#"job:latency{job="a"}"#);
    assert_eq!((histogram.sum, histogram.counts.count()), (10.0, 4.0));
    manager.apply(Vec::new(), &Settings::default()).await;
    until("the end of the series", || recorded().is_empty()).await;
    manager.shutdown().await;
}
