mod public;

use super::*;

fn refused(text: &str) -> YamlError {
    match Config::parse(text) {
        Err(ConfigError::Invalid(error)) => error,
        other => panic!("{text}\nexpected a refusal, got {other:?}"),
    }
}

const GOOD: &str = r#"
global:
  smtp_smarthost: mail.example.org:587
  smtp_from: alerts@example.org
  smtp_auth_username: robot
  smtp_auth_password: hush
  http_config: {follow_redirects: false}
  slack_api_url: https://slack.example.org/x
route:
  receiver: ops
  group_by: [job, alertname]
  repeat_interval: 1h
  labels: {team: ops}
  routes:
    - match: {severity: page}
      match_re: {job: "api|db"}
      matchers: ['cluster!="test", env=prod']
      receiver: duty
      group_wait: 5s
      group_by: []
      mute_time_intervals: [weekend]
      continue: true
      routes:
        - matchers: ["{k8s.ns=\"x\"}"]
          group_by: [...]
          labels: {team: x, kind: y}
receivers:
  - name: ops
    email_configs:
      - {to: "a@example.org, b@example.org", headers: {x-pRIORITY: "1"}}
  - name: duty
    labels: {owner: me}
    webhook_configs:
      - {url: "http://host/alert", max_alerts: 10, timeout: 5s}
      - {url: "https://{{ .GroupLabels.job }}.example.org", send_resolved: false, http_config: {}}
inhibit_rules:
  - {source_match: {severity: page}, target_matchers: ['severity="ticket"'], equal: [job, cluster]}
time_intervals:
  - name: weekend
    time_intervals:
      - {weekdays: ["saturday", "sunday"], location: Europe/Berlin}
"#;

