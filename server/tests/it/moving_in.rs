//! `masthead tsdb …`: moving in from a Prometheus and looking inside, as an operator does it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::{Ended, Masthead, QUIET, client, free_ports, run};

/// What a real Prometheus left behind.
fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tsdb/testdata/prometheus")
        .join(name)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn storage(folder: &Path) -> String {
    format!("--storage.path={}", folder.display())
}

async fn tsdb(arguments: &[&str], input: &str) -> Ended {
    run(&[&["tsdb"], arguments].concat(), input).await
}

async fn done(arguments: &[&str], input: &str) -> String {
    let ended = tsdb(arguments, input).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    ended.stdout
}

/// The lines of a dump with floats in Rust's spelling; a series is left out whose dump by promtool ends early.
fn floats(dump: &str) -> Vec<String> {
    let line = |line: &str| {
        let (rest, t) = line.rsplit_once(' ')?;
        let (labels, value) = rest.rsplit_once(' ')?;
        let float: f64 = value.parse().ok()?;
        Some(format!("{labels} {float:?} {t}"))
    };
    let wanted = |line: &&str| !line.contains("mixed") && !line.contains("{schema:");
    dump.lines()
        .filter(wanted)
        .map(|l| line(l).unwrap_or_else(|| panic!("a sample: {l}")))
        .collect()
}

#[tokio::test]
async fn a_prometheus_moves_in_and_is_dumped_as_promtool_dumps_it() {
    let data = folder();
    let storage = storage(data.path());
    let from = testdata("data").display().to_string();
    let said = done(&["import", "prometheus", &storage, &from], "").await;
    assert!(said.contains("samples imported as"), "{said}");
    let dump = done(&["dump", &storage], "").await;
    let expected = fs::read_to_string(testdata("data.dump")).expect("testdata");
    let (found, expected) = (floats(&dump), floats(&expected));
    assert_eq!(found.iter().zip(&expected).find(|(a, b)| a != b), None);
    assert_eq!(found.len(), expected.len());
    assert!(
        dump.contains("latency_float") && dump.contains("{schema:1, sum:18.5, count:12.5"),
        "histograms"
    );
    // Again does no harm.
    done(&["import", "prometheus", &storage, &from], "").await;
    assert!(done(&["dump", &storage], "").await == dump);

    let list = done(&["list", &storage], "").await;
    assert!(list.lines().count() >= 3, "{list}");
    let analysis = done(&["analyze", &storage, "--limit", "3"], "").await;
    assert!(
        analysis.contains("Metrics by bytes") && analysis.contains("latency"),
        "{analysis}"
    );
    done(&["verify", &storage], "").await;
}

