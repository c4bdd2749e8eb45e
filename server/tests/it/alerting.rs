//! From a value on a page to a page on a desk: scrape, rule, `for`, webhook and mail, the end of the alert, and a kill
//! in between.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ask::{Samples, array, now_ms, text};
use crate::harness::{Masthead, eventually, free_ports};
use crate::peers::{Delivery, Mailbox, Page, Target, Webhook};

/// Far less than the minute after which alerts are reported again and all state is written anyway.
const AT_ONCE: Duration = Duration::from_secs(30);

/// Everything that takes part.
struct Stage {
    server: Masthead,
    target: Target,
    webhook: Webhook,
    mailbox: Mailbox,
    /// `rules.yml` and `alertmanager.yml`.
    files: TempDir,
}

const COOL: &str = "# TYPE temperature gauge\ntemperature{room=\"attic\"} 20\n";
const HOT: &str = "# TYPE temperature gauge\ntemperature{room=\"attic\"} 41.5\n";

/// Two alerts on the same value that wait for 2 and for 10 seconds.
const RULES: &str = r#"
groups:
- name: heat
  interval: 200ms
  rules:
  - alert: Hot
    expr: temperature > 30
    for: 2s
    labels: {severity: page}
    annotations: {summary: "{{ $labels.room }} has {{ $value }} degrees"}
  - alert: HotForLong
    expr: temperature > 30
    for: 10s
"#;

/// What differs from test to test.
struct Play {
    rules: &'static str,
    /// Where mails go, if not to the mailbox.
    smarthost: Option<String>,
    group_interval: &'static str,
}

impl Default for Play {
    fn default() -> Play {
        Play {
            rules: RULES,
            smarthost: None,
            group_interval: "1s",
        }
    }
}

impl Stage {
    async fn set() -> Stage {
        Stage::with(Play::default()).await
    }

