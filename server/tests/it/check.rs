//! `masthead check …` on files good and bad: exit codes, and messages that lead to the place.

use std::fs;

use tempfile::TempDir;

use crate::harness::{Ended, run};

const GOOD_RULES: &str = "\
groups:
- name: disk
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Full
    expr: free < 10
    for: 5m
    annotations: {summary: '{{ $labels.instance }}'}
";

const GOOD_ALERTMANAGER: &str = "\
route: {receiver: desk, group_by: [alertname]}
receivers:
- name: desk
  webhook_configs: [{url: 'http://127.0.0.1:1/alert'}]
";

const GOOD_CONFIG: &str = "\
global: {scrape_interval: 15s}
scrape_configs:
- job_name: one
  static_configs: [{targets: ['a:1']}]
- job_name: two
  static_configs: [{targets: ['b:1']}]
rule_files: ['rules.yml']
notifications: {file: alertmanager.yml}
";

/// A folder with the good files.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("masthead.yml", GOOD_CONFIG),
        ("rules.yml", GOOD_RULES),
        ("alertmanager.yml", GOOD_ALERTMANAGER),
    ] {
        write(&folder, name, text);
    }
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn accepted(ended: &Ended, found: &str) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("SUCCESS") && ended.stdout.contains(found),
        "{ended:?}"
    );
    assert_eq!(ended.stderr, "", "nothing to complain of");
}

/// The checked file is refused by one line that has all of these.
fn refused(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let has_all = |line: &str| line.contains("FAILED") && parts.iter().all(|part| line.contains(part));
    assert!(
        ended.stderr.lines().any(has_all),
        "no line has all of {parts:?}: {ended:?}"
    );
}

#[tokio::test]
async fn config() {
    let folder = folder();
    let good = path(&folder, "masthead.yml");
    accepted(
        &run(&["check", "config", &good], "").await,
        "2 scrape jobs, 2 rules in 1 files",
    );

    let cases = [
        (
            "unknown.yml",
            "global:\n  scrape_intervall: 15s\n",
            "line 2",
            "scrape_intervall",
        ),
        (
            "value.yml",
            "scrape_configs:\n- job_name: a\n  scrape_interval: soon\n",
            "line 3",
            "soon",
        ),
        (
            "name.yml",
            "scrape_configs:\n- scrape_interval: 1s\n",
            "line 2",
            "job_name",
        ),
        (
            "regex.yml",
            "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - regex: '('\n",
            "line 4",
            "regex",
        ),
        (
            "timeout.yml",
            "scrape_configs:\n- job_name: a\n  scrape_interval: 5s\n  scrape_timeout: 10s\n",
            "line",
            "timeout",
        ),
        ("twice.yml", "global: {}\nglobal: {}\n", "line 2", "global"),
    ];
    for (name, text, line, field) in cases {
        let file = write(&folder, name, text);
        refused(&run(&["check", "config", &file], "").await, &[&file, line, field]);
    }
    // What is wrong with a file that is named counts, and is told with that file's name.
    let rules = write(
        &folder,
        "bad-rules.yml",
        "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'sum('}\n",
    );
    let file = write(
        &folder,
        "names.yml",
        "rule_files: ['bad-rules.yml']\nnotifications: {file: bad-am.yml}\n",
    );
    let receivers = write(
        &folder,
        "bad-am.yml",
        "route: {receiver: nobody}\nreceivers: []\n",
    );
    let ended = run(&["check", "config", &file], "").await;
    refused(&ended, &[&rules, "4:", "group \"g\"", "\"A\""]);
    refused(&ended, &[&receivers, "nobody"]);
    // One bad file among good ones is enough, and all are read.
    let ended = run(&["check", "config", &path(&folder, "unknown.yml"), &good], "").await;
    refused(&ended, &["unknown.yml"]);
    assert!(ended.stdout.contains("SUCCESS"), "{ended:?}");
    let absent = path(&folder, "absent.yml");
    refused(
        &run(&["check", "config", &absent], "").await,
        &[&absent, "No such file"],
    );
}

/// Sections of Prometheus that do nothing here are no error, but nobody is to rely on them.
#[tokio::test]
async fn config_warns_of_what_has_no_effect() {
    let folder = folder();
    let file = write(
        &folder,
        "prometheus.yml",
        "alerting:\n  alertmanagers: []\nrule_files: ['nothing-*.yml']\n",
    );
    let ended = run(&["check", "config", &file], "").await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let warned = |parts: &[&str]| {
        let mut lines = ended.stderr.lines();
        lines.any(|line| line.contains("WARNING") && parts.iter().all(|part| line.contains(part)))
    };
    assert!(warned(&[&file, "line", "alerting"]), "{ended:?}");
    assert!(warned(&[&file, "line 3", "nothing-*.yml"]), "{ended:?}");
}

