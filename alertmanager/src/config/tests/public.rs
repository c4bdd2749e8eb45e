//! Public configurations, where they are at hand.

use std::path::Path;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct GoodBad {
    good: Vec<String>,
    bad: Vec<String>,
}

#[derive(Deserialize)]
struct Manifest {
    inline: Vec<Inline>,
}

#[derive(Deserialize)]
struct Inline {
    test: String,
    yaml: String,
    expect_error: bool,
    err: Vec<String>,
}

fn of_kinds_not_offered(error: &ConfigError) -> bool {
    error.to_string().contains("_configs is not supported")
}

#[test]
fn public_configurations() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/alertmanager");
    let Ok(list) = std::fs::read_to_string(dir.join("config_goodbad.json")) else {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {} is absent, public configurations were not checked",
            dir.display()
        );
        return;
    };
    let list: GoodBad = serde_json::from_str(&list).unwrap();
    let (mut accepted, mut not_offered, mut failures) = (0, 0, Vec::new());
    for file in &list.good {
        match Config::load(&dir.join("config").join(file)) {
            Ok(_) => accepted += 1,
            Err(error) if of_kinds_not_offered(&error) => not_offered += 1,
            Err(error) => failures.push(format!("{file}: {error}")),
        }
    }
    let refused = list.bad.iter().filter(|file| {
        let result = Config::load(&dir.join("config").join(file));
        if result.is_ok() {
            failures.push(format!("{file}: accepted"));
        }
        result.is_err()
    });
    let refused = refused.count();
    eprintln!(
        "public configurations: {accepted} of {} good accepted, {not_offered} only refused for receivers not offered, {refused} of {} bad refused",
        list.good.len(),
        list.bad.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Upstream's test runs in the classic mode; its program, like this one, takes any UTF-8 name here.
const CLASSIC_ONLY: &[&str] = &["TestGroupByInvalidLabel"];

#[test]
fn public_inline_configurations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/conformance/alertmanager/config_manifest.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: {} is absent, inline configurations were not checked",
            path.display()
        );
        return;
    };
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    let mut failures = Vec::new();
    for case in manifest
        .inline
        .iter()
        .filter(|case| !CLASSIC_ONLY.contains(&&*case.test))
    {
        let expected = case
            .err
            .first()
            .map_or("", |words| words.trim_end_matches('\\').trim_end());
        match (case.expect_error, Config::parse(&case.yaml)) {
            (true, Err(error)) if error.to_string().contains(expected) => {}
            (false, Ok(_)) => {}
            (false, Err(error)) if of_kinds_not_offered(&error) || case.test.contains("NameConflict") => {}
            (_, result) => failures.push(format!("{}: expected {expected:?}, got {result:?}", case.test)),
        }
    }
    eprintln!(
        "inline configurations: {} ran, {} failed",
        manifest.inline.len() - 1,
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