    async fn with(play: Play) -> Stage {
        let mailbox = Mailbox::start().await;
        let target = Target::text(COOL).await;
        let webhook = Webhook::start().await;
        let files = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = files.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path.display().to_string()
        };
        let rules = write("rules.yml", play.rules);
        let smarthost = play.smarthost.unwrap_or_else(|| mailbox.address.clone());
        let receivers = receivers(&webhook, &smarthost, play.group_interval);
        let receivers = write("alertmanager.yml", &receivers);
        // The interval is the timeout too: a busy machine must not make the target look down for a moment.
        let config = format!(
            "scrape_configs:\n- job_name: house\n  scrape_interval: 3s\n  static_configs: [{{targets: ['{}']}}]\n\
             rule_files: ['{rules}']\nnotifications: {{file: '{receivers}'}}\n",
            target.address
        );
        let server = Masthead::configured(&config, &["--web.external-url=http://watch.example/"]).await;
        Stage {
            server,
            target,
            webhook,
            mailbox,
            files,
        }
    }

    /// State and status of a rule.
    async fn rule(&self, name: &str) -> Value {
        let rules = self.server.json("/api/v1/rules?type=alert").await;
        let of = |rule: &&Value| rule["name"] == name;
        let rules = array(&rules["data"]["groups"][0]["rules"]).iter();
        rules
            .clone()
            .find(of)
            .unwrap_or_else(|| panic!("no rule {name}: {rules:?}"))
            .clone()
    }

    async fn until(&self, name: &str, state: &str) -> Value {
        eventually(format!("{name} is {state}"), || async {
            let rule = self.rule(name).await;
            (rule["state"] == state && rule["health"] == "ok").then_some(rule)
        })
        .await
    }

    async fn deliveries(&self, alert: &str, count: usize) -> Vec<Delivery> {
        eventually(format!("{count} deliveries about {alert}"), || async {
            let found = self.webhook.of(alert);
            (found.len() >= count).then_some(found)
        })
        .await
    }

    async fn mails(&self, word: &str, count: usize) -> Vec<crate::peers::Mail> {
        eventually(format!("{count} mails about {word}"), || async {
            let found = self.mailbox.about(word);
            (found.len() >= count).then_some(found)
        })
        .await
    }

    /// Waits until so many ways of telling of `Hot` are on record. The record follows the delivery; a kill between the
    /// two would rightly repeat it.
    async fn recorded_deliveries(&self, count: usize) {
        let log = self.server.dir.path().join("data/alertmanager/nflog");
        eventually(format!("{count} notifications are on record"), || async {
            let kept = String::from_utf8_lossy(&std::fs::read(&log).ok()?).into_owned();
            (kept.matches(r#"alertname=\"Hot\""#).count() == count).then_some(())
        })
        .await;
    }

    /// Waits until `Hot` has been found firing for so long from now on.
    async fn evaluated_for(&self, wait_ms: i64) {
        let from_ms = now_ms();
        eventually(format!("it fires for further {wait_ms} ms"), || async {
            let newest = self.recorded("Hot", "firing").await.keys().next_back().copied();
            newest.filter(|at_ms| *at_ms > from_ms + wait_ms)
        })
        .await;
    }

    /// Nobody was told but of the beginning. A page that was not fetched in time would end the alert and begin another.
    async fn told_once(&self) {
        let deliveries = self.webhook.of("Hot");
        let fetched = self.server.value("min_over_time(up[10m])").await;
        assert_eq!(deliveries.len(), 1, "least of up: {fetched:?}; {deliveries:#?}");
        assert_eq!(self.mailbox.about("[RESOLVED] Hot").len(), 0);
    }

    /// The only alert of that name under `/api/v1/alerts`.
    async fn alert(&self, name: &str) -> Value {
        let alerts = self.server.json("/api/v1/alerts").await;
        let of = |alert: &&Value| alert["labels"]["alertname"] == name;
        let mut found = array(&alerts["data"]["alerts"]).iter().filter(of);
        let alert = found
            .next()
            .unwrap_or_else(|| panic!("no alert {name}: {alerts}"))
            .clone();
        assert!(found.next().is_none(), "{alerts}");
        alert
    }

    /// The samples of `ALERTS` in a state.
    async fn recorded(&self, name: &str, state: &str) -> Samples {
        let query = format!("ALERTS{{alertname=\"{name}\", alertstate=\"{state}\"}}[10m]");
        self.server
            .stored(&query)
            .await
            .into_values()
            .next()
            .unwrap_or_default()
    }
}

fn receivers(webhook: &Webhook, smarthost: &str, group_interval: &str) -> String {
    format!(
        "global:\n  smtp_from: watch@example.org\n  smtp_smarthost: {smarthost}\n  smtp_require_tls: false\n\
         route:\n  receiver: desk.1\n  group_by: [alertname]\n  group_wait: 100ms\n  \
         group_interval: {group_interval}\n  repeat_interval: 1h\n\
         receivers:\n- name: desk.1\n  webhook_configs:\n  - url: {}/alert\n    send_resolved: true\n  \
         email_configs:\n  - to: desk@example.org\n    send_resolved: true\n",
        webhook.url
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_waits_fires_pages_and_ends() {
    let stage = Stage::set().await;
    stage.until("Hot", "inactive").await;
    stage.target.set(Page::Text(HOT.to_owned()));

    let pending = stage.until("Hot", "pending").await;
    assert_eq!(pending["duration"], 2.0);
    let alert = stage.alert("Hot").await;
    assert_eq!(alert["value"], "4.15e+01");
    assert_eq!(alert["annotations"]["summary"], "attic has 41.5 degrees");
    assert_eq!(stage.webhook.of("Hot").len(), 0, "nobody is told while it waits");

    stage.until("Hot", "firing").await;
    is_paged(&stage).await;
    stage.until("HotForLong", "firing").await;
    stage.deliveries("HotForLong", 1).await;
    for (name, wait_ms) in [("Hot", 2_000), ("HotForLong", 10_000)] {
        let (pending, firing) = (
            stage.recorded(name, "pending").await,
            stage.recorded(name, "firing").await,
        );
        let waited = firing.keys().next().expect("it fired") - pending.keys().next().expect("it waited");
        assert!(waited >= wait_ms, "{name} fired after {waited} ms");
        assert!(
            pending.keys().next_back() < firing.keys().next(),
            "{name} is in one state at a time"
        );
    }

    stage.target.set(Page::Text(COOL.to_owned()));
    stage.until("Hot", "inactive").await;
    is_over(&stage).await;
    assert!(
        stage.server.query("ALERTS").await.is_empty(),
        "ALERTS ends with the alert"
    );
}

async fn is_paged(stage: &Stage) {
    let delivery = stage.deliveries("Hot", 1).await.remove(0);
    assert_eq!(
        (delivery.path.as_str(), delivery.content_type.as_str()),
        ("/alert", "application/json")
    );
    let labels = json!({
        "alertname": "Hot", "severity": "page", "room": "attic", "job": "house", "instance": stage.target.address,
    });
    let annotations = json!({"summary": "attic has 41.5 degrees"});
    let expected = json!({
        "version": "4",
        "receiver": "desk\\.1",
        "status": "firing",
        "groupKey": "{}:{alertname=\"Hot\"}",
        "groupLabels": {"alertname": "Hot"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://watch.example",
        "truncatedAlerts": 0,
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&delivery.body[name], value, "{name}");
    }
    let [alert] = array(&delivery.body["alerts"]).as_slice() else {
        panic!("not one alert: {}", delivery.body);
    };
    assert_eq!(alert["status"], "firing");
    assert_eq!(alert["labels"], labels);
    assert_eq!(alert["annotations"], annotations);
    assert_eq!(alert["endsAt"], "0001-01-01T00:00:00Z");
    let fingerprint = text(&alert["fingerprint"]);
    assert!(
        fingerprint.len() == 16 && fingerprint.bytes().all(|b| b.is_ascii_hexdigit()),
        "{fingerprint}"
    );
    let link = text(&alert["generatorURL"]);
    assert!(
        link.starts_with("http://watch.example/") && link.contains("temperature"),
        "{link}"
    );

    let mail = stage.mails("Hot ", 1).await.remove(0);
    assert!(mail.from.contains("<watch@example.org>"), "{}", mail.from);
    assert!(
        mail.to.iter().any(|to| to.contains("<desk@example.org>")),
        "{:?}",
        mail.to
    );
    let subject = mail.header("Subject").expect("a subject");
    assert!(subject.starts_with("[FIRING:1] Hot "), "{subject}");
    assert_eq!(mail.header("To").as_deref(), Some("desk@example.org"));
}

/// The end is told to both, about the same alert, and once.
async fn is_over(stage: &Stage) {
    let deliveries = stage.deliveries("Hot", 2).await;
    let [firing, resolved] = deliveries.as_slice() else {
        panic!("told more than the beginning and the end: {deliveries:#?}");
    };
    assert_eq!(resolved.body["status"], "resolved");
    assert_eq!(resolved.body["groupKey"], firing.body["groupKey"]);
    let (before, after) = (&firing.body["alerts"][0], &resolved.body["alerts"][0]);
    assert_eq!(after["status"], "resolved");
    for same in ["fingerprint", "labels", "annotations", "startsAt"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert!(text(&after["endsAt"]) > text(&after["startsAt"]), "{after}");

    let mails = stage.mails("Hot", 2).await;
    let subjects: Vec<String> = mails.iter().filter_map(|mail| mail.header("Subject")).collect();
    let of = |begin: &str| subjects.iter().filter(|s| s.starts_with(begin)).count();
    assert_eq!(of("[FIRING:1] Hot "), 1, "{subjects:?}");
    eventually("the mail about the end", || async {
        let mails = stage.mailbox.about("[RESOLVED] Hot ");
        assert!(mails.len() < 2, "{mails:?}");
        mails.first().map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_page_and_end_repeats_nothing_and_loses_nothing() {
    let mut stage = Stage::set().await;
    stage.target.set(Page::Text(HOT.to_owned()));
    stage.until("Hot", "firing").await;
    stage.deliveries("Hot", 1).await;
    stage.mails("Hot ", 1).await;
    let before = stage.alert("Hot").await;
    stage.recorded_deliveries(2).await;

    stage.server.restart().await;
    stage.until("Hot", "firing").await;
    let after = stage.alert("Hot").await;
    assert_eq!(
        second_of(&after),
        second_of(&before),
        "it goes on being active since the same second"
    );

    // Several group intervals pass without another page.
    stage.evaluated_for(3_000).await;
    stage.told_once().await;
    assert_eq!(stage.mailbox.about("Hot ").len(), 1);

    stage.target.set(Page::Text(COOL.to_owned()));
    is_over(&stage).await;
}

/// The second since which an alert is active, which is how exactly it is kept.
fn second_of(alert: &Value) -> &str {
    text(&alert["activeAt"])
        .split(['.', 'Z'])
        .next()
        .expect("a first part")
}

/// One way of reaching a receiver that does not work neither delays the other nor makes it repeat itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_down_makes_no_webhook_ring_twice() {
    let [port] = free_ports();
    let play = Play {
        rules: "groups: [{name: heat, interval: 200ms, rules: [{alert: Hot, expr: temperature > 30}]}]",
        smarthost: Some(format!("127.0.0.1:{port}")),
        group_interval: "5m",
    };
    let mut stage = Stage::with(play).await;
    stage.target.set(Page::Text(HOT.to_owned()));
    stage.deliveries("Hot", 1).await;
    let delivered = Instant::now();
    stage.recorded_deliveries(1).await;
    assert!(
        delivered.elapsed() < AT_ONCE,
        "on record after {:?}",
        delivered.elapsed()
    );
    stage.server.restart().await;
    stage.until("Hot", "firing").await;
    stage.evaluated_for(2_000).await;
    stage.told_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_what_fires_and_tells_nobody_again() {
    let mut stage = Stage::set().await;
    stage.target.set(Page::Text(HOT.to_owned()));
    stage.until("Hot", "firing").await;
    stage.deliveries("Hot", 1).await;
    stage.mails("Hot ", 1).await;
    let before = stage.alert("Hot").await;

    let rules = format!("{RULES}  - record: warmest\n    expr: max(temperature)\n");
    std::fs::write(stage.files.path().join("rules.yml"), rules).expect("rules are written");
    let receivers = stage.files.path().join("alertmanager.yml");
    let text = std::fs::read_to_string(&receivers).expect("it was written");
    std::fs::write(&receivers, text.replace("group_wait: 100ms", "group_wait: 200ms"))
        .expect("it is written");
    stage.server.signal("HUP");
    eventually("the new rule is in force", || async {
        stage.server.value("warmest").await
    })
    .await;
    assert_eq!(stage.alert("Hot").await["activeAt"], before["activeAt"]);
    stage.evaluated_for(3_000).await;
    stage.told_once().await;

    stage.target.set(Page::Text(COOL.to_owned()));
    is_over(&stage).await;
    assert!(stage.server.stop().await.success());
}
