//! What was acknowledged is there: the server is killed in the middle of everything and started again on what it left.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use crate::ask::{Samples, now_ms};
use crate::harness::{Masthead, client, eventually};
use crate::peers::{Page, Target};
use crate::push::{lines, otlp, remote_write, snappy, two_spans, write_request};

/// How often it is killed, unless the environment says `MASTHEAD_CRASH_ROUNDS`.
const ROUNDS: usize = 3;
/// What was acknowledged in so many rounds is asked for after each kill; all of it in the end.
const RECENT_ROUNDS: usize = 5;
/// Concurrent senders of each signal.
const SENDERS: usize = 2;
/// How many requests of each sender have to be acknowledged before the kill.
const ENOUGH: usize = 25;
/// No sender sends more, lest the questions take long.
const MOST: usize = 400;
/// How many lines one request brings.
const LINES_A_REQUEST: usize = 2;
/// Between two samples of a pushed series.
const STEP_MS: i64 = 10;

/// What one sender knows to be acknowledged.
#[derive(Debug)]
enum Acknowledged {
    /// Samples of the series of this label.
    Samples { pusher: String, samples: Samples },
    /// Traces of two spans.
    Traces(Vec<String>),
    /// Lines of this service instance.
    Lines {
        instance: String,
        lines: Vec<(i64, String)>,
    },
}

/// A value that no two samples share and that has no short decimal form.
fn value(n: i64) -> f64 {
    n as f64 + 1.0 / 3.0
}

async fn send_samples(server: String, pusher: String, count: Arc<AtomicUsize>) -> Acknowledged {
    let client = client();
    let begin_ms = now_ms() - 60_000;
    let mut samples = Samples::new();
    for n in 0..MOST as i64 {
        let at_ms = begin_ms + n * STEP_MS;
        let name = [("__name__", "pushed"), ("pusher", pusher.as_str())];
        let body = snappy(&write_request(&[(&name, &[(at_ms, value(n))])]));
        let Ok((status, answer)) = remote_write(&client, &server, body).await else {
            break;
        };
        assert_eq!(status, 204, "{answer}");
        samples.insert(at_ms, value(n).to_string());
        count.fetch_add(1, Ordering::SeqCst);
    }
    Acknowledged::Samples { pusher, samples }
}

async fn send_spans(server: String, pusher: usize, count: Arc<AtomicUsize>) -> Acknowledged {
    let client = client();
    let mut traces = Vec::new();
    for n in 1..=MOST {
        let trace_id = format!("{pusher:016x}{n:016x}");
        let body = two_spans("crash-spans", &trace_id, now_ms() * 1_000_000);
        let Ok((status, answer)) = otlp(&client, &server, "/v1/traces", &body).await else {
            break;
        };
        assert_eq!(status, 200, "{answer}");
        traces.push(trace_id);
        count.fetch_add(1, Ordering::SeqCst);
    }
    Acknowledged::Traces(traces)
}

async fn send_lines(server: String, instance: String, count: Arc<AtomicUsize>) -> Acknowledged {
    let client = client();
    let mut sent = Vec::new();
    for n in 0..MOST {
        let at_ns = now_ms() * 1_000_000;
        let batch = [0, 1].map(|i| (at_ns + i, format!("{instance}: line {i} of request {n}")));
        let body = lines("crash-lines", &instance, &batch);
        let Ok((status, answer)) = otlp(&client, &server, "/v1/logs", &body).await else {
            break;
        };
        assert_eq!(status, 200, "{answer}");
        sent.extend(batch);
        count.fetch_add(1, Ordering::SeqCst);
    }
    Acknowledged::Lines {
        instance,
        lines: sent,
    }
}

