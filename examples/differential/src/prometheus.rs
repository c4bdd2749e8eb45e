//! A Prometheus of its own for each run, in a temporary folder and on loopback only.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::http::Connection;

/// What is experimental there and part of the language here.
const FEATURES: &str =
    "promql-experimental-functions,promql-extended-range-selectors,promql-binop-fill-modifiers";

/// Names are removed at the end, see [`promql::EngineOptions::delayed_name_removal`].
const DELAYED_NAMES: &str = ",promql-delayed-name-removal";

/// How often, ten times a second, it is asked whether it is ready.
const ATTEMPTS: usize = 300;

/// A running Prometheus; killed and its data removed when this is dropped.
pub(crate) struct Prometheus {
    process: Child,
    dir: PathBuf,
    address: String,
}

impl Prometheus {
    /// Starts the program at `path` without data and waits until it is ready.
    pub(crate) fn start(path: &Path, delayed_names: bool) -> Result<Prometheus, Failure> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let dir = std::env::temp_dir().join(format!("differential-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        std::fs::write(dir.join("prometheus.yml"), "global:\n  evaluation_interval: 1m\n")?;
        let address = format!("127.0.0.1:{port}");
        let names = if delayed_names { DELAYED_NAMES } else { "" };
        let process = Command::new(path)
            .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--enable-feature={FEATURES}{names}"))
            .arg("--web.enable-remote-write-receiver")
            .stdout(Stdio::null())
            .stderr(File::create(dir.join("log"))?)
            .spawn()?;
        let mut prometheus = Prometheus {
            process,
            dir,
            address,
        };
        prometheus.wait()?;
        Ok(prometheus)
    }

    /// host:port
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    fn wait(&mut self) -> Result<(), Failure> {
        for _ in 0..ATTEMPTS {
            if let Some(status) = self.process.try_wait()? {
                let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
                return Err(format!("Prometheus ended with {status}: {log}").into());
            }
            if matches!(Connection::new(&self.address).get("/-/ready"), Ok((200, _))) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("Prometheus does not become ready".into())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself, and the folder is a temporary one: neither is worth a failure.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