#[tokio::test]
async fn a_part_is_chosen_by_selector_and_time() {
    let data = folder();
    let storage = storage(data.path());
    let text = "# TYPE a gauge\na{x=\"1\"} 1 1000\na{x=\"1\"} 2 2000\na{x=\"2\"} 3 1000\nb 4 1500.5\n# EOF\n";
    done(&["import", "openmetrics", &storage, "-"], text).await;
    let dump = done(
        &[
            "dump",
            &storage,
            "--match",
            "a{x=\"1\"}",
            "--match",
            "b",
            "--min-time",
            "1500",
        ],
        "",
    )
    .await;
    assert_eq!(
        dump,
        "{__name__=\"a\", x=\"1\"} 2 2000000\n{__name__=\"b\"} 4 1500500\n"
    );
    // What is dumped as OpenMetrics is imported again.
    let dumped = done(&["dump", &storage, "--format", "openmetrics"], "").await;
    let again = folder();
    let second = self::storage(again.path());
    done(&["import", "openmetrics", &second, "-"], &dumped).await;
    assert_eq!(
        done(&["dump", &second], "").await,
        done(&["dump", &storage], "").await
    );
    let wrong = tsdb(&["import", "openmetrics", &second, "-"], "a 1\n# EOF\n").await;
    assert!(
        wrong.code == Some(1) && wrong.stderr.contains("no timestamp"),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn what_is_broken_is_named() {
    let data = folder();
    let storage = storage(data.path());
    done(&["import", "openmetrics", &storage, "-"], "a 1 1\n# EOF\n").await;
    let blocks = data.path().join("metrics/blocks");
    let block = fs::read_dir(&blocks)
        .expect("a folder")
        .next()
        .expect("a block")
        .expect("a block")
        .path();
    let chunks = block.join("chunks");
    let mut bytes = fs::read(&chunks).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&chunks, bytes).expect("a file");
    let ended = tsdb(&["verify", &storage], "").await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let named = ended
        .stderr
        .lines()
        .any(|l| l.starts_with("BROKEN") && l.contains(&*block.to_string_lossy()));
    assert!(named, "{ended:?}");
}

#[tokio::test]
async fn an_import_beside_a_server_is_refused_and_looking_is_not() {
    let server = Masthead::configured(QUIET, &[]).await;
    let storage = storage(&server.dir.path().join("data"));
    let ended = tsdb(&["import", "openmetrics", &storage, "-"], "a 1 1\n# EOF\n").await;
    assert!(
        ended.code == Some(1) && ended.stderr.contains("a server runs on"),
        "{ended:?}"
    );
    done(&["list", &storage], "").await;
}

#[tokio::test]
async fn a_server_answers_with_what_was_imported() {
    let mut server = Masthead::configured(QUIET, &["--query.lookback-delta=15d"]).await;
    server.kill9();
    let storage = storage(&server.dir.path().join("data"));
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    let text = format!(
        "# TYPE moved_in gauge\nmoved_in{{from=\"afar\"}} 42.5 {}\n# EOF\n",
        now - 10 * 86_400
    );
    done(&["import", "openmetrics", &storage, "-"], &text).await;
    server.restart().await;
    let found = server.query("moved_in").await;
    assert_eq!(found[0]["value"][1], "42.5", "{found:?}");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Started on what `import` put into its folder.
async fn server_of_imported() -> Masthead {
    let flags = ["--storage.tsdb.retention.time=100y"];
    let mut server = Masthead::configured(QUIET, &flags).await;
    server.stop().await;
    let data = server.dir.path().join("data");
    let from = testdata("data").display().to_string();
    done(&["import", "prometheus", &storage(&data), &from], "").await;
    server.restart().await;
    server
}

/// When the test data begins, in seconds.
fn start_s() -> i64 {
    let text = fs::read_to_string(testdata("start")).expect("testdata");
    text.trim().parse::<i64>().expect("a number") / 1000
}

#[tokio::test]
async fn a_running_masthead_is_read_remotely() {
    let server = server_of_imported().await;
    let folder = folder();
    let storage = storage(&folder.path().join("copy"));
    let (from, to) = ((start_s() - 60).to_string(), (start_s() + 7200).to_string());
    let url = format!("{}/api/v1/read", server.url());
    let times = ["--min-time", &from, "--max-time", &to, "--step", "10m"];
    let which = ["--match", "{__name__!=\"\"}"];
    done(
        &[&["import", "remote-read", &storage, &url][..], &times, &which].concat(),
        "",
    )
    .await;
    let copied = done(&["dump", &storage], "").await;
    let original = format!("--storage.path={}", server.dir.path().join("data").display());
    let expected = done(&["dump", &original], "").await;
    let difference = copied.lines().zip(expected.lines()).find(|(a, b)| a != b);
    assert_eq!(difference, None);
    assert_eq!(copied.lines().count(), expected.lines().count());
    assert!(copied.contains("{schema:1, sum:"), "histograms come too");
}

#[tokio::test]
async fn a_prometheus_reads_from_masthead() {
    let server = server_of_imported().await;
    let folder = folder();
    let [port] = free_ports();
    let config = folder.path().join("prometheus.yml");
    let remote = format!(
        "remote_read: [{{url: '{}/api/v1/read', read_recent: true}}]\n",
        server.url()
    );
    fs::write(&config, remote).expect("a file");
    let spawned = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.path().join("tsdb").display()
        ))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--enable-feature=native-histograms")
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = spawned else {
        return crate::tools::skip("remote read by Prometheus", "prometheus is not installed");
    };
    let _child = Killed(child);
    ready(port).await;
    // No sample lies on the edge of a range, of which later versions leave out the older one.
    let time = format!("{}.137", start_s() + 3600);
    for query in [
        "count({__name__!=\"\"})",
        "sort(sum by (__name__) (sum_over_time({__name__=~\"node.*|up\"}[1h])))",
    ] {
        let asked = crate::ask::path("/api/v1/query", &[("query", query), ("time", &time)]);
        let theirs = crate::harness::get(&format!("http://127.0.0.1:{port}{asked}")).await;
        assert_eq!(theirs.0, 200, "{query}: {}", theirs.1);
        let theirs: serde_json::Value = serde_json::from_str(&theirs.1).expect("JSON");
        let ours = server.json(&asked).await;
        assert_eq!(theirs["data"]["result"], ours["data"]["result"], "{query}");
        assert!(
            !ours["data"]["result"].as_array().is_none_or(Vec::is_empty),
            "{query} finds something"
        );
    }
}

async fn ready(port: u16) {
    let ready = format!("http://127.0.0.1:{port}/-/ready");
    crate::harness::eventually("prometheus comes up", || async {
        let answer = client().get(&ready).send().await;
        answer.is_ok_and(|r| r.status().is_success()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_running_prometheus_is_read_remotely() {
    let folder = folder();
    let [port] = free_ports();
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, "scrape_configs: []\n").expect("a file");
    let copy = folder.path().join("prometheus");
    copy_dir(&testdata("data"), &copy);
    let spawned = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", copy.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args([
            "--storage.tsdb.retention.time=100y",
            "--enable-feature=native-histograms",
        ])
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = spawned else {
        eprintln!("SKIPPED: prometheus is not installed");
        return;
    };
    let _child = Killed(child);
    ready(port).await;
    let data = folder.path().join("data");
    let storage = storage(&data);
    let start: i64 = fs::read_to_string(testdata("start"))
        .expect("testdata")
        .trim()
        .parse()
        .expect("a number");
    let (from, to) = ((start / 1000 - 60).to_string(), (start / 1000 + 7200).to_string());
    let url = format!("http://127.0.0.1:{port}/api/v1/read");
    let times = ["--min-time", &from, "--max-time", &to, "--step", "10m"];
    // Prometheus 2.42 fails on the way with gauge histograms of which it lost the header.
    let which = ["--match", "{__name__!~\"mixed|latency_float\",job=\"node\"}"];
    done(
        &[&["import", "remote-read", &storage, &url][..], &times, &which].concat(),
        "",
    )
    .await;
    let dump = done(&["dump", &storage], "").await;
    let expected = fs::read_to_string(testdata("data.dump")).expect("testdata");
    let (found, expected) = (floats(&dump), floats(&expected));
    assert_eq!(found.iter().zip(&expected).find(|(a, b)| a != b), None);
    assert_eq!(found.len(), expected.len());
    assert!(dump.contains("{schema:1, sum:"), "histograms come too");
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file");
        }
    }
}
