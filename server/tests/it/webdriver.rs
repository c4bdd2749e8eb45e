//! A headless Chromium, driven through chromedriver by W3C's WebDriver protocol.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{PATIENCE, client, eventually, free_ports};

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";

/// WebDriver's name of an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The Enter key, as WebDriver writes it.
pub(crate) const ENTER: &str = "\u{E007}";

/// A browser with one window; ends with the handle.
pub(crate) struct Browser {
    driver: Child,
    base: String,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts one of its own with an empty profile.
    ///
    /// # Errors
    /// Which program this machine does not have.
    pub(crate) async fn start() -> Result<Browser, String> {
        for program in [CHROMIUM, CHROMEDRIVER] {
            if !Path::new(program).exists() {
                return Err(format!("{program} is not there"));
            }
        }
        let [port] = free_ports();
        let driver = Command::new(CHROMEDRIVER)
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{CHROMEDRIVER}: {e}"))?;
        let mut browser = Browser {
            driver,
            base: format!("http://127.0.0.1:{port}"),
            session: String::new(),
            _profile: tempfile::tempdir().map_err(|e| e.to_string())?,
        };
        let status = format!("{}/status", browser.base);
        eventually("chromedriver is ready", || async {
            let answer = client().get(&status).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        browser.session = browser.new_session().await;
        Ok(browser)
    }

    async fn new_session(&self) -> String {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let options = json!({
            "binary": CHROMIUM,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--window-size=1440,900", profile,
            ],
        });
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = self.send("/session", &wanted).await;
        session["sessionId"]
            .as_str()
            .expect("a session has an id")
            .to_owned()
    }

    async fn send(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.base);
        value(&url, client().post(&url).json(body).send().await)
            .await
            .unwrap_or_else(|e| panic!("{url}: {e}"))
    }

    async fn ask(&self, command: &str, body: &Value) -> Value {
        self.send(&format!("/session/{}/{command}", self.session), body)
            .await
    }

    /// Goes to a page.
    pub(crate) async fn open(&self, url: &str) {
        self.ask("url", &json!({"url": url})).await;
    }

    /// What a function's body returns in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.ask("execute/sync", &json!({"script": script, "args": []}))
            .await
    }

    /// Clicks on the first element of `css`, once there is one that can be clicked.
    pub(crate) async fn click(&self, css: &str) {
        self.on_element("css selector", css, "click", json!({})).await;
    }

    /// Clicks on the link or button of that text.
    pub(crate) async fn press(&self, text: &str) {
        let xpath = format!("//*[(self::a or self::button) and normalize-space()='{text}']");
        self.on_element("xpath", &xpath, "click", json!({})).await;
    }

    /// Types into the first element of `css`.
    pub(crate) async fn type_into(&self, css: &str, keys: &str) {
        self.on_element("css selector", css, "value", json!({"text": keys}))
            .await;
    }

    /// The page may draw an element anew between its finding and its use, so both are tried again together.
    async fn on_element(&self, using: &str, selector: &str, action: &str, body: Value) {
        let find = json!({"using": using, "value": selector});
        let at = format!("{}/session/{}", self.base, self.session);
        eventually(format!("{action} on {selector}"), || async {
            let url = format!("{at}/element");
            let found = value(&url, client().post(&url).json(&find).send().await)
                .await
                .ok()?;
            let url = format!("{at}/element/{}/{action}", found[ELEMENT].as_str()?);
            value(&url, client().post(&url).json(&body).send().await)
                .await
                .ok()
        })
        .await;
    }

    /// Waits until a script returns something that counts as true, and gives it; fails with what the page shows.
    pub(crate) async fn wait(&self, what: &str, script: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.run(script).await;
            let nothing = matches!(&found, Value::Null | Value::Bool(false)) || found == 0 || found == "";
            if !nothing {
                return found;
            }
            if Instant::now() > deadline {
                self.screenshot("console-failed").await;
                let page = self
                    .run("return location.href + '\\n' + document.body.innerText")
                    .await;
                panic!("not within {PATIENCE:?}: {what}; the page shows {page:#}");
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Waits until an element of `css` shows `text`.
    pub(crate) async fn sees(&self, css: &str, text: &str) {
        let script = format!(
            "return [...document.querySelectorAll({})].some((e) => e.innerText.includes({}))",
            json!(css),
            json!(text)
        );
        self.wait(&format!("{css} shows {text:?}"), &script).await;
    }

    /// Keeps what the window shows as `<name>.png` in the build's folder for temporary files.
    pub(crate) async fn screenshot(&self, name: &str) -> PathBuf {
        let url = format!("{}/session/{}/screenshot", self.base, self.session);
        let taken = value(&url, client().get(&url).send().await)
            .await
            .expect("a screenshot");
        let png = STANDARD
            .decode(taken.as_str().unwrap_or_default())
            .expect("it is base64");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        std::fs::write(&path, png).expect("it is written");
        path
    }

    /// What went wrong in the page's scripts and requests since the last call, as the browser's console tells it.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let log = self.ask("se/log", &json!({"type": "browser"})).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Closes the window and ends the browser.
    pub(crate) async fn close(self) {
        let url = format!("{}/session/{}", self.base, self.session);
        let _ = client().delete(url).send().await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // On SIGTERM chromedriver ends its browsers, on SIGKILL it would leave them.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let _ = self.driver.wait();
    }
}

/// The `value` of WebDriver's answer, or its error.
async fn value(url: &str, answer: reqwest::Result<reqwest::Response>) -> Result<Value, String> {
    let answer = answer.map_err(|e| e.to_string())?;
    let good = answer.status().is_success();
    let mut body: Value = answer.json().await.map_err(|e| format!("{url}: {e}"))?;
    let value = body["value"].take();
    if good {
        Ok(value)
    } else {
        Err(value["message"].as_str().unwrap_or("no message").to_owned())
    }
}
