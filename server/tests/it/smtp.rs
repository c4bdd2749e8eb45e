//! An alert by e-mail through a mail server of somebody else's making, which wants TLS and a login.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Masthead, eventually};
use crate::tools;

const PASSWORD: &str = "a secret, with spaces";

/// `scripts/smtp-sink` on a free port.
struct Sink {
    child: Child,
    /// Kept open: it tells of each message there.
    _output: BufReader<ChildStdout>,
    address: String,
    dir: TempDir,
}

impl Sink {
    /// Starts it with a certificate of its own, which it leaves as `cert.pem`.
    async fn start() -> Result<Sink, String> {
        let python = tools::python("smtp-sink").await?;
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        certify(dir.path()).await?;
        let mut child = Command::new(python)
            .arg(tools::scripts().join("smtp-sink/sink.py"))
            .args(["--listen", "127.0.0.1:0", "--dir", "mail", "--user", "watch"])
            .args(["--password", PASSWORD, "--require-tls"])
            .args(["--tls-cert", "cert.pem", "--tls-key", "key.pem"])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        let mut said = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        output.read_line(&mut said).map_err(|e| e.to_string())?;
        let address = said
            .trim()
            .strip_prefix("listening on ")
            .expect("it says where")
            .to_owned();
        Ok(Sink {
            child,
            _output: output,
            address,
            dir,
        })
    }

    /// The first message, and what the server noted of its sender.
    async fn message(&self) -> (String, Value) {
        let path = |suffix: &str| self.dir.path().join(format!("mail/0001.{suffix}"));
        let text = eventually("a message is delivered", || async {
            fs::read_to_string(path("eml")).ok()
        })
        .await;
        let about = fs::read(path("json")).expect("it is written first");
        (text, serde_json::from_slice(&about).expect("JSON"))
    }

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn certify(dir: &Path) -> Result<(), String> {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
    ]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=smtp-sink"]);
    openssl.args(["-keyout", "key.pem", "-out", "cert.pem"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.current_dir(dir);
    let output = tools::run(openssl).await.map_err(|e| format!("openssl: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("openssl: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_with_tls_and_login_takes_the_alert() {
    let sink = match Sink::start().await {
        Ok(sink) => sink,
        Err(why) => return tools::skip("a_mail_server_with_tls_and_login_takes_the_alert", &why),
    };
    let files = tempfile::tempdir().expect("a temporary folder");
    let rules = "groups:\n- name: g\n  interval: 1s\n  rules:\n  - alert: Überlauf\n    expr: vector(3)\n    \
                 annotations: {summary: 'Größe {{ $value }}'}\n";
    let notifications = format!(
        "route: {{receiver: desk, group_by: [alertname], group_wait: 100ms}}
receivers:
- name: desk
  email_configs:
  - to: desk@example.org, chief@example.org
    from: watch@example.org
    smarthost: {}
    auth_username: watch
    auth_password: '{PASSWORD}'
    tls_config: {{ca_file: {}}}\n",
        sink.address,
        sink.certificate().display()
    );
    fs::write(files.path().join("rules.yml"), rules).expect("rules are written");
    let routes = files.path().join("alertmanager.yml");
    fs::write(&routes, notifications).expect("routes are written");
    let config = format!(
        "rule_files: ['{}']\nnotifications: {{file: '{}'}}\n",
        files.path().join("rules.yml").display(),
        routes.display()
    );
    let _server = Masthead::configured(&config, &[]).await;

    let (message, about) = sink.message().await;
    let to = serde_json::json!(["desk@example.org", "chief@example.org"]);
    assert_eq!(about["from"], "watch@example.org");
    assert_eq!(about["to"], to);
    assert_eq!(about["tls"], true);
    assert_eq!(about["user"], "watch");
    assert!(message.contains("\r\nContent-Type: multipart/"), "{message}");
    assert_eq!(subject(&message).await, "[FIRING:1] Überlauf");
}

/// The subject, as Python's library of mail reads it.
async fn subject(message: &str) -> String {
    let script = "import email, email.policy, sys\n\
                  print(email.message_from_string(sys.argv[1], policy=email.policy.default)['subject'])";
    let mut python = Command::new("python3");
    python
        .args(["-c", script, message])
        .env("PYTHONIOENCODING", "utf-8");
    tools::output(python).await.trim().to_owned()
}
