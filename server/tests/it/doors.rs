//! What a running server shows of itself, and how it closes its doors.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::ask::{now_ms, path};
use crate::harness::{Masthead, QUIET, client, eventually, get, run};
use crate::push::{remote_write, snappy, write_request};

/// Scrapes itself several times within the time that requests under way are given.
const WATCHES_ITSELF: &str =
    "scrape_configs:\n- job_name: self\n  scrape_interval: 1s\n  static_configs: [{targets: ['PORT']}]\n";

/// A request that never comes to its end, so that stopping has to wait for it.
fn request_under_way(server: &Masthead) -> TcpStream {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream
        .write_all(b"POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
        .expect("it is open");
    stream
}

/// A server that scrapes itself each second, and has done so.
async fn watching_itself() -> Masthead {
    let server = Masthead::configured(QUIET, &["--web.enable-lifecycle"]).await;
    let config = WATCHES_ITSELF.replace("PORT", &server.url().replace("http://", ""));
    std::fs::write(server.dir.path().join("masthead.yml"), config).expect("the configuration is written");
    let reloaded = client().post(format!("{}/-/reload", server.url())).send().await;
    assert_eq!(reloaded.expect("an answer").status(), 200);
    eventually("it scrapes itself", || async {
        let up = server.query("up == 1").await;
        (!up.is_empty()).then_some(())
    })
    .await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_does_not_store_that_it_is_down() {
    let mut server = watching_itself().await;
    let _held = request_under_way(&server);
    // Requests come in order of their connections, so after this one the other is under way.
    get(&format!("{}/-/healthy", server.url())).await;
    assert_eq!(server.stop().await.code(), Some(0), "{}", server.log());
    std::fs::write(server.dir.path().join("masthead.yml"), QUIET).expect("the configuration is written");
    server.restart().await;
    let down = server.query("min_over_time(up[10m])").await;
    assert_eq!(down[0]["value"][1], "1", "{down:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_interrupt_ends_it_at_once() {
    let mut server = Masthead::configured(QUIET, &[]).await;
    let _held = request_under_way(&server);
    get(&format!("{}/-/healthy", server.url())).await;
    server.signal("INT");
    eventually("it stops", || async {
        server.log().contains("stopping").then_some(())
    })
    .await;
    server.signal("INT");
    assert_eq!(server.ended().await.code(), Some(1), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn own_metrics_come_in_the_format_that_is_asked_for() {
    let server = Masthead::configured(QUIET, &[]).await;
    let url = format!("{}/metrics", server.url());
    for (accept, content_type, format) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", "text"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "openmetrics",
        ),
    ] {
        let answer = client()
            .get(&url)
            .header("accept", accept)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.headers()["content-type"], content_type);
        let page = answer.text().await.expect("text");
        let checked = run(&["check", "metrics", "--format", format], &page).await;
        assert_eq!(checked.code, Some(0), "{format}: {}\n{page}", checked.stderr);
        assert!(page.contains("prometheus_http_requests_total{"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn federation_follows_a_reload_of_external_labels() {
    let config = |site: &str| format!("global: {{external_labels: {{site: {site}}}}}\n{QUIET}");
    let server = Masthead::configured(&config("home"), &["--web.enable-lifecycle"]).await;
    let body = write_request(&[(&[("__name__", "pushed")], &[(now_ms(), 1.0)])]);
    let written = remote_write(&client(), &server.url(), snappy(&body)).await;
    assert!(written.is_ok_and(|(status, _)| status < 300));
    let page = || async { get(&format!("{}/federate?match[]=pushed", server.url())).await.1 };
    assert!(
        page().await.contains("pushed{instance=\"\",site=\"home\"} 1"),
        "{}",
        page().await
    );
    std::fs::write(server.dir.path().join("masthead.yml"), config("away")).expect("written");
    let reloaded = client().post(format!("{}/-/reload", server.url())).send().await;
    assert_eq!(reloaded.expect("an answer").status(), 200);
    assert!(page().await.contains("site=\"away\""), "{}", page().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_queries_at_once_is_a_flag() {
    let server = Masthead::configured(QUIET, &["--query.max-concurrency=3"]).await;
    let flags = server.json("/api/v1/status/flags").await;
    assert_eq!(flags["data"]["query.max-concurrency"], "3");
    let (status, text) = get(&format!("{}/ready", server.url())).await;
    assert_eq!((status, text.as_str()), (200, "Masthead is Ready.\n"));
    let refused = run(&["--query.max-concurrency=0"], "").await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}

/// Computes for minutes, unless its client hangs up.
const HEAVY: [(&str, &str); 4] = [
    ("query", "stddev_over_time((vector(1) * 0.1)[5d:1s])"),
    ("start", "0"),
    ("end", "150000"),
    ("step", "15"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_itself_does_not_wait_for_queries() {
    let server = Masthead::configured(QUIET, &["--query.max-concurrency=1"]).await;
    let heavy = tokio::spawn({
        let url = format!("{}{}", server.url(), path("/api/v1/query_range", &HEAVY));
        async move { get(&url).await }
    });
    let (url, short) = (
        format!("{}/api/v1/query?query=1", server.url()),
        Duration::from_millis(500),
    );
    eventually("the only place is taken", || async {
        let answer = client().get(&url).timeout(short).send().await;
        answer.is_err_and(|e| e.is_timeout()).then_some(())
    })
    .await;
    for own in [
        "/metrics",
        "/api/v1/status/tsdb",
        "/api/v1/targets",
        "/api/v1/rules",
        "/api/v1/status/flags",
    ] {
        let (status, _) = get(&format!("{}{own}", server.url())).await;
        assert_eq!(status, 200, "{own}");
    }
    assert!(!heavy.is_finished(), "the query ended before them");
    heavy.abort();
}
