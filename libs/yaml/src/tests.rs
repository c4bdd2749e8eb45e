use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq, Default)]
#[serde(deny_unknown_fields, default)]
struct Config {
    #[serde(deserialize_with = "or_default")]
    jobs: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    interval: Option<PromDuration>,
    on: Option<bool>,
}

fn refused(text: &str) -> YamlError {
    from_str::<Config>(text).unwrap_err()
}

#[test]
fn an_unknown_field_is_named_with_its_line() {
    let error = refused("jobs: [a]\nintervall: 5s\n");
    assert_eq!(error.line, 2, "{error}");
    assert!(error.message.contains("intervall"), "{error}");
}

#[test]
fn a_duplicate_key_is_refused() {
    let error = refused("jobs: [a]\non: true\njobs: [b]\n");
    assert_eq!(error.line, 3, "{error}");
    assert!(error.message.contains("jobs"), "{error}");
}

#[test]
fn a_bad_duration_has_a_line() {
    let error = refused("jobs: []\ninterval: 5 minutes\n");
    assert_eq!((error.line, error.column), (2, 11), "{error}");
    assert!(
        error
            .message
            .contains("not a valid duration string: \"5 minutes\""),
        "{error}"
    );
}

#[test]
fn nothing_behind_a_key_is_the_default_and_go_bools_are_bools() {
    let config: Config = from_str("jobs:\nlabels:\non: yes\n").unwrap();
    assert_eq!(
        config,
        Config {
            on: Some(true),
            ..Config::default()
        }
    );
}

#[test]
fn numbers_as_label_values_keep_their_text() {
    let config: Config = from_str("labels: {version: 1.10, zip: 0123, exp: 1e3}").unwrap();
    assert_eq!(
        config.labels.values().collect::<Vec<_>>(),
        ["1e3", "1.10", "0123"]
    );
}

#[test]
fn an_empty_document_is_the_default() {
    assert_eq!(
        from_str::<Config>("# nothing\n").unwrap_or_default(),
        Config::default()
    );
}

#[test]
fn errors_name_the_field_in_plain_words() {
    for (text, message) in [
        ("jobs: a\n", "jobs: expected a list"),
        ("{on: true, labels: [a]}", "labels: expected a mapping"),
        ("on: maybe\n", "on: expected true or false"),
        ("jobs: [{a: b}]\n", "expected text"),
        ("jobs: []\njobs: []\n", "mapping key \"jobs\" is already defined"),
        (
            "on: true\n---\non: true\n",
            "more than one YAML document in one file",
        ),
        ("jobs: *none\n", "jobs: alias of an anchor that is not defined"),
        (
            "é: 1\n",
            "unknown field `é`, expected one of jobs, labels, interval, on",
        ),
    ] {
        let error = refused(text);
        assert_eq!(error.message, message, "{text}: {error}");
        assert!(error.line > 0, "{error}");
    }
    let deep = refused(&"[".repeat(5000));
    assert!(deep.message.len() < 100, "{deep}");
}
