//! Scraping over HTTP, reloads, and discovery by files.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use collector::scrape::Health;

use super::setup::{eventually, jobs, manager, serve};

/// A target whose page can be changed.
#[derive(Clone)]
struct Page(Arc<Mutex<Result<String, StatusCode>>>, Arc<Mutex<HeaderMap>>);

impl Page {
    fn new(text: &str) -> Page {
        let page = Page(Arc::new(Mutex::new(Ok(String::new()))), Arc::default());
        page.set(text);
        page
    }

    fn set(&self, text: &str) {
        *self.0.lock().unwrap() = Ok(text.to_owned());
    }

    fn break_it(&self) {
        *self.0.lock().unwrap() = Err(StatusCode::SERVICE_UNAVAILABLE);
    }

    fn app(&self) -> Router {
        let page = self.clone();
        let answer = move |headers: HeaderMap| async move {
            *page.1.lock().unwrap() = headers.clone();
            let body = page.0.lock().unwrap().clone();
            let body = match body {
                Ok(body) => body,
                Err(status) => return status.into_response(),
            };
            let zipped = headers
                .get("accept-encoding")
                .is_some_and(|v| v.to_str().unwrap().contains("gzip"));
            let kind = ("content-type", "text/plain; version=0.0.4; charset=utf-8");
            if zipped {
                ([kind, ("content-encoding", "gzip")], gzip(body.as_bytes())).into_response()
            } else {
                ([kind], body).into_response()
            }
        };
        Router::new().route("/metrics", get(answer))
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn config(address: &str, more: &str) -> String {
    let more = more.replace('\n', "\n  ");
    format!(
        "- job_name: app\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n  static_configs:\n  - targets: ['{address}']\n  {more}\n"
    )
}

#[tokio::test]
async fn a_target_is_scraped_and_its_end_is_marked() {
    let page = Page::new("# TYPE hits_total counter\n# HELP hits_total Hits.\nhits_total{code=\"200\"} 3\n");
    let address = serve(page.app()).await;
    let (sink, manager) = manager();
    manager
        .apply(
            jobs(&config(&address, "basic_auth: {username: me, password: hush}")),
            Path::new("/"),
        )
        .unwrap();
    let hits = [
        ("__name__", "hits_total"),
        ("code", "200"),
        ("job", "app"),
        ("instance", address.as_str()),
    ];
    eventually("a sample", || sink.has_value(&hits, 3.0)).await;
    eventually("up", || {
        sink.has_value(&[("__name__", "up"), ("instance", &address)], 1.0)
    })
    .await;
    for name in [
        "scrape_duration_seconds",
        "scrape_samples_scraped",
        "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    ] {
        assert!(!sink.samples(&[("__name__", name)]).is_empty(), "{name}");
    }
    assert_eq!(sink.metadata("hits_total").unwrap().help, "Hits.");
    {
        let headers = page.1.lock().unwrap();
        assert_eq!(headers["authorization"], "Basic bWU6aHVzaA==");
        assert_eq!(headers["x-prometheus-scrape-timeout-seconds"], "0.2");
        assert!(headers["accept"].to_str().unwrap().contains("openmetrics"));
        assert!(headers["user-agent"].to_str().unwrap().starts_with("Masthead/"));
    }
    eventually("status", || {
        manager.targets().active.iter().any(|t| t.health == Health::Up)
    })
    .await;
    let status = manager.targets();
    assert_eq!(status.active[0].scrape_url, format!("http://{address}/metrics"));
    assert_eq!(status.active[0].scrape_interval, "200ms");
    assert_eq!(manager.metadata()[0].families[0].0, "hits_total");

    page.break_it();
    eventually("a marker", || sink.is_stale(&hits)).await;
    eventually("not up", || sink.has_value(&[("__name__", "up")], 0.0)).await;
    eventually("an error", || {
        manager.targets().active[0]
            .last_error
            .contains("503 Service Unavailable")
    })
    .await;

    page.set("hits_total{code=\"200\"} 4\n");
    eventually("recovery", || sink.has_value(&hits, 4.0)).await;
    manager.apply(Vec::new(), Path::new("/")).unwrap();
    eventually("the end", || {
        sink.is_stale(&hits) && sink.is_stale(&[("__name__", "up")])
    })
    .await;
    assert!(manager.targets().active.is_empty());
}

#[tokio::test]
async fn shutdown_marks_nothing() {
    let page = Page::new("a 1\n");
    let address = serve(page.app()).await;
    let (sink, manager) = manager();
    manager
        .apply(jobs(&config(&address, "")), Path::new("/"))
        .unwrap();
    eventually("a sample", || sink.has_value(&[("__name__", "a")], 1.0)).await;
    manager.shutdown().await;
    let before = sink.samples(&[]).len();
    assert!(!sink.any_stale());
    assert!(manager.apply(Vec::new(), Path::new("/")).is_err());
    tokio::time::sleep(std::time::Duration::from_millis(450)).await;
    assert_eq!(
        sink.samples(&[]).len(),
        before,
        "nothing is written after shutdown"
    );
}

#[tokio::test]
async fn a_reload_keeps_what_stays_and_ends_what_goes() {
    let (one, two) = (Page::new("a 1\nb 1\n"), Page::new("a 2\n"));
    let (first, second) = (serve(one.app()).await, serve(two.app()).await);
    let (sink, manager) = manager();
    let both = |more: &str| config(&format!("{first}', '{second}"), more);
    manager.apply(jobs(&both("")), Path::new("/")).unwrap();
    let of = |name: &'static str, instance: &'static str| [("__name__", name), ("instance", instance)];
    let (first_label, second_label): (&'static str, &'static str) =
        (first.clone().leak(), second.clone().leak());
    eventually("both", || {
        sink.has_value(&of("a", first_label), 1.0) && sink.has_value(&of("a", second_label), 2.0)
    })
    .await;
    let rules = "metric_relabel_configs:\n- {source_labels: [__name__], regex: b, action: drop}";
    manager
        .apply(jobs(&config(&first, rules)), Path::new("/"))
        .unwrap();
    eventually("the second ends", || sink.is_stale(&of("a", second_label))).await;
    eventually("b ends", || sink.is_stale(&of("b", first_label))).await;
    let stale = |samples: Vec<(i64, f64)>| {
        samples
            .iter()
            .filter(|(_, v)| model::metrics::is_stale_nan(*v))
            .count()
    };
    assert_eq!(
        stale(sink.samples(&of("a", first_label))),
        0,
        "what stays is not interrupted"
    );
    assert_eq!(manager.targets().active.len(), 1);
}

#[tokio::test]
async fn a_target_may_send_elsewhere_unless_that_is_not_wanted() {
    let page = Page::new("a 7\n");
    let elsewhere = serve(page.app()).await;
    let there = format!("http://{elsewhere}/metrics");
    let here = get(move || async move { axum::response::Redirect::temporary(&there) });
    let address = serve(Router::new().route("/metrics", here)).await;
    let (sink, manager) = manager();
    manager
        .apply(jobs(&config(&address, "")), Path::new("/"))
        .unwrap();
    eventually("two samples", || sink.samples(&[("__name__", "a")]).len() > 1).await;
    manager
        .apply(jobs(&config(&address, "follow_redirects: false")), Path::new("/"))
        .unwrap();
    eventually("an error", || {
        manager.targets().active[0].last_error == "server returned HTTP status 307 Temporary Redirect"
    })
    .await;
    manager.shutdown().await;
}

#[tokio::test]
async fn a_page_that_is_too_large_once_unpacked_is_refused() {
    let page = Page::new(&format!("a{{x=\"{}\"}} 1\n", "y".repeat(100_000)));
    let address = serve(page.app()).await;
    let (sink, manager) = manager();
    manager
        .apply(jobs(&config(&address, "body_size_limit: 50KB")), Path::new("/"))
        .unwrap();
    eventually("an error", || {
        manager.targets().active[0]
            .last_error
            .contains("body size limit exceeded")
    })
    .await;
    assert!(sink.samples(&[("__name__", "a")]).is_empty());
}

#[tokio::test]
async fn a_slow_target_times_out() {
    let slow = get(|| async { std::future::pending::<()>().await });
    let address = serve(Router::new().route("/metrics", slow)).await;
    let (sink, manager) = manager();
    manager
        .apply(jobs(&config(&address, "")), Path::new("/"))
        .unwrap();
    eventually("a timeout", || {
        manager.targets().active[0].last_error == "context deadline exceeded"
    })
    .await;
    assert!(sink.has_value(&[("__name__", "up")], 0.0));
    manager.shutdown().await;
}

#[tokio::test]
async fn too_many_targets_fail_all_and_dropped_ones_are_remembered() {
    let page = Page::new("a 1\n");
    let address = serve(page.app()).await;
    let (_sink, manager) = manager();
    let more =
        "target_limit: 1\nrelabel_configs:\n- {source_labels: [__address__], regex: 'gone:1', action: drop}";
    manager
        .apply(
            jobs(&config(&format!("{address}', 'other:1', 'gone:1"), more)),
            Path::new("/"),
        )
        .unwrap();
    let all_fail = || {
        let status = manager.targets();
        status.active.len() == 2
            && status
                .active
                .iter()
                .all(|t| t.last_error.contains("target_limit exceeded"))
    };
    eventually("the limit", all_fail).await;
    let status = manager.targets();
    assert_eq!(
        status.dropped[0].discovered_labels.get("__address__"),
        Some("gone:1")
    );
    assert_eq!(status.dropped_counts["app"], 1);
}

#[tokio::test]
async fn files_of_targets_are_followed() {
    let page = Page::new("a 1\n");
    let address = serve(page.app()).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        // Renamed into place, as careful tools do, so that nobody reads half a file.
        let temporary = folder.path().join("temporary");
        std::fs::write(&temporary, text).unwrap();
        std::fs::rename(&temporary, folder.path().join(name)).unwrap();
    };
    write(
        "one.json",
        &format!("[{{\"targets\": [\"{address}\"], \"labels\": {{\"from\": \"json\"}}}}]"),
    );
    let (sink, manager) = manager();
    let text = "- job_name: files\n  scrape_interval: 100ms\n  file_sd_configs:\n  - files: ['*.json', '*.yml']\n    refresh_interval: 50ms\n";
    manager.apply(jobs(text), folder.path()).unwrap();
    eventually("json", || {
        sink.has_value(&[("__name__", "a"), ("from", "json")], 1.0)
    })
    .await;
    let wider = text.replace("'*.yml'", "'*.yml', '*.yaml'");
    manager.apply(jobs(&wider), folder.path()).unwrap();
    assert_eq!(
        manager.targets().active.len(),
        1,
        "targets stay until the new discovery has looked"
    );
    write(
        "two.yml",
        &format!("- targets: ['{address}']\n  labels: {{from: yaml}}\n"),
    );
    eventually("yaml", || {
        sink.has_value(&[("__name__", "a"), ("from", "yaml")], 1.0)
    })
    .await;
    let discovered = manager
        .targets()
        .active
        .into_iter()
        .find(|t| t.labels.get("from") == Some("yaml"))
        .unwrap();
    assert!(
        discovered
            .discovered_labels
            .get("__meta_filepath")
            .unwrap()
            .ends_with("two.yml")
    );
    write("two.yml", "- targets: [\n");
    std::fs::remove_file(folder.path().join("one.json")).unwrap();
    eventually("the end", || {
        sink.is_stale(&[("__name__", "a"), ("from", "json")])
    })
    .await;
    assert_eq!(
        manager.targets().active.len(),
        1,
        "a broken file leaves its last good targets"
    );
}
