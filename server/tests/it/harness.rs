//! A running masthead: the binary itself on free ports of 127.0.0.1, with a folder of its own.
//!
//! It is asked over its sockets, as its users ask it. It can be killed, stopped and started again on what it left
//! behind; when the handle goes it dies, and when a test fails its log is printed.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take. Generous: the machine has other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at something that is awaited.
const GLANCE: Duration = Duration::from_millis(50);

/// Another process can take a port between its choice and its use.
const START_ATTEMPTS: usize = 3;

/// A configuration that scrapes nothing and rules nothing.
pub(crate) const QUIET: &str = "scrape_configs: []\n";

/// The server under test.
pub(crate) struct Masthead {
    child: Child,
    ports: [u16; 3],
    flags: Vec<String>,
    /// Its folder: `masthead.yml`, `stderr.log` and `data`.
    pub(crate) dir: TempDir,
}

impl Masthead {
    /// Starts it with the embedded configuration, by which it scrapes itself, and waits until it is ready.
    pub(crate) async fn start(flags: &[&str]) -> Masthead {
        Masthead::launch(None, &[], flags).await
    }

    /// Starts it with `config` in its `masthead.yml`; files that it names are relative to [`Masthead::dir`].
    pub(crate) async fn configured(config: &str, flags: &[&str]) -> Masthead {
        Masthead::launch(Some(config), &[], flags).await
    }

    /// The same with further files, by their names in [`Masthead::dir`].
    pub(crate) async fn configured_with(config: &str, files: &[(&str, &str)], flags: &[&str]) -> Masthead {
        Masthead::launch(Some(config), files, flags).await
    }

    async fn launch(config: Option<&str>, files: &[(&str, &str)], flags: &[&str]) -> Masthead {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, content) in files {
            fs::write(dir.path().join(name), content).expect("the file is written");
        }
        let mut flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        if let Some(config) = config {
            let path = dir.path().join("masthead.yml");
            fs::write(&path, config).expect("the configuration is written");
            flags.push(format!("--config.file={}", path.display()));
        }
        let ports = free_ports();
        let child = spawn(&dir, ports, &flags);
        let mut server = Masthead {
            child,
            ports,
            flags,
            dir,
        };
        for _ in 1..START_ATTEMPTS {
            if server.ready().await {
                return server;
            }
            assert!(server.log().contains("in use already"), "it ended at once");
            server.ports = free_ports();
            server.child = spawn(&server.dir, server.ports, &server.flags);
        }
        assert!(server.ready().await, "no attempt to start it succeeded");
        server
    }

    /// False if it ended instead.
    async fn ready(&mut self) -> bool {
        let url = format!("{}/-/ready", self.url());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.child.try_wait().expect("the child is ours").is_some() {
                return false;
            }
            if client()
                .get(&url)
                .send()
                .await
                .is_ok_and(|r| r.status().is_success())
            {
                return true;
            }
            tokio::time::sleep(GLANCE).await;
        }
        panic!("{url} did not answer 200 within {PATIENCE:?}");
    }

    /// The main address, as `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// OTLP over HTTP, as `http://127.0.0.1:PORT`.
    pub(crate) fn otlp_http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// OTLP over gRPC, as `http://127.0.0.1:PORT`.
    pub(crate) fn otlp_grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[2])
    }

    /// The JSON at `path` of the main address; fails on any status but 200.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, text) = get(&format!("{}{path}", self.url())).await;
        assert_eq!(status, 200, "GET {path} answered {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("GET {path}: {e}: {text}"))
    }

    /// The result of an instant PromQL query: a list of `{metric, value}`.
    pub(crate) async fn query(&self, promql: &str) -> Vec<Value> {
        let url = reqwest::Url::parse_with_params("http://x/api/v1/query", [("query", promql)]);
        let url = url.expect("a URL");
        let answer = self
            .json(&format!("{}?{}", url.path(), url.query().unwrap_or("")))
            .await;
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill9(&mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// Stops it by SIGTERM and waits for its end.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status;
            }
            tokio::time::sleep(GLANCE).await;
        }
        panic!("it did not stop within {PATIENCE:?}");
    }

    /// Sends it a signal by name: HUP, INT, TERM.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(status.is_ok_and(|s| s.success()), "kill -{name}");
    }

    /// Starts it again with the same flags, on the same folder and ports; kills it first if it still runs.
    pub(crate) async fn restart(&mut self) {
        self.kill9();
        self.child = spawn(&self.dir, self.ports, &self.flags);
        assert!(self.ready().await, "it did not start again");
    }

    /// What it wrote to standard error since the first start.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(log_path(&self.dir)).unwrap_or_default()
    }
}

impl Drop for Masthead {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the server at {} ---\n{}", self.url(), self.log());
        }
    }
}

fn spawn(dir: &TempDir, [main, otlp_http, otlp_grpc]: [u16; 3], flags: &[String]) -> Child {
    let log = OpenOptions::new().create(true).append(true).open(log_path(dir));
    let log: File = log.expect("the log can be written");
    Command::new(binary())
        .current_dir(dir.path())
        .arg(format!("--web.listen-address=127.0.0.1:{main}"))
        .arg(format!("--otlp.http-listen-address=127.0.0.1:{otlp_http}"))
        .arg(format!("--otlp.grpc-listen-address=127.0.0.1:{otlp_grpc}"))
        .arg(format!("--storage.path={}", dir.path().join("data").display()))
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary runs")
}

/// What a run of the binary left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs the binary with `input` at its standard input until it ends, which it has to do by itself.
pub(crate) async fn run(arguments: &[&str], input: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a temporary file");
        OpenOptions::new()
            .read(true)
            .append(true)
            .open(path)
            .expect("a temporary file")
    };
    // Files never fill up as pipes do, so nobody has to read while it runs.
    let mut child = Command::new(binary())
        .current_dir(folder.path())
        .args(arguments)
        .stdin(file("in", input))
        .stdout(file("out", ""))
        .stderr(file("err", ""))
        .spawn()
        .expect("the binary runs");
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("masthead {arguments:?} runs on");
        }
        tokio::time::sleep(GLANCE).await;
    };
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    Ended {
        code: status.code(),
        stdout: read("out"),
        stderr: read("err"),
    }
}

fn log_path(dir: &TempDir) -> PathBuf {
    dir.path().join("stderr.log")
}

/// Ports that were free a moment ago.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    // All are held before any is let go, so that they differ.
    let held: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("it is bound").port())
}

/// A client for plain HTTP on this machine, past any proxy.
pub(crate) fn client() -> reqwest::Client {
    static CLIENT: OnceLock<()> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    builder.build().expect("a client")
}

/// Status and text of what is at `url`.
pub(crate) async fn get(url: &str) -> (u16, String) {
    let answer = client().get(url).send().await;
    let answer = answer.unwrap_or_else(|e| panic!("GET {url}: {e}"));
    let status = answer.status().as_u16();
    (status, answer.text().await.unwrap_or_default())
}

/// Looks again and again until there is something, and fails with `what` after [`PATIENCE`].
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: impl Display,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// The binary under test: the one just built, or the one that `MASTHEAD_BINARY` names, e.g. a release build.
pub(crate) fn binary() -> String {
    std::env::var("MASTHEAD_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_masthead").to_owned())
}
