use std::path::{Path, PathBuf};

use super::*;

fn errors(text: &str) -> Vec<String> {
    match parse("r.yml", text, Syntax::default()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_file_says_what_it_means() {
    let file = file(
        "groups:\n- name: g\n  interval: 30s\n  query_offset: 1m\n  limit: 5\n  labels: {team: a, env: x}\n  rules:\n  \
         - alert: Down\n    expr: up   ==  0\n    for: 5m\n    keep_firing_for: 1m\n    labels: {team: b}\n    \
         annotations: {summary: '{{ $labels.job }}'}\n  - record: r\n    expr: 1\n",
    );
    let group = &file.groups[0];
    assert_eq!(
        (group.interval_ms, group.query_offset_ms, group.limit),
        (Some(30_000), Some(MINUTE), 5)
    );
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    let alert = &group.rules[0];
    assert_eq!((alert.name.as_str(), alert.expr.as_str()), ("Down", "up == 0"));
    assert_eq!(
        alert.labels,
        [pair("env", "x"), pair("team", "b")],
        "a rule's labels win over its group's"
    );
    let kind = RuleKind::Alerting {
        for_ms: 5 * MINUTE,
        keep_firing_for_ms: MINUTE,
        annotations: vec![pair("summary", "{{ $labels.job }}")],
    };
    assert_eq!(alert.kind, kind);
    assert_eq!(group.rules[1].kind, RuleKind::Recording);
}

/// Rules in flow style, one a case, and a part of the error.
#[test]
fn what_is_refused() {
    for (rule, want) in [
        (
            "{record: a, alert: b, expr: 1}",
            "only one of 'record' and 'alert' must be set",
        ),
        ("{expr: 1}", "one of 'record' or 'alert' must be set"),
        ("{record: a}", "field 'expr' must be set in rule"),
        ("{record: a, expr: 'rate(x)'}", "could not parse expression"),
        (
            "{record: a, expr: 1, for: 1m}",
            "invalid field 'for' in recording rule",
        ),
        (
            "{record: a, expr: 1, keep_firing_for: 1m}",
            "invalid field 'keep_firing_for' in recording rule",
        ),
        (
            "{record: a, expr: 1, annotations: {b: c}}",
            "invalid field 'annotations' in recording rule",
        ),
        (
            "{record: 'a{b=\"c\"}', expr: 1}",
            "braces present in the recording rule name",
        ),
        (
            "{alert: a, expr: 1, labels: {__name__: b}}",
            "invalid label name: __name__",
        ),
        (
            "{alert: a, expr: 1, annotations: {'': b}}",
            "invalid annotation name: ",
        ),
        (
            "{alert: a, expr: 1, labels: {b: '{{ $x }}'}}",
            "label \"b\": template: __alert_b:1:4: undefined variable",
        ),
        (
            "{alert: a, expr: 1, annotations: {b: '{{ nope 1 }}'}}",
            "function \"nope\" not defined",
        ),
        (
            "{alert: a, expr: 1, annotations: {b: '{{ if }}'}}",
            "missing value for if",
        ),
        (
            "{alert: a, expr: 1, for: soon}",
            "not a valid duration string: \"soon\"",
        ),
        ("{alert: a, expr: 1, colour: red}", "colour"),
    ] {
        let got = errors(&format!("groups:\n- name: g\n  rules:\n  - {rule}\n"));
        assert!(
            got.len() == 1 && got[0].contains(want),
            "{rule}\n want {want}\n got {got:?}"
        );
        assert!(got[0].starts_with("r.yml: 4:"), "{rule}: {got:?}");
    }
    for (text, want) in [
        (
            "groups: [{name: a}, {name: a}]",
            "groupname: \"a\" is repeated in the same file",
        ),
        ("groups: [{rules: []}]", "Groupname must not be empty"),
        ("groups: [{name: a, limit: -1}]", "limit must not be negative"),
        (
            "groups: [{name: a, labels: {__name__: x}}]",
            "invalid label name: __name__",
        ),
        ("group: []", "group"),
        ("groups: [", ""),
    ] {
        let got = errors(text);
        assert!(got.len() == 1 && got[0].contains(want), "{text}: {got:?}");
    }
}

#[test]
fn all_errors_are_found_at_once_each_with_its_place() {
    let got =
        errors("groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum(\n  - alert: b\n    expr: )\n");
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(
        got[0].starts_with("r.yml: 5:11: group \"g\", rule 1, \"a\": could not parse expression"),
        "{got:?}"
    );
    assert!(
        got[1].starts_with("r.yml: 7:11: group \"g\", rule 2, \"b\": could not parse expression"),
        "{got:?}"
    );
}

#[test]
fn empty_files_and_second_documents_are_tolerated() {
    for text in [
        "",
        "# nothing\n",
        "groups:\n",
        "---\ngroups: []\n---\nnonsense: 1\n",
    ] {
        assert_eq!(errors(text), Vec::<String>::new(), "{text:?}");
    }
}

#[test]
fn legacy_names_can_be_demanded() {
    let text = "groups: [{name: g, rules: [{alert: a, expr: 1, annotations: {ins-tance: x}}]}]";
    assert!(parse("r.yml", text, Syntax::default()).is_ok());
    let legacy = Syntax {
        names: NameValidation::Legacy,
        ..Syntax::default()
    };
    let errors = parse("r.yml", text, legacy).unwrap_err();
    assert_eq!(errors[0].message, "invalid annotation name: ins-tance");
}

#[test]
fn duplicates_are_found_but_not_refused() {
    let rules = "{record: a, expr: 1}, {record: a, expr: 2}, {record: a, expr: 1, labels: {b: c}}";
    let file = file(&format!("groups: [{{name: g, rules: [{rules}]}}]"));
    assert_eq!(file.len(), 3);
    assert_eq!(
        file.duplicates()
            .iter()
            .map(|r| r.expr.as_str())
            .collect::<Vec<_>>(),
        ["2"]
    );
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let errors = load(Path::new("/nonexistent/rules.yml"), Syntax::default()).unwrap_err();
    assert!(
        errors[0].to_string().starts_with("/nonexistent/rules.yml: "),
        "{errors:?}"
    );
}

fn conformance() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/prometheus/rules");
    if folder.exists() {
        return Some(folder);
    }
    use std::io::Write as _;
    // Unlike eprintln, this shows for tests that pass too.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: no public rule files at {}",
        folder.display()
    );
    None
}