/// Sends until the server is gone, which happens once every sender has had enough acknowledged.
async fn push_and_kill(server: &mut Masthead, round: usize) -> Vec<Acknowledged> {
    let mut senders = JoinSet::new();
    let mut counts = Vec::new();
    for sender in 0..SENDERS {
        let name = format!("{round}-{sender}");
        let mut count = || {
            counts.push(Arc::<AtomicUsize>::default());
            Arc::clone(&counts[counts.len() - 1])
        };
        senders.spawn(send_samples(server.url(), name.clone(), count()));
        senders.spawn(send_spans(
            server.otlp_http(),
            round * SENDERS + sender + 1,
            count(),
        ));
        senders.spawn(send_lines(server.otlp_http(), name, count()));
    }
    eventually("every sender has had enough acknowledged", || async {
        counts
            .iter()
            .all(|count| count.load(Ordering::SeqCst) >= ENOUGH)
            .then_some(())
    })
    .await;
    server.kill9();
    senders.join_all().await
}

async fn is_there(server: &Masthead, acknowledged: &Acknowledged) {
    match acknowledged {
        Acknowledged::Samples { pusher, samples } => samples_are_there(server, pusher, samples).await,
        Acknowledged::Traces(traces) => {
            for trace in traces {
                assert_eq!(
                    server.operations(trace).await,
                    ["inner", "outer"],
                    "trace {trace}"
                );
            }
        }
        Acknowledged::Lines { instance, lines } => {
            let (first, last) = (lines[0].0, lines[lines.len() - 1].0);
            let selector = format!("{{service_name=\"crash-lines\", service_instance_id=\"{instance}\"}}");
            let found = server.lines(&selector, first, last + 1).await;
            // By time and text: requests of the same millisecond bear the same times. One request may have been
            // stored without its answer getting through.
            let sorted: BTreeSet<&(i64, String)> = found.iter().collect();
            let lost: Vec<_> = lines.iter().filter(|line| !sorted.contains(line)).collect();
            assert!(lost.is_empty(), "lost lines of {instance}: {lost:?}");
            assert_eq!(sorted.len(), found.len(), "lines of {instance} twice");
            assert!(
                found.len() <= lines.len() + LINES_A_REQUEST,
                "lines of {instance} that nobody sent"
            );
        }
    }
}

