//! Runs the `.test` files of a folder: `cargo run -p promql --example promqltest -- DIR [-v]`.
//!
//! Prints `FILE passed N of M` for each file and `total passed N of M` at the end; with `-v` every failure too. A file
//! with an error in itself is told with the error and its line, and does not count.

use std::path::PathBuf;
use std::process::ExitCode;

use promql::promqltest::run;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: promqltest DIR [-v]");
        return ExitCode::from(2);
    };
    let verbose = arguments.next().as_deref() == Some("-v");
    match run_all(&PathBuf::from(folder), verbose) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run_all(folder: &PathBuf, verbose: bool) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "test"));
    files.sort();
    let (mut passed, mut total, mut unreadable) = (0, 0, 0);
    for path in files {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
        let report = match run(&text) {
            Ok(report) => report,
            Err(error) => {
                println!("{name}: {error}");
                unreadable += 1;
                continue;
            }
        };
        println!("{name} passed {} of {}", report.passed, report.total());
        if verbose {
            report.failed.iter().for_each(|failure| println!("  {failure}"));
        }
        passed += report.passed;
        total += report.total();
    }
    println!("total passed {passed} of {total}");
    match unreadable {
        0 => Ok(()),
        n => Err(format!("{n} files are not in the language of .test files")),
    }
}
