mod http_sink;
mod smtp_sink;

use std::time::Duration;

use model::ManualClock;

pub(crate) use http_sink::{HttpSink, Request};
use smtp_sink::SmtpSink;

use super::*;
use crate::template::Mode;

const NOW_MS: i64 = 1_780_000_000_000;

fn alert(name: &str, instance: &str, ended: bool) -> Arc<Alert> {
    Arc::new(Alert {
        labels: Labels::from_pairs([("alertname", name), ("instance", instance), ("job", "api")]),
        annotations: Labels::from_pairs([("summary", "5 < 6 & \"so\""), ("runbook", instance)]),
        starts_at_ms: NOW_MS - 61_250,
        ends_at_ms: if ended { NOW_MS - 1000 } else { 0 },
        generator_url: "http://masthead/graph?g0.expr=up".to_owned(),
        updated_at_ms: NOW_MS,
    })
}

struct Group {
    labels: Labels,
    route_labels: BTreeMap<String, String>,
    alerts: Vec<Arc<Alert>>,
}

impl Group {
    fn new(alerts: Vec<Arc<Alert>>) -> Group {
        let route_labels = BTreeMap::from([("page".to_owned(), "{{ .GroupLabels.alertname }}!".to_owned())]);
        Group {
            labels: Labels::from_pairs([("alertname", "X")]),
            route_labels,
            alerts,
        }
    }

    fn notice(&self) -> Notice<'_> {
        Notice {
            group_key: "{}:{alertname=\"X\"}",
            receiver: "ops.team",
            group_labels: &self.labels,
            route_labels: &self.route_labels,
            reason: "first notification",
            alerts: &self.alerts,
            at_ms: NOW_MS,
        }
    }
}

fn config(global: &str, receiver: &str) -> Config {
    Config::parse(&format!(
        "global: {{{global}}}\nroute: {{receiver: ops.team}}\nreceivers:\n- name: ops.team\n  {receiver}\n"
    ))
    .unwrap()
}

fn notifier(config: &Config) -> Arc<Notifier> {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW_MS));
    Notifiers::build(config, "http://masthead:9090", &clock)
        .unwrap()
        .get("ops.team", 0)
        .unwrap()
}

fn two_alerts() -> Group {
    Group::new(vec![alert("X", "a", false), alert("X", "b", true)])
}

#[tokio::test]
async fn a_webhook_gets_version_4() {
    let sink = HttpSink::start(|_| 200).await;
    let config = config(
        "",
        &format!("webhook_configs: [{{url: \"{}/alert\"}}]", sink.url()),
    );
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    let request = sink.requests().remove(0);
    assert_eq!(
        (&*request.line, request.header("content-type")),
        ("POST /alert HTTP/1.1", Some("application/json"))
    );
    let expected = serde_json::json!({
        "receiver": "ops\\.team",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "X", "instance": "a", "job": "api"},
                "annotations": {"runbook": "a", "summary": "5 < 6 & \"so\""},
                "startsAt": "2026-05-28T20:25:38.75Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://masthead/graph?g0.expr=up",
                "fingerprint": alert("X", "a", false).fingerprint().to_string(),
            },
            {
                "status": "resolved",
                "labels": {"alertname": "X", "instance": "b", "job": "api"},
                "annotations": {"runbook": "b", "summary": "5 < 6 & \"so\""},
                "startsAt": "2026-05-28T20:25:38.75Z",
                "endsAt": "2026-05-28T20:26:39Z",
                "generatorURL": "http://masthead/graph?g0.expr=up",
                "fingerprint": alert("X", "b", false).fingerprint().to_string(),
            },
        ],
        "notification_reason": "first notification",
        "groupLabels": {"alertname": "X"},
        "commonLabels": {"alertname": "X", "job": "api"},
        "commonAnnotations": {"summary": "5 < 6 & \"so\""},
        "routeLabels": {"page": "X!"},
        "externalURL": "http://masthead:9090",
        "version": "4",
        "groupKey": "{}:{alertname=\"X\"}",
        "truncatedAlerts": 0,
    });
    assert_eq!(request.json(), expected);
}