async fn samples_are_there(server: &Masthead, pusher: &str, samples: &Samples) {
    let selector = format!("pushed{{pusher=\"{pusher}\"}}");
    let (first, last) = (
        *samples.keys().next().expect("a first"),
        *samples.keys().last().expect("a last"),
    );
    let at_each_step = server.range(&selector, first, last, STEP_MS).await;
    let [found]: [Samples; 1] = at_each_step
        .into_values()
        .collect::<Vec<_>>()
        .try_into()
        .expect("one series");
    assert_eq!(&found, samples, "samples of {pusher} by query_range");
    let stored = server.stored(&format!("{selector}[1h]")).await;
    let [mut stored]: [Samples; 1] = stored
        .into_values()
        .collect::<Vec<_>>()
        .try_into()
        .expect("one series");
    let beyond = stored.split_off(&(last + 1));
    assert_eq!(&stored, samples, "samples of {pusher} as they are stored");
    assert!(
        beyond.len() <= 1,
        "more than the request whose answer was lost: {beyond:?}"
    );
    let series = server
        .json(&crate::ask::path("/api/v1/series", &[("match[]", &selector)]))
        .await;
    assert_eq!(
        series["data"],
        serde_json::json!([{"__name__": "pushed", "pusher": pusher}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let target = Target::start(Page::Counting).await;
    let config = format!(
        "scrape_configs:\n- job_name: t\n  scrape_interval: 50ms\n  static_configs: [{{targets: ['{}']}}]\n",
        target.address
    );
    let mut server = Masthead::configured(&config, &[]).await;
    let mut acknowledged = Vec::new();
    let mut scraped = Samples::new();
    let rounds = std::env::var("MASTHEAD_CRASH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    let rounds: usize = rounds.unwrap_or(ROUNDS);
    for round in 0..rounds {
        // What a query has shown is promised too: nobody wants to see a curve change after a restart.
        let known = scraped.len();
        let shown = eventually("further scrapes are stored", || async {
            let stored = server.stored("scraped_total[1h]").await.into_values().next()?;
            (stored.len() >= known + 10).then_some(stored)
        })
        .await;
        acknowledged.extend(push_and_kill(&mut server, round).await);
        server.restart().await;
        let stored = server
            .stored("scraped_total[1h]")
            .await
            .into_values()
            .next()
            .expect("the scraped series");
        for (at_ms, value) in &shown {
            assert_eq!(
                stored.get(at_ms),
                Some(value),
                "the scrape at {at_ms} in round {round}"
            );
        }
        scraped = stored;
        for one in acknowledged.iter().rev().take(RECENT_ROUNDS * SENDERS * 3) {
            is_there(&server, one).await;
        }
    }
    for one in &acknowledged {
        is_there(&server, one).await;
    }
    assert_eq!(acknowledged.len(), rounds * SENDERS * 3);
}

/// Bytes that are no records behind the last good one, in each store's log.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_tail_of_each_log_costs_nothing_that_was_acknowledged() {
    let mut server = Masthead::configured(crate::harness::QUIET, &[]).await;
    let acknowledged = push_and_kill(&mut server, 0).await;
    let garbage: Vec<u8> = (0..4096_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let logs = ["metrics", "traces", "logs"].map(|store| newest_segment(&server, store));
    for log in &logs {
        let file = std::fs::OpenOptions::new().append(true).open(log);
        file.and_then(|mut file| file.write_all(&garbage))
            .expect("the log takes garbage");
    }
    server.restart().await;
    for one in &acknowledged {
        is_there(&server, one).await;
    }
    let said = server.log();
    for log in &logs {
        let name = log.display().to_string();
        let warned = |line: &str| {
            let told = line.contains("bytes cut off") || line.contains("are left out");
            line.contains("WARN") && line.contains(&name) && told
        };
        assert!(said.lines().any(warned), "no warning of {name}");
    }
    // What is cut off stays off: the next start finds nothing wrong.
    let before = server.log().len();
    server.restart().await;
    assert!(!server.log()[before..].contains("bytes cut off"));
    for one in &acknowledged {
        is_there(&server, one).await;
    }
}

/// Lines of a followed file come again after a kill rather than never; each is there, in its order.
#[tokio::test(flavor = "multi_thread")]
async fn a_followed_file_loses_no_line_over_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.log");
    let config = format!(
        "{}logs:\n  files:\n  - paths: ['{}']\n    labels: {{job: app}}\n",
        crate::harness::QUIET,
        folder.path().join("*.log").display()
    );
    std::fs::write(&path, "").expect("a file");
    let mut server = Masthead::configured(&config, &[]).await;
    let begin_ns = now_ms() * 1_000_000;
    let mut written = 0;
    for _ in 0..ROUNDS {
        let begin = written;
        // The server is killed when it has taken some lines of this round, while more are being written.
        while kept(&server, begin_ns).await.len() <= begin {
            append(&path, &mut written);
        }
        append(&path, &mut written);
        server.kill9();
        append(&path, &mut written);
        server.restart().await;
        eventually(format!("all {written} lines are there"), || async {
            (kept(&server, begin_ns).await.len() >= written).then_some(())
        })
        .await;
    }
    let expected: Vec<String> = (0..written).map(line).collect();
    assert_eq!(kept(&server, begin_ns).await, expected);
}

fn line(n: usize) -> String {
    format!("line {n:06}")
}

fn append(path: &std::path::Path, written: &mut usize) {
    let file = std::fs::OpenOptions::new().append(true).open(path);
    let text: String = (*written..*written + 10).map(|n| line(n) + "\n").collect();
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("the file takes lines");
    *written += 10;
}

/// The lines of the followed file, each once.
async fn kept(server: &Masthead, begin_ns: i64) -> Vec<String> {
    let end_ns = (now_ms() + 60_000) * 1_000_000;
    let found = server.lines("{job=\"app\"}", begin_ns, end_ns).await;
    let mut lines: Vec<String> = found.into_iter().map(|(_, line)| line).collect();
    lines.sort();
    lines.dedup();
    lines
}

fn newest_segment(server: &Masthead, store: &str) -> std::path::PathBuf {
    let folder = server.dir.path().join("data").join(store).join("wal");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let segments = entries.map(|entry| entry.expect("an entry").path());
    segments
        .max()
        .unwrap_or_else(|| panic!("no segment in {}", folder.display()))
}