#[test]
fn what_may_still_change_must_be_asked_for() {
    let text = "groups: [{name: g, rules: [{record: a, expr: 'limitk(1, up)'}]}]";
    let errors = parse("r.yml", text, Syntax::default()).unwrap_err();
    assert!(errors[0].message.contains("experimental"), "{errors:?}");
    let all = Syntax {
        language: promql::ParserOptions::all(),
        ..Syntax::default()
    };
    assert!(parse("r.yml", text, all).is_ok());
}

/// Files called `*.bad.yaml` are refused, all others accepted; names say which validation they are about.
#[test]
fn public_rule_files() {
    let Some(folder) = conformance() else { return };
    let (mut good, mut bad, mut wrong) = (0, 0, Vec::new());
    for sub in ["rulefmt", "fixtures"] {
        for entry in std::fs::read_dir(folder.join(sub)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let legacy = name.starts_with("legacy_validation");
            let names = if legacy {
                NameValidation::Legacy
            } else {
                NameValidation::Utf8
            };
            let want = !(name.contains(".bad.") || name == "invalid_rules.yaml");
            let syntax = Syntax {
                names,
                ..Syntax::default()
            };
            let got = load(&path, syntax);
            if got.is_ok() != want {
                wrong.push(format!("{name}: {:?}", got.err()));
            }
            *(if want { &mut good } else { &mut bad }) += 1;
        }
    }
    eprintln!(
        "public rule files: {good} good, {bad} bad, {} judged wrongly",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(good > 10 && bad > 10);
}
