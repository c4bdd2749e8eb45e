//! Queries as they go on in a running server: cancelled, bounded, logged, and told of after a crash.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::ask::{now_ms, path};
use crate::harness::{Masthead, PATIENCE, QUIET, client, eventually, get};
use crate::peers::{Page, Target};
use crate::push::{remote_write, snappy, write_request};

/// Takes minutes where nobody stops it: a subquery in a subquery, a quarter of a million evaluations of each step.
const HEAVY: &str = "sum(max_over_time(avg_over_time(heavy[1h:1s])[1h:1s]))";

/// So many series of `heavy`, each with a sample now.
async fn push(server: &Masthead, series: usize) {
    let names: Vec<String> = (0..series).map(|i| i.to_string()).collect();
    let now = [(now_ms() - 1000, 1.0)];
    let labels: Vec<[(&str, &str); 2]> = names.iter().map(|n| [("__name__", "heavy"), ("n", n)]).collect();
    let rows: Vec<_> = labels.iter().map(|labels| (&labels[..], &now[..])).collect();
    let written = remote_write(&client(), &server.url(), snappy(&write_request(&rows))).await;
    assert_eq!(written.expect("answered").0, 204);
}

/// A query by a connection of its own, which the caller holds.
async fn hanging(server: &Masthead, query: &str) -> TcpStream {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.expect("connected");
    let target = path("/api/v1/query", &[("query", query)]);
    let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

async fn active(server: &Masthead) -> Vec<Value> {
    let answer = server.json("/api/v1/status/active_queries").await;
    answer["data"].as_array().cloned().expect("a list")
}

/// Waits until so many queries run.
async fn until_active(server: &Masthead, count: usize) -> Vec<Value> {
    eventually(format!("{count} queries run"), || async {
        let found = active(server).await;
        (found.len() == count).then_some(found)
    })
    .await
}

/// Seconds of processor time that the server has used.
async fn processor(server: &Masthead) -> f64 {
    metric(server, "process_cpu_seconds_total").await
}

async fn metric(server: &Masthead, name: &str) -> f64 {
    let (_, page) = get(&format!("{}/metrics", server.url())).await;
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix("{} "));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or_else(|| panic!("no {name}"))
}

#[tokio::test]
async fn a_query_ends_when_its_client_hangs_up() {
    let server = Masthead::configured(QUIET, &[]).await;
    push(&server, 200).await;
    let stream = hanging(&server, HEAVY).await;
    let found = until_active(&server, 1).await;
    assert_eq!(found[0]["query"], HEAVY);
    assert_eq!(found[0]["clientIP"], "127.0.0.1");
    assert_eq!(found[0]["path"], "/api/v1/query");
    drop(stream);
    until_active(&server, 0).await;
    let before = processor(&server).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let used = processor(&server).await - before;
    assert!(used < 0.25, "it goes on computing: {used} s in half a second");
}

#[tokio::test]
async fn the_next_start_tells_what_ran_when_the_process_died() {
    let mut server = Masthead::configured(QUIET, &[]).await;
    push(&server, 200).await;
    let _stream = hanging(&server, HEAVY).await;
    until_active(&server, 1).await;
    server.restart().await;
    let log = server.log();
    let told = log
        .lines()
        .find(|line| line.contains("did not finish in the last run"));
    assert!(
        told.is_some_and(|line| line.contains("avg_over_time(heavy[1h:1s])")),
        "{log}"
    );
    assert!(active(&server).await.is_empty());
}

#[tokio::test]
async fn the_query_log_is_opened_anew_by_a_reload() {
    let config = "global: {query_log_file: query.log}\n";
    let server = Masthead::configured(config, &["--query.slow-log-threshold=1ms"]).await;
    push(&server, 5).await;
    let file = server.dir.path().join("query.log");
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    server.query("sum(heavy)").await;
    let found = lines();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["params"]["query"], "sum(heavy)");
    assert_eq!(found[0]["httpRequest"]["path"], "/api/v1/query");
    assert!(found[0]["stats"]["timings"]["execTotalTime"].is_number());

    std::fs::rename(&file, server.dir.path().join("moved.log")).expect("moved");
    server.signal("HUP");
    eventually("the log is there again", || async { file.exists().then_some(()) }).await;
    server.query("heavy").await;
    assert_eq!(lines().len(), 1);

    server.query("sum(max_over_time(heavy[1h:1s]))").await;
    let log = server.log();
    assert!(
        log.contains("slow query") && log.contains("sum(max_over_time(heavy[1h:1s]))"),
        "{log}"
    );
}

/// What a query may take of the memory is bounded; the server lives on, and scrapes meanwhile.
#[tokio::test]
async fn a_query_that_wants_all_memory_is_refused_and_nothing_else_suffers() {
    const BUDGET: f64 = (32 << 20) as f64;
    let target = Target::start(Page::Counting).await;
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n\
         - {{job_name: app, static_configs: [{{targets: ['{}']}}]}}\n",
        target.address
    );
    let flags = ["--query.max-memory=32MB", "--query.max-samples=100000000000"];
    let server = Masthead::configured(&config, &flags).await;
    push(&server, 2000).await;
    let before = metric(&server, "process_resident_memory_bytes").await;
    let scrapes = target.scrapes();
    let began = Instant::now();
    for query in [
        "heavy + on () group_left () (heavy{n=\"1\"}) + ignoring (n) group_left () count_values(\"x\", heavy)",
        "{__name__!=\"\"}[30d:1s]",
        "max_over_time({__name__!=\"\"}[30d:1s])",
        "label_replace(heavy, \"a\", \"$1\", \"n\", \"(.*)\")[30d:1s]",
    ] {
        let url = format!("{}{}", server.url(), path("/api/v1/query", &[("query", query)]));
        let answer = get(&url).await;
        if answer.0 != 200 {
            let body: Value = serde_json::from_str(&answer.1).expect("JSON");
            assert_eq!(
                (answer.0, &body["errorType"]),
                (422, &"execution".into()),
                "{query}: {body}"
            );
        }
        if query.contains("30d") && !query.starts_with("max") {
            assert_eq!(answer.0, 422, "{query}");
        }
    }
    let after = metric(&server, "process_resident_memory_bytes").await;
    assert!(
        after - before < 4.0 * BUDGET,
        "it grew by {} MB",
        (after - before) / 1e6
    );
    assert!(began.elapsed() < PATIENCE);
    eventually("scrapes go on", || async {
        (target.scrapes() > scrapes + 1).then_some(())
    })
    .await;
}