#[tokio::test]
async fn a_long_list_is_cut_and_the_url_and_credentials_can_be_files_and_templates() {
    let sink = HttpSink::start(|_| 204).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("url"),
        format!("  {}/{{{{ .GroupLabels.alertname }}}}\n", sink.url()),
    )
    .unwrap();
    std::fs::write(dir.path().join("token"), "hush\n").unwrap();
    let mut config = config(
        "",
        "webhook_configs: [{url_file: url, max_alerts: 1, http_config: {authorization: {credentials_file: token}, http_headers: {X-Team: {values: [a]}}}}]",
    );
    config.base_dir = dir.path().to_owned();
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    let request = sink.requests().remove(0);
    assert_eq!(request.line, "POST /X HTTP/1.1");
    assert_eq!(
        (request.header("authorization"), request.header("x-team")),
        (Some("Bearer hush"), Some("a"))
    );
    let message = request.json();
    assert_eq!(
        (
            message["alerts"].as_array().unwrap().len(),
            &message["truncatedAlerts"]
        ),
        (1, &1.into())
    );
}

#[tokio::test]
async fn basic_auth_is_sent() {
    let sink = HttpSink::start(|_| 200).await;
    let receiver = format!(
        "webhook_configs: [{{url: \"{}\", http_config: {{basic_auth: {{username: ann, password: p}}}}}}]",
        sink.url()
    );
    notifier(&config("", &receiver))
        .notify(&two_alerts().notice())
        .await
        .unwrap();
    assert_eq!(sink.requests()[0].header("authorization"), Some("Basic YW5uOnA="));
}

