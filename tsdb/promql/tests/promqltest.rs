//! Runs `.test` files: the project's own in `testdata`, and upstream's where they lie beside the repository.

use std::path::{Path, PathBuf};

use promql::promqltest::{Report, run};

/// Upstream's files hold so many evaluations.
const UPSTREAM_TOTAL: usize = 2214;

fn test_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of .test files");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "test"));
    files.sort();
    files
}

fn report(path: &Path) -> Report {
    let text = std::fs::read_to_string(path).expect("a readable file");
    run(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn own_files_pass() {
    let files = test_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"));
    assert!(files.len() >= 5, "testdata is missing");
    let mut failures = Vec::new();
    for path in files {
        let report = report(&path);
        assert!(report.total() > 0, "{} evaluates nothing", path.display());
        failures.extend(report.failed.iter().map(|f| format!("{}: {f}", path.display())));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn upstream_files_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/promql/promqltest");
    if !folder.is_dir() {
        use std::io::Write as _;
        // Unlike eprintln, this shows for tests that pass too.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: upstream's .test files are not at {}",
            folder.display()
        );
        return;
    }
    let (mut passed, mut total, mut wrong) = (0, 0, Vec::new());
    for path in test_files(&folder) {
        let report = report(&path);
        passed += report.passed;
        total += report.total();
        wrong.extend(report.failed.iter().map(|f| format!("{}: {f}", path.display())));
    }
    eprintln!("upstream: passed {passed} of {total}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(total, UPSTREAM_TOTAL);
}

#[test]
fn a_wrong_expectation_fails() {
    let base = "load 1m\n  a{x=\"1\"} 1 2 3\n  a{x=\"2\"} 1 2 4\n\n";
    for (eval, passes) in [
        ("eval instant at 1m a\n  a{x=\"1\"} 2\n  a{x=\"2\"} 2\n", true),
        ("eval instant at 1m a\n  a{x=\"1\"} 2\n", false),
        (
            "eval instant at 1m a\n  a{x=\"1\"} 2\n  a{x=\"2\"} 2.00001\n",
            false,
        ),
        (
            "eval instant at 1m a\n  a{x=\"1\"} 2\n  a{x=\"2\"} 2\n  a{x=\"3\"} 2\n",
            false,
        ),
        (
            "eval instant at 2m sort_desc(a)\n  expect ordered\n  a{x=\"2\"} 4\n  a{x=\"1\"} 3\n",
            true,
        ),
        (
            "eval instant at 2m sort_desc(a)\n  expect ordered\n  a{x=\"1\"} 3\n  a{x=\"2\"} 4\n",
            false,
        ),
        ("eval range from 0 to 3m step 1m sum(a)\n  {} 2 4 7 7\n", true),
        ("eval range from 0 to 3m step 1m sum(a)\n  {} 2 4 7\n", false),
        ("eval range from 0 to 3m step 1m sum(a)\n  {} 2 _ 7 7\n", false),
        ("eval instant at 0 1 + 1\n  2\n", true),
        ("eval instant at 0 1 + 1\n  3\n", false),
        ("eval instant at 0 a + on() a\n  expect fail\n", true),
        ("eval instant at 0 a + a\n  expect fail\n", false),
        (
            "eval instant at 0 a + on() a\n  expect fail msg: something else\n",
            false,
        ),
        (
            "eval instant at 2m rate(a[2m])\n  expect no_info\n  {x=\"1\"} 0.0166666\n  {x=\"2\"} 0.025\n",
            false,
        ),
        ("eval instant at 0 \"x\"\n  expect string \"x\"\n", true),
        ("eval instant at 0 \"x\"\n  expect string \"y\"\n", false),
    ] {
        let report = run(&format!("{base}{eval}")).unwrap();
        assert_eq!(
            (report.passed, report.failed.len()),
            (usize::from(passes), usize::from(!passes)),
            "{eval}"
        );
    }
}
