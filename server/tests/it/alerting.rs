//! From a value on a page to a page on a desk: scrape, rule, `for`, webhook and mail, the end of the alert, and a kill
//! in between.

use serde_json::{Value, json};

use crate::ask::{Samples, array, text};
use crate::harness::{Masthead, eventually};
use crate::peers::{Delivery, Mailbox, Page, Target, Webhook};

/// Everything that takes part.
struct Stage {
    server: Masthead,
    target: Target,
    webhook: Webhook,
    mailbox: Mailbox,
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

impl Stage {
    async fn set() -> Stage {
        let target = Target::text(COOL).await;
        let webhook = Webhook::start().await;
        let mailbox = Mailbox::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let rules = folder.path().join("rules.yml");
        std::fs::write(&rules, RULES).expect("rules are written");
        let receivers = folder.path().join("alertmanager.yml");
        std::fs::write(&receivers, receivers_text(&webhook, &mailbox)).expect("receivers are written");
        let config = format!(
            "scrape_configs:\n- job_name: house\n  scrape_interval: 200ms\n  static_configs: [{{targets: ['{}']}}]\n\
             rule_files: ['{}']\nnotifications: {{file: '{}'}}\n",
            target.address,
            rules.display(),
            receivers.display()
        );
        let server = Masthead::configured(&config, &["--web.external-url=http://watch.example/"]).await;
        // The files have to be there for as long as the server may read them.
        std::mem::forget(folder);
        Stage {
            server,
            target,
            webhook,
            mailbox,
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

fn receivers_text(webhook: &Webhook, mailbox: &Mailbox) -> String {
    format!(
        "global:\n  smtp_from: watch@example.org\n  smtp_smarthost: {}\n  smtp_require_tls: false\n\
         route:\n  receiver: desk.1\n  group_by: [alertname]\n  group_wait: 100ms\n  group_interval: 1s\n  \
         repeat_interval: 1h\n\
         receivers:\n- name: desk.1\n  webhook_configs:\n  - url: {}/alert\n    send_resolved: true\n  \
         email_configs:\n  - to: desk@example.org\n    send_resolved: true\n",
        mailbox.address, webhook.url
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
    // The log of notifications follows the delivery; a kill between the two would rightly repeat it.
    let log = stage.server.dir.path().join("data/alertmanager/nflog");
    eventually("both notifications are on record", || async {
        let kept = String::from_utf8_lossy(&std::fs::read(&log).ok()?).into_owned();
        (kept.matches(r#"alertname=\"Hot\""#).count() == 2).then_some(())
    })
    .await;

    stage.server.restart().await;
    stage.until("Hot", "firing").await;
    let after = stage.alert("Hot").await;
    let second = |alert: &Value| text(&alert["activeAt"])[..19].to_owned();
    assert_eq!(
        second(&after),
        second(&before),
        "it goes on being active since the same second"
    );

    // Several group intervals pass without another page.
    let restarted = crate::ask::now_ms();
    eventually("rules are evaluated for three group intervals", || async {
        let newest = stage.recorded("Hot", "firing").await.keys().next_back().copied();
        newest.filter(|at_ms| *at_ms > restarted + 3_000)
    })
    .await;
    assert_eq!(stage.webhook.of("Hot").len(), 1, "{:#?}", stage.webhook.of("Hot"));
    assert_eq!(stage.mailbox.about("Hot ").len(), 1);

    stage.target.set(Page::Text(COOL.to_owned()));
    is_over(&stage).await;
}