#[tokio::test]
async fn refusals_are_final_and_overload_is_not() {
    for (status, again) in [(400, false), (404, false), (429, true), (500, true), (503, true)] {
        let sink = HttpSink::start(move |_| status).await;
        let config = config("", &format!("webhook_configs: [{{url: \"{}\"}}]", sink.url()));
        let error = notifier(&config)
            .notify(&two_alerts().notice())
            .await
            .unwrap_err();
        assert_eq!(matches!(error, SendError::Retry(_)), again, "{status}: {error}");
        assert!(
            error
                .to_string()
                .contains(&format!("unexpected status code {status}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn nobody_listening_is_worth_another_try_and_the_url_stays_secret() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = config(
        "",
        &format!("webhook_configs: [{{url: \"http://{address}/hush\"}}]"),
    );
    let error = notifier(&config)
        .notify(&two_alerts().notice())
        .await
        .unwrap_err();
    assert!(
        matches!(error, SendError::Retry(_)) && !error.to_string().contains("hush"),
        "{error}"
    );
}

#[tokio::test]
async fn a_webhook_that_hangs_ends_at_its_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let config = config(
        "",
        &format!("webhook_configs: [{{url: \"{url}\", timeout: 100ms}}]"),
    );
    let (hook, group) = (notifier(&config), two_alerts());
    let notice = group.notice();
    let sent = tokio::time::timeout(Duration::from_secs(10), hook.notify(&notice));
    let sent = sent.await.expect("the timeout holds");
    assert!(matches!(sent, Err(SendError::Retry(_))), "{sent:?}");
}

fn email(sink: &SmtpSink, global: &str, fields: &str) -> Config {
    let global = format!(
        "smtp_smarthost: '{}', smtp_from: 'Masthead <m@example.org>', {global}",
        sink.address()
    );
    config(
        &global,
        &format!("email_configs: [{{to: 'a@example.org, Bé <b@example.org>', {fields}}}]"),
    )
}

#[tokio::test]
async fn a_mail_has_headers_text_and_html() {
    let sink = SmtpSink::start(false).await;
    let fields = "text: '{{ range .Alerts }}{{ .Labels.instance }}={{ .Status }} {{ end }}', headers: {X-Team: '{{ .CommonLabels.job }}'}, threading: {enabled: true}";
    let config = email(
        &sink,
        "smtp_require_tls: false, smtp_hello: me.example.org",
        fields,
    );
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    let session = sink.session().await;
    assert_eq!(session.commands[0], "EHLO me.example.org");
    assert_eq!(
        session.commands[1..4],
        [
            "MAIL FROM:<m@example.org>",
            "RCPT TO:<a@example.org>",
            "RCPT TO:<b@example.org>",
        ]
    );
    let mail = &session.mail;
    for expected in [
        "Subject: [FIRING:1] X (api)\r\n",
        "From: Masthead <m@example.org>\r\n",
        "X-Team: api\r\n",
        "Date: Thu, 28 May 2026 20:26:40 +0000\r\n",
        "Message-Id: <1780000000000.",
        "References: <alert-",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "a=firing b=resolved ",
        "Content-Type: text/html; charset=utf-8\r\n",
        "1 firing, 1 resolved",
        "5 &lt; 6 &amp;",
    ] {
        assert!(mail.contains(expected), "expected {expected:?} in\n{mail}");
    }
    assert!(
        mail.contains("To: a@example.org, =?utf-8?b?"),
        "the name is encoded\n{mail}"
    );
    assert!(mail.find("text/plain").unwrap() < mail.find("text/html").unwrap());
}

#[tokio::test]
async fn a_mail_server_that_asks_who_it_is_gets_an_answer() {
    let sink = SmtpSink::start(true).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pw"), "hush\n").unwrap();
    let mut config = email(
        &sink,
        "smtp_require_tls: false, smtp_auth_username: robot, smtp_auth_password_file: pw",
        "",
    );
    config.base_dir = dir.path().to_owned();
    notifier(&config).notify(&two_alerts().notice()).await.unwrap();
    // "\0robot\0hush" in base 64.
    assert_eq!(sink.session().await.commands[1], "AUTH PLAIN AHJvYm90AGh1c2g=");
}

#[tokio::test]
async fn a_wrong_password_is_final_and_missing_tls_an_error() {
    let sink = SmtpSink::start(true).await;
    let global = "smtp_require_tls: false, smtp_auth_username: robot, smtp_auth_password: wrong";
    let error = notifier(&email(&sink, global, ""))
        .notify(&two_alerts().notice())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SendError::GiveUp(words) if words.contains("535")),
        "{error}"
    );
    let sink = SmtpSink::start(false).await;
    let error = notifier(&email(&sink, "", ""))
        .notify(&two_alerts().notice())
        .await
        .unwrap_err();
    assert!(
        !sink
            .session()
            .await
            .commands
            .iter()
            .any(|c| c.starts_with("MAIL")),
        "{error}"
    );
}

#[tokio::test]
async fn a_subject_cannot_smuggle_a_header() {
    let sink = SmtpSink::start(false).await;
    let fields = "headers: {Subject: \"a\\r\\nBcc: x@example.org\\n\"}";
    notifier(&email(&sink, "smtp_require_tls: false", fields))
        .notify(&two_alerts().notice())
        .await
        .unwrap();
    let mail = sink.session().await.mail;
    assert!(mail.contains("Subject: a Bcc: x@example.org\r\n"), "{mail}");
}

