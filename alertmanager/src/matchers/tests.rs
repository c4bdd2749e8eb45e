use std::path::Path;

use model::MatchOp;
use serde::Deserialize;

use super::*;

/// Text, grammar letters that read it (u, c), and what the two together make of it.
const CASES: &[(&str, &str, Option<&str>)] = &[
    ("{}", "uc", Some("{}")),
    ("", "uc", Some("{}")),
    ("foo=bar,", "uc", Some(r#"{foo="bar"}"#)),
    (r#"{b=~"x|y", a != "1" , }"#, "uc", Some(r#"{a!="1",b=~"x|y"}"#)),
    (r#""k8s.pod name"="x""#, "u", Some(r#"{"k8s.pod name"="x"}"#)),
    ("service.name=web", "u", Some(r#"{service.name="web"}"#)),
    ("job=", "c", Some(r#"{job=""}"#)),
    (r"foo=bar\n", "c", Some("{foo=\"bar\\n\"}")),
    (r#"foo="\U0001f642""#, "uc", Some(r#"{foo="\\U0001f642"}"#)),
    ("foo=~a(", "", None),
    ("{foo=bar", "c", Some(r#"{foo="bar"}"#)),
    ("foo", "", None),
];

#[test]
fn both_grammars_and_the_choice_between_them() {
    for (input, grammars, expected) in CASES {
        assert_eq!(
            utf8::parse(input).is_ok(),
            grammars.contains('u'),
            "UTF-8: {input}"
        );
        assert_eq!(
            classic::parse(input).is_ok(),
            grammars.contains('c'),
            "classic: {input}"
        );
        let printed = parse_matchers(input).ok().map(|m| Matchers::new(m).to_string());
        assert_eq!(printed.as_deref(), *expected, "{input}");
    }
}

#[test]
fn one_matcher_is_one_without_braces() {
    assert_eq!(parse_matcher("a=b").unwrap(), Matcher::equal("a", "b"));
    for bad in ["{a=b}", "", "a=b,c=d"] {
        assert!(parse_matcher(bad).is_err(), "{bad}");
    }
}

#[derive(Deserialize)]
struct Case {
    input: String,
    err: Option<String>,
    matchers: Vec<Expected>,
    skip_in_utf8: bool,
}

#[derive(Deserialize)]
struct Expected {
    op: String,
    name: String,
    value: String,
}

type Suites = std::collections::BTreeMap<String, Vec<Case>>;

/// Some upstream cases share an input between parsers of one and of many matchers, or list what several inputs
/// expect; those say nothing about one call and are left out.
fn ambiguous(case: &Case) -> bool {
    let several_readings = case.err.is_none() && case.matchers.is_empty() && !case.input.contains('{');
    let takes_one = matches!(
        case.err.as_deref(),
        Some("no matchers" | "expected 1 matcher, found 2")
    );
    let blended = case.matchers.len() > 1 && !case.input.contains(',');
    several_readings || takes_one || blended
}

fn check(suite: &str, case: &Case, got: Result<Vec<Matcher>, MatchersError>, failures: &mut Vec<String>) {
    let expected: Vec<_> = case
        .matchers
        .iter()
        .map(|m| (&*m.op, &*m.name, &*m.value))
        .collect();
    match (&case.err, got) {
        (None, Ok(got)) => {
            let got: Vec<_> = got.iter().map(|m| (m.op.as_str(), &*m.name, &*m.value)).collect();
            if got != expected {
                failures.push(format!(
                    "{suite}: {}: got {got:?}, expected {expected:?}",
                    case.input
                ));
            }
        }
        (Some(_), Err(_)) => {}
        (err, got) => failures.push(format!(
            "{suite}: {}: expected error {err:?}, got {got:?}",
            case.input
        )),
    }
}

#[test]
fn public_cases() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/conformance/alertmanager/matcher_cases.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {} is absent, matchers were not compared with the public cases",
            path.display()
        );
        return;
    };
    let suites: Suites = serde_json::from_str(&text).unwrap();
    let (mut failures, mut ran, mut left_out) = (Vec::new(), 0, 0);
    for (suite, cases) in &suites {
        for case in cases {
            if ambiguous(case) {
                left_out += 1;
                continue;
            }
            ran += 1;
            match suite.as_str() {
                "pkg/labels/parse_test.go" => check(suite, case, classic::parse(&case.input), &mut failures),
                "matcher/parse/parse_test.go" => check(suite, case, utf8::parse(&case.input), &mut failures),
                "matcher/compat/parse_test.go" => {
                    check(suite, case, parse_matchers(&case.input), &mut failures)
                }
                _ => {
                    check(suite, case, classic_or_utf8(case), &mut failures);
                }
            }
        }
    }
    eprintln!(
        "matcher cases: {ran} ran, {} failed, {left_out} left out",
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The compliance suite runs each case through the classic grammar, and through the UTF-8 one unless told not to.
fn classic_or_utf8(case: &Case) -> Result<Vec<Matcher>, MatchersError> {
    if case.err.is_none() && !case.skip_in_utf8 {
        utf8::parse(&case.input)
    } else {
        classic::parse(&case.input)
    }
}

#[test]
fn order_is_by_name_then_value() {
    let matchers = vec![
        Matcher::equal("b", "1"),
        Matcher::new("a", MatchOp::NotEqual, "2").unwrap(),
        Matcher::equal("a", "1"),
    ];
    assert_eq!(Matchers::new(matchers).to_string(), r#"{a="1",a!="2",b="1"}"#);
}