#[test]
fn everything_inherited_and_defaulted_is_filled_in() {
    let config = Config::parse(GOOD).unwrap();
    assert_eq!(config.resolve_timeout_ms, 300_000);
    let routes: Vec<_> = config.routes.iter().collect();
    assert_eq!(
        &*routes[1].key,
        r#"{}/{cluster!="test",env="prod",job=~"^(?:api|db)$",severity="page"}"#
    );
    assert_eq!(
        (&*routes[1].options.receiver, routes[1].options.group_wait_ms),
        ("duty", 5000)
    );
    assert_eq!(routes[1].options.group_by, crate::route::GroupBy::Names(vec![]));
    assert_eq!(routes[1].options.repeat_interval_ms, 3_600_000);
    assert_eq!(
        routes[0].options.group_by,
        crate::route::GroupBy::Names(vec!["alertname".into(), "job".into()])
    );
    assert_eq!(
        (&*routes[2].options.receiver, &routes[2].options.group_by),
        ("duty", &crate::route::GroupBy::All)
    );
    assert!(routes[2].options.mute_time_intervals.is_empty());
    assert_eq!(
        routes[2]
            .options
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>(),
        ["kind=y", "team=x"]
    );
    let Integration::Email(email) = &config.receivers["ops"].integrations[0] else {
        panic!()
    };
    assert_eq!(
        (
            email.smarthost.port,
            &*email.hello,
            email.require_tls,
            email.implicit_tls
        ),
        (587, "localhost", true, false)
    );
    assert_eq!(
        (
            &*email.auth_username,
            &*email.auth_password.0,
            email.send_resolved
        ),
        ("robot", "hush", false)
    );
    assert_eq!(
        email.headers.keys().collect::<Vec<_>>(),
        ["From", "Subject", "To", "X-Priority"]
    );
    let [Integration::Webhook(one), Integration::Webhook(two)] = &*config.receivers["duty"].integrations
    else {
        panic!()
    };
    assert_eq!(
        (one.send_resolved, one.max_alerts, one.timeout_ms),
        (true, 10, 5000)
    );
    assert_eq!(
        (
            one.http.follow_redirects,
            two.http.follow_redirects,
            two.send_resolved
        ),
        (Some(false), None, false)
    );
    assert_eq!(config.receivers["duty"].labels["name"], "duty");
    assert!(config.inhibit_rules[0].source.to_string() == r#"{severity="page"}"#);
    assert!(
        !format!("{config:?}").contains("hush"),
        "a secret shows in debug output"
    );
}

/// A configuration and, where it is refused, the line and words.
const BAD: &[(&str, u64, &str)] = &[
    ("receivers:\n- name: a\n", 0, "no routes provided"),
    (
        "route:\n  group_wait: 30s\n",
        2,
        "root route must specify a default receiver",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: b\n",
        1,
        "undefined receiver \"a\" used in route",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - receiver: zz\nreceivers:\n- name: a\n",
        4,
        "undefined receiver \"zz\"",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: a\n- name: a\n",
        4,
        "notification config name \"a\" is not unique",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: ''\n",
        3,
        "missing name in receiver",
    ),
    (
        "route:\n  receiver: a\n  matchers: [x=y]\nreceivers: [{name: a}]\n",
        2,
        "root route must not have any matchers",
    ),
    (
        "route:\n  receiver: a\n  continue: true\nreceivers: [{name: a}]\n",
        2,
        "cannot have continue in root route",
    ),
    (
        "route:\n  receiver: a\n  group_interval: 0s\nreceivers: [{name: a}]\n",
        3,
        "group_interval cannot be zero",
    ),
    (
        "route:\n  receiver: a\n  repeat_interval: 0s\nreceivers: [{name: a}]\n",
        3,
        "repeat_interval cannot be zero",
    ),
    (
        "route:\n  receiver: a\n  group_by: [b, ...]\nreceivers: [{name: a}]\n",
        3,
        "cannot have wildcard group_by (`...`)",
    ),
    (
        "route:\n  receiver: a\n  group_by: [b, c, b]\nreceivers: [{name: a}]\n",
        3,
        "duplicated label \"b\" in group_by",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - matchers:\n    - 'a=b'\n    - 'a'\nreceivers: [{name: a}]\n",
        6,
        "bad matcher format: a",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - match_re:\n      a: 'b('\nreceivers: [{name: a}]\n",
        5,
        "error parsing regexp",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - match: {'a.b': c}\nreceivers: [{name: a}]\n",
        4,
        "invalid label name \"a.b\"",
    ),
    (
        "route:\n  receiver: a\n  routes:\n  - mute_time_intervals: [x]\nreceivers: [{name: a}]\n",
        4,
        "undefined time interval \"x\" used in route",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals:\n- name: x\n- name: x\n",
        5,
        "time interval \"x\" is not unique",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals:\n- name: x\n  time_intervals:\n  - weekdays: [moonday]\n",
        6,
        "moonday is not a valid weekday",
    ),
    (
        "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals:\n- name: x\n  time_intervals:\n  - times:\n    - start_time: '17:00'\n      end_time: '09:00'\n",
        7,
        "start time cannot be equal or greater than end time",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: a\n  slack_configs:\n  - channel: x\n",
        5,
        "slack_configs is not supported",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs:\n  - send_resolved: true\n",
        5,
        "one of url or url_file must be configured",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs:\n  - url: ftp://x\n",
        5,
        "unsupported scheme \"ftp\"",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs:\n  - url: http://x\n    urll: http://x\n",
        6,
        "urll",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs:\n  - url: http://x\n    http_config: {oauth2: {client_id: x}}\n",
        5,
        "oauth2 is not supported",
    ),
    (
        "route: {receiver: a}\nreceivers:\n- name: a\n  email_configs:\n  - to: a@b.c\n",
        5,
        "no global SMTP smarthost set",
    ),
    (
        "global: {smtp_smarthost: 'h:25'}\nroute: {receiver: a}\nreceivers:\n- name: a\n  email_configs:\n  - to: a@b.c\n",
        6,
        "no global SMTP from set",
    ),
    (
        "global: {smtp_smarthost: 'h'}\nroute: {receiver: a}\nreceivers: [{name: a}]\n",
        1,
        "missing port in address",
    ),
    (
        "global: {smtp_smarthost: 'h:25', smtp_from: f}\nroute: {receiver: a}\nreceivers:\n- name: a\n  email_configs:\n  - {to: a, headers: {Subject: a, subject: b}}\n",
        6,
        "duplicate header \"Subject\"",
    ),
    (
        "global: {smtp_smarthost: 'h:25', smtp_from: f}\nroute: {receiver: a}\nreceivers:\n- name: a\n  email_configs:\n  - {to: b, auth_username: u, auth_password: p}\n  - {to: c, auth_username: u, auth_secret: s}\n",
        7,
        "auth_secret is not supported",
    ),
    (
        "global: {smtp_smarthost: 'h:25', smtp_from: f, smtp_auth_username: u, smtp_auth_secret_file: s}\nroute: {receiver: a}\nreceivers:\n- name: a\n  email_configs:\n  - to: b\n",
        6,
        "auth_secret is not supported",
    ),
    (
        "global: {resolve_timeout: 5 minutes}\nroute: {receiver: a}\nreceivers: [{name: a}]\n",
        1,
        "not a valid duration string",
    ),
    ("rout: {receiver: a}\n", 1, "rout"),
    (
        "tracing: {endpoint: x}\nroute: {receiver: a}\nreceivers: [{name: a}]\n",
        1,
        "tracing is not supported",
    ),
];

#[test]
fn refusals_name_their_line() {
    for (text, line, words) in BAD {
        let error = refused(text);
        assert!(
            error.message.contains(words),
            "{text}\nexpected {words}\ngot {error}"
        );
        assert_eq!(error.line, *line, "{text}\n{error}");
    }
}

#[test]
fn a_secret_beside_a_password_or_without_a_user_hurts_nobody() {
    for auth in [
        "auth_username: u, auth_password: p, auth_secret: s",
        "auth_secret: s",
    ] {
        let text = format!(
            "global: {{smtp_smarthost: 'h:25', smtp_from: f}}\nroute: {{receiver: a}}\n\
             receivers: [{{name: a, email_configs: [{{to: b, {auth}}}]}}]\n"
        );
        assert!(Config::parse(&text).is_ok(), "{auth}");
    }
}

#[test]
fn a_file_is_read_and_its_folder_is_where_paths_begin() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alertmanager.yml");
    std::fs::write(
        &path,
        "route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: ['t/*.tmpl']\n",
    )
    .unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(
        config.resolve_path(&config.templates[0]),
        dir.path().join("t/*.tmpl")
    );
    assert!(matches!(
        Config::load(&dir.path().join("nothing")),
        Err(ConfigError::Read { .. })
    ));
}