#[test]
fn bad_templates_are_found_when_the_configuration_is_loaded() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW_MS));
    let build = |config: &Config| {
        Notifiers::build(config, "http://m", &clock)
            .err()
            .map(|e| e.to_string())
    };
    let bad_url = config("", "webhook_configs: [{url: 'http://x/{{ nothing }}'}]");
    assert!(
        build(&bad_url).unwrap().contains("url: "),
        "{:?}",
        build(&bad_url)
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.tmpl"), "{{ define \"x\" }}\n{{ end").unwrap();
    let mut with_file = config("", "webhook_configs: [{url: 'http://x/'}]");
    with_file.templates = vec!["*.tmpl".to_owned()];
    with_file.base_dir = dir.path().to_owned();
    assert!(
        build(&with_file).unwrap().contains("a.tmpl"),
        "{:?}",
        build(&with_file)
    );
}

/// Templates over two alerts, one firing and one ended.
const TEMPLATES: &[(&str, &str)] = &[
    (
        "{{ .Status }} {{ len .Alerts }} {{ len .Alerts.Firing }} {{ len .Alerts.Resolved }}",
        "firing 2 1 1",
    ),
    (
        "{{ .Receiver }} {{ .ExternalURL }}",
        r"ops\.team http://masthead:9090",
    ),
    (
        "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
        "alertname=X;job=api;",
    ),
    (
        "{{ .CommonLabels.Names.Join \",\" }} {{ .GroupLabels.Values | join \"+\" }}",
        "alertname,job X",
    ),
    ("{{ (.CommonLabels.Remove .GroupLabels.Names).Values }}", "[api]"),
    (
        "{{ (.CommonLabels.Remove (stringSlice \"job\")).SortedPairs.String }}",
        "alertname=X",
    ),
    (
        "{{ .GroupLabels.nothing }}|{{ .CommonLabels.job | toUpper }}",
        "|API",
    ),
    (
        "{{ (index .Alerts 0).StartsAt.Format \"2006-01-02 15:04:05.00\" }}",
        "2026-05-28 20:25:38.75",
    ),
    (
        "{{ date \"15:04 MST\" (tz \"Europe/Berlin\" (index .Alerts 1).EndsAt) }}",
        "22:26 CEST",
    ),
    (
        "{{ (index .Alerts 0).StartsAt | since | humanizeDuration }}",
        "1m 1s",
    ),
    ("{{ (index .Alerts 0).Annotations.summary }}", "5 < 6 & \"so\""),
    (
        "{{ title \"hello wORLD\" }} {{ trimSpace \" x \" }} {{ toLower \"AB\" }}",
        "Hello World x ab",
    ),
    (
        "{{ match \"^a.c$\" \"abc\" }} {{ reReplaceAll \"(a)(b)\" \"$2$1\" \"abc\" }}",
        "true bac",
    ),
    (
        "{{ toJson .GroupLabels }} {{ toJson (list 1 \"a\" (dict \"k\" true)) }}",
        r#"{"alertname":"X"} [1,"a",{"k":true}]"#,
    ),
    ("{{ template \"__subject\" . }}", "[FIRING:1] X (api)"),
    (
        "{{ .NotificationReason }} {{ .RouteLabels.page }}",
        "first notification X!",
    ),
    (
        "{{ range .Alerts }}{{ if eq .Status \"resolved\" }}{{ .Labels.instance }}{{ end }}{{ end }}",
        "b",
    ),
];

#[test]
fn templates_see_the_message_as_documented() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW_MS));
    let config = config("", "webhook_configs: [{url: 'http://x/'}]");
    let templates = Templates::load(&config, "http://masthead:9090", &clock).unwrap();
    let group = two_alerts();
    let message = templates.message(&group.notice(), 0);
    for (text, expected) in TEMPLATES {
        assert_eq!(
            templates.render(text, Mode::Text, &message).as_deref(),
            Ok(*expected),
            "{text}"
        );
    }
    let ended = Group::new(vec![alert("X", "b", true)]);
    let message = templates.message(&ended.notice(), 0);
    assert_eq!(
        templates
            .render("{{ template \"__subject\" . }}", Mode::Text, &message)
            .unwrap(),
        "[RESOLVED] X (b api)"
    );
    let list = templates
        .render(
            "{{ template \"__text_alert_list\" .Alerts }}",
            Mode::Text,
            &message,
        )
        .unwrap();
    assert!(
        list.contains("Labels:\n  alertname = X\n  instance = b\n") && list.contains("Source: http"),
        "{list}"
    );
    let html = templates
        .render("{{ template \"email.default.html\" . }}", Mode::Html, &message)
        .unwrap();
    for expected in [
        "<title>[RESOLVED] X (b api)</title>",
        "href=\"http://masthead:9090/alerts?receiver=ops%5C.team\"",
        "0 firing, 1 resolved",
        "<td style=\"padding: 1px 0\">5 &lt; 6 &amp; &#34;so&#34;</td>",
        "until 2026-05-28 20:26:39 UTC",
    ] {
        assert!(html.contains(expected), "expected {expected:?} in\n{html}");
    }
}
