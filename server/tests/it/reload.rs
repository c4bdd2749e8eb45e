//! Starting, changing and stopping: reloads that disturb nothing else, refusals that say why, an end that loses nothing.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::ask::{Samples, now_ms, text};
use crate::harness::{self, Masthead, QUIET, client, eventually, free_ports};
use crate::peers::{Page, Target};
use crate::push::{lines, otlp, remote_write, snappy, two_spans, write_request};

/// "Within seconds": what an operator who has pressed Ctrl-C is willing to wait, on a machine that is busy.
const PROMPT: Duration = Duration::from_secs(15);

/// A hole in a series is as wide as this; it is the timeout too, so that a busy machine makes none.
const INTERVAL_MS: i64 = 2000;

fn jobs(jobs: &[(&str, &Target)]) -> String {
    let mut config = "scrape_configs:\n".to_owned();
    for (name, target) in jobs {
        config += &format!(
            "- job_name: {name}\n  scrape_interval: {INTERVAL_MS}ms\n  static_configs: [{{targets: ['{}']}}]\n",
            target.address
        );
    }
    config
}

fn rewrite(server: &Masthead, config: &str) {
    fs::write(server.dir.path().join("masthead.yml"), config).expect("the configuration is written");
}

/// The samples of `scraped_total` of a job.
async fn scraped(server: &Masthead, job: &str) -> Samples {
    let all = server
        .stored(&format!("scraped_total{{job=\"{job}\"}}[10m]"))
        .await;
    all.into_values().next().unwrap_or_default()
}