#[tokio::test]
async fn rules() {
    let folder = folder();
    accepted(
        &run(&["check", "rules", &path(&folder, "rules.yml")], "").await,
        "2 rules",
    );
    let group = "groups:\n- name: g\n  rules:\n";
    let cases = [
        ("expr", "  - alert: A\n    expr: sum(\n", "5:", "parse"),
        ("field", "  - alert: A\n    expr: up\n    fro: 5m\n", "6:", "fro"),
        (
            "both",
            "  - alert: A\n    record: b\n    expr: up\n",
            "5:",
            "record",
        ),
        ("neither", "  - expr: up\n", "4:", "record"),
        (
            "template",
            "  - alert: A\n    expr: up\n    annotations: {s: '{{ nosuch }}'}\n",
            "annotation \"s\"",
            "nosuch",
        ),
        ("for", "  - alert: A\n    expr: up\n    for: long\n", "6:", "long"),
    ];
    for (name, rule, place, why) in cases {
        let file = write(&folder, &format!("{name}.yml"), &format!("{group}{rule}"));
        refused(&run(&["check", "rules", &file], "").await, &[&file, place, why]);
    }
    let twice = write(&folder, "twice.yml", "groups:\n- name: g\n- name: g\n");
    refused(
        &run(&["check", "rules", &twice], "").await,
        &[&twice, "3:", "\"g\""],
    );
    let several = "  - alert: A\n    expr: sum(\n  - alert: B\n    expr: rate(up)\n";
    let file = write(&folder, "several.yml", &format!("{group}{several}"));
    let ended = run(&["check", "rules", &file], "").await;
    refused(&ended, &[&file, "\"A\""]);
    refused(&ended, &[&file, "\"B\""]);
}

#[tokio::test]
async fn alertmanager() {
    let folder = folder();
    accepted(
        &run(&["check", "alertmanager", &path(&folder, "alertmanager.yml")], "").await,
        "1 receivers",
    );
    let receivers = "receivers:\n- name: desk\n";
    let cases = [
        (
            "receiver",
            format!("route:\n  receiver: other\n{receivers}"),
            "line 2",
            "other",
        ),
        (
            "field",
            format!("route:\n  receiver: desk\n  group_bye: [a]\n{receivers}"),
            "line 3",
            "group_bye",
        ),
        (
            "matcher",
            format!(
                "route:\n  receiver: desk\n  routes:\n  - matchers: ['a=']\n  - matchers: ['=']\n{receivers}"
            ),
            "line 5",
            "=",
        ),
        ("none", receivers.to_owned(), "", "route"),
        (
            "url",
            format!("route: {{receiver: desk}}\n{receivers}  webhook_configs:\n  - url: nowhere\n"),
            "line 5",
            "url",
        ),
        (
            "mail",
            format!("route: {{receiver: desk}}\n{receivers}  email_configs:\n  - to: a@b.c\n"),
            "line 5",
            "smarthost",
        ),
    ];
    for (name, text, line, field) in cases {
        let file = write(&folder, &format!("{name}.yml"), &text);
        refused(
            &run(&["check", "alertmanager", &file], "").await,
            &[&file, line, field],
        );
    }
}

#[tokio::test]
async fn metrics() {
    let good = "# HELP http_requests_total Requests.\n# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} 1\n";
    let ended = run(&["check", "metrics"], good).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");

    let bad = format!("{good}http_requests_total{{code=\"200\" 1\n");
    let ended = run(&["check", "metrics"], &bad).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with("4:"), "{ended:?}");

    let advice = "# TYPE requests counter\nrequests 1\n";
    let ended = run(&["check", "metrics"], advice).await;
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    assert!(
        ended.stderr.contains("requests") && ended.stderr.contains("_total"),
        "{ended:?}"
    );

    let open = "# TYPE requests counter\n# HELP requests Requests.\nrequests_total 1\n";
    let ended = run(
        &["check", "metrics", "--format=openmetrics"],
        &format!("{open}# EOF\n"),
    )
    .await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let ended = run(&["check", "metrics", "--format=openmetrics"], open).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("EOF"), "{ended:?}");
}

#[tokio::test]
async fn without_a_file_it_says_how_it_is_used() {
    let ended = run(&["check", "config"], "").await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Usage: masthead check config"), "{ended:?}");
}
