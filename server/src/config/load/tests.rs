use std::fs;

use super::*;

/// Writes `files` into a folder and loads `masthead.yml` from there.
fn load(files: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("writes");
    }
    Loaded::load(
        &Source::File(folder.path().join("masthead.yml")),
        ParserOptions::default(),
    )
    .map_err(|e| e.0)
}

#[test]
fn the_embedded_configuration_is_valid_and_scrapes_its_own_port() {
    let loaded = Loaded::load(&Source::Embedded { port: 1234 }, ParserOptions::default()).expect("valid");
    assert_eq!(loaded.jobs.len(), 1);
    assert_eq!(loaded.rules.len(), 1);
    assert!(loaded.text.contains("localhost:1234"));
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn an_error_names_file_line_and_field() {
    let errors = load(&[("masthead.yml", "global:\n  scrape_intervall: 15s\n")]).unwrap_err();
    assert!(errors[0].contains("masthead.yml: line 2"), "{errors:?}");
    assert!(errors[0].contains("scrape_intervall"), "{errors:?}");
}

#[test]
fn errors_of_all_files_are_told_at_once() {
    let main = "scrape_configs: [{job_name: a}, {job_name: a}]\nrule_files: [r*.yml]\nnotifications: {file: am.yml}\n";
    let rules = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: 'sum('\n";
    let errors = load(&[
        ("masthead.yml", main),
        ("r1.yml", rules),
        ("am.yml", "route: {}\n"),
    ])
    .unwrap_err();
    assert_eq!(errors.len(), 3, "{errors:#?}");
    for (error, parts) in errors.iter().zip([
        ["masthead.yml", "job name"],
        ["r1.yml: 5:", "parse"],
        ["am.yml", "receiver"],
    ]) {
        assert!(
            parts.iter().all(|part| error.contains(part)),
            "{error} lacks {parts:?}"
        );
    }
}

#[test]
fn a_plain_prometheus_file_runs_with_warnings_for_what_has_no_effect() {
    let main = "global: {scrape_interval: 30s, external_labels: {dc: x}}\n\
                alerting:\n  alertmanagers:\n  - static_configs: [{targets: ['am:9093']}]\n\
                remote_write:\n- url: http://example:9009/push\n\
                rule_files: [nothing/*.yml]\n\
                storage: {tsdb: {out_of_order_time_window: 10m, retention: {time: 30d, size: 10GB}}}\n\
                scrape_configs:\n- job_name: node\n  static_configs: [{targets: ['localhost:9100']}]\n";
    let loaded = load(&[("masthead.yml", main)]).expect("valid");
    assert_eq!(loaded.jobs.len(), 1);
    let warnings = loaded.warnings.join("\n");
    for part in ["line 3: alerting", "remote_write", "nothing/*.yml"] {
        assert!(warnings.contains(part), "{part} in {warnings}");
    }
}

#[test]
fn further_scrape_configs_come_from_files() {
    let main = "scrape_config_files: ['jobs-*.yml']\nscrape_configs: [{job_name: a}]\n";
    let more = "scrape_configs: [{job_name: b}]\n";
    assert_eq!(
        load(&[("masthead.yml", main), ("jobs-1.yml", more)])
            .expect("valid")
            .jobs
            .len(),
        2
    );
    let twice = "scrape_configs: [{job_name: a}]\n";
    let errors = load(&[("masthead.yml", main), ("jobs-1.yml", twice)]).unwrap_err();
    assert!(errors[0].contains("multiple scrape configs"), "{errors:?}");
}

#[test]
fn a_certificate_that_is_not_there_is_found_before_anything_takes_effect() {
    let main = "scrape_configs:\n- job_name: tls\n  tls_config: {ca_file: /nonexistent.pem}\n";
    let loaded = load(&[("masthead.yml", main)]).expect("as text it is valid");
    let errors = loaded.check_files("masthead.yml").unwrap_err().0;
    assert!(
        errors[0].contains("tls") && errors[0].contains("/nonexistent.pem"),
        "{errors:?}"
    );
}

#[test]
fn retention_by_matcher_is_read_and_what_is_no_selector_is_told() {
    let rules = "[{match: '{__name__=~\"debug_.*\"}', time: 2d}, {match: slo, time: 0s}]";
    let main = format!("storage: {{tsdb: {{retention_rules: {rules}}}}}\n");
    let found = load(&[("masthead.yml", &main)]).expect("valid").retention_rules;
    let kept: Vec<_> = found.iter().map(|rule| rule.retention_ms).collect();
    assert_eq!(kept, [Some(2 * 86_400_000), None]);
    assert_eq!(found[1].matchers, [model::Matcher::equal("__name__", "slo")]);
    let wrong = "storage:\n  tsdb:\n    retention_rules:\n    - {match: 'up{', time: 2d}\n    - {match: '{a=\"\"}', time: 1d}\n";
    let errors = load(&[("masthead.yml", wrong)]).unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[0].contains("line 4") && errors[0].contains("parse error"),
        "{errors:?}"
    );
    assert!(
        errors[1].contains("line 5") && errors[1].contains("non-empty matcher"),
        "{errors:?}"
    );
    let unknown = "storage: {tsdb: {retention_rules: [{match: up, time: 1d, size: 1GB}]}}";
    assert!(load(&[("masthead.yml", unknown)]).is_err());
}