async fn scraped_after(server: &Masthead, job: &str, at_ms: i64) -> Samples {
    eventually(format!("{job} is scraped twice after {at_ms}"), || async {
        let found = scraped(server, job).await;
        (found.range(at_ms..).count() >= 2).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_does_not_disturb_what_stays() {
    let (stays, goes, comes) = (
        Target::start(Page::Counting).await,
        Target::start(Page::Counting).await,
        Target::start(Page::Counting).await,
    );
    let mut server = Masthead::configured(
        &jobs(&[("stays", &stays), ("goes", &goes)]),
        &["--web.enable-lifecycle"],
    )
    .await;
    scraped_after(&server, "stays", 0).await;
    scraped_after(&server, "goes", 0).await;

    rewrite(&server, &jobs(&[("comes", &comes), ("stays", &stays)]));
    server.signal("HUP");
    let reloaded_ms = now_ms();
    scraped_after(&server, "comes", 0).await;
    eventually("the job that is gone ends", || async {
        server.query("{job=\"goes\"}").await.is_empty().then_some(())
    })
    .await;
    let samples = scraped_after(&server, "stays", reloaded_ms + INTERVAL_MS).await;
    // By POST as by signal.
    rewrite(&server, &jobs(&[("stays", &stays)]));
    let answer = client()
        .post(format!("{}/-/reload", server.url()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    eventually("the other job ends", || async {
        server.query("{job=\"comes\"}").await.is_empty().then_some(())
    })
    .await;
    let posted_ms = now_ms();
    let later = scraped_after(&server, "stays", posted_ms + INTERVAL_MS).await;

    let (first, last) = (
        *samples.keys().next().expect("a first"),
        *later.keys().last().expect("a last"),
    );
    let step_ms = INTERVAL_MS / 10;
    let seen = server
        .range("scraped_total{job=\"stays\"}", first, last, step_ms)
        .await;
    let seen = seen.into_values().next().expect("the series");
    let expected = (last - first) / step_ms + 1;
    assert_eq!(
        i64::try_from(seen.len()),
        Ok(expected),
        "a hole in what was not to be disturbed"
    );
    let config = server.json("/api/v1/status/config").await;
    assert_eq!(text(&config["data"]["yaml"]), jobs(&[("stays", &stays)]));
    assert!(server.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_is_refused_and_the_old_one_stays() {
    let target = Target::start(Page::Counting).await;
    let good = jobs(&[("good", &target)]);
    let server = Masthead::configured(&good, &["--web.enable-lifecycle"]).await;
    let reload = format!("{}/-/reload", server.url());
    let successful = || async {
        let (_, page) = harness::get(&format!("{}/metrics", server.url())).await;
        let mut lines = page.lines();
        let line = lines.find(|line| line.starts_with("prometheus_config_last_reload_successful"));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        value.unwrap_or_else(|| panic!("not on the page: {page}"))
    };
    assert_eq!(successful().await, 1.0);

    let bad = [
        (
            "scrape_configs:\n- job_name: a\n  scrape_intervall: 1s\n",
            "scrape_intervall",
        ),
        ("scrape_configs: [\n", "line"),
        ("rule_files: ['broken.yml']\n", "group \"g\", rule 1"),
        ("notifications: {file: absent.yml}\n", "absent.yml"),
    ];
    let broken = "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]\n";
    fs::write(server.dir.path().join("broken.yml"), broken).expect("a rule file");
    for (config, why) in bad {
        rewrite(&server, config);
        let answer = client().post(&reload).send().await.expect("an answer");
        assert_eq!(answer.status(), 500, "{config}");
        let answer = answer.text().await.expect("a text");
        assert!(answer.contains(why), "{config}: {answer}");
        assert_eq!(successful().await, 0.0, "{config}");
        let in_force = server.json("/api/v1/status/config").await;
        assert_eq!(text(&in_force["data"]["yaml"]), good, "{config}");
    }
    let before = server.log().len();
    server.signal("HUP");
    eventually("the refusal is in the log", || async {
        server.log()[before..]
            .lines()
            .any(|l| l.contains("ERROR") && l.contains("absent.yml"))
            .then_some(())
    })
    .await;
    scraped_after(&server, "good", now_ms()).await;

    rewrite(&server, &good);
    assert_eq!(
        client().post(&reload).send().await.expect("an answer").status(),
        200
    );
    assert_eq!(successful().await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn reloading_by_post_has_to_be_allowed() {
    let server = Masthead::configured(QUIET, &[]).await;
    let answer = client()
        .post(format!("{}/-/reload", server.url()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_it_at_once_and_loses_nothing() {
    let target = Target::start(Page::Counting).await;
    let silent = Target::start(Page::Silence).await;
    let slow = format!(
        "{}- job_name: slow\n  scrape_interval: 30s\n  scrape_timeout: 30s\n  static_configs: [{{targets: ['{}']}}]\n",
        jobs(&[("t", &target)]),
        silent.address
    );
    let mut server = Masthead::configured(&slow, &[]).await;
    let shown = scraped_after(&server, "t", 0).await;
    let client = client();
    let at_ms = now_ms();
    let body = snappy(&write_request(&[(&[("__name__", "pushed")], &[(at_ms, 0.1)])]));
    assert_eq!(
        remote_write(&client, &server.url(), body)
            .await
            .expect("an answer")
            .0,
        204
    );
    let trace = "ab".repeat(16);
    let spans = two_spans("s", &trace, at_ms * 1_000_000);
    assert_eq!(
        otlp(&client, &server.otlp_http(), "/v1/traces", &spans)
            .await
            .expect("an answer")
            .0,
        200
    );
    let line = (at_ms * 1_000_000, "hello".to_owned());
    let request = lines("s", "1", std::slice::from_ref(&line));
    assert_eq!(
        otlp(&client, &server.otlp_http(), "/v1/logs", &request)
            .await
            .expect("an answer")
            .0,
        200
    );
    // A client in the middle of its request, and one that has not begun, hold nothing up.
    let address = server.url().replace("http://", "");
    let mut half = TcpStream::connect(&address).expect("a connection");
    half.write_all(b"POST /api/v1/write HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        .expect("it is sent");
    let _idle = TcpStream::connect(&address).expect("a connection");

    server.signal("INT");
    let asked = Instant::now();
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(asked.elapsed() < PROMPT, "it took {:?}", asked.elapsed());

    server.restart().await;
    let stored = scraped(&server, "t").await;
    for (at_ms, value) in &shown {
        assert_eq!(stored.get(at_ms), Some(value), "the scrape at {at_ms}");
    }
    assert_eq!(
        server.stored("pushed[10m]").await.into_values().next(),
        Some(Samples::from([(at_ms, "0.1".to_owned())]))
    );
    assert_eq!(server.operations(&trace).await, ["inner", "outer"]);
    assert_eq!(
        server.lines("{service_name=\"s\"}", line.0, line.0 + 1).await,
        [line]
    );
    assert!(
        !server.log().contains("bytes cut off"),
        "a proper end leaves no torn tail"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_a_data_folder() {
    let server = Masthead::configured(QUIET, &[]).await;
    let data = server.dir.path().join("data").display().to_string();
    let storage = format!("--storage.path={data}");
    let addresses = free_ports::<3>().map(|port| format!("127.0.0.1:{port}"));
    let [main, otlp_http, otlp_grpc] = addresses;
    let flags = [
        format!("--web.listen-address={main}"),
        format!("--otlp.http-listen-address={otlp_http}"),
        format!("--otlp.grpc-listen-address={otlp_grpc}"),
        storage,
    ];
    let ended = harness::run(&flags.each_ref().map(String::as_str), "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains(&data) && ended.stderr.contains("another process uses this folder"),
        "{ended:?}"
    );
    assert_eq!(
        harness::get(&format!("{}/-/ready", server.url())).await.0,
        200,
        "the first one is not disturbed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_named_with_its_flag() {
    let server = Masthead::configured(QUIET, &[]).await;
    let taken = server.url().replace("http://", "");
    let folder = tempfile::tempdir().expect("a folder");
    let storage = format!("--storage.path={}", folder.path().join("data").display());
    let [main] = free_ports().map(|port| format!("--web.listen-address=127.0.0.1:{port}"));
    let cases = [
        (
            "web.listen-address",
            vec![format!("--web.listen-address={taken}")],
        ),
        (
            "otlp.http-listen-address",
            vec![
                main,
                format!("--otlp.http-listen-address={taken}"),
                "--otlp.grpc-listen-address=".to_owned(),
            ],
        ),
    ];
    for (flag, mut arguments) in cases {
        arguments.push(storage.clone());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ended = harness::run(&arguments, "").await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let message = format!("{taken} is in use already; choose another with --{flag}");
        assert!(ended.stderr.contains(&message), "{ended:?}");
    }
    assert!(
        !folder.path().join("data").exists(),
        "nothing is made before it is known that it can run"
    );
}

#[tokio::test]
async fn a_wrong_flag_or_value_is_named() {
    for (arguments, named) in [
        (["--storage.path"].as_slice(), "--storage.path"),
        (&["--log.level=loud"], "loud"),
        (&["--web.listen-address=nowhere"], "host:port"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--config.file=/no/such/file.yml"], "/no/such/file.yml"),
        (&["--storage.path=/proc/no/such/folder"], "/proc/no/such/folder"),
        (
            &["--storage.tsdb.retention.time=ages"],
            "--storage.tsdb.retention.time",
        ),
        (&["--query.timeout=soon"], "--query.timeout"),
    ] {
        let [port] = free_ports();
        let address = format!("--web.listen-address=127.0.0.1:{port}");
        let mut all = arguments.to_vec();
        if !arguments[0].contains("listen") {
            all.insert(0, &address);
        }
        all.insert(0, "--otlp.http-listen-address=");
        all.insert(0, "--otlp.grpc-listen-address=");
        let ended = harness::run(&all, "").await;
        assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
        assert!(ended.stderr.contains(named), "{named}: {ended:?}");
    }
}
