//! `masthead check …`: promtool's and amtool's checks. What is wrong goes to standard error; exit code 1.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use alertmanager::rules::Syntax;
use model::{Clock, SystemClock};
use promql::ParserOptions;

use crate::config::{Loaded, Source};
use crate::flags::{Check, Features, MetricsFormat};

/// Standard input longer than this is not read.
const MAX_INPUT_BYTES: u64 = 1 << 30;

/// Runs a check and says what it found. Queries of rules may use what `features` allow.
pub(crate) fn run(what: &Check, features: Features) -> ExitCode {
    let language = features.parser();
    let fine = match what {
        Check::Config { files, syntax_only } => each(files, |path| config(path, *syntax_only, language)),
        Check::Rules { files } => each(files, |path| rules(path, language)),
        Check::Alertmanager { files } => each(files, notifications),
        Check::Metrics { format } => metrics(*format),
    };
    if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn each(files: &[PathBuf], check: impl Fn(&Path) -> Result<String, Vec<String>>) -> bool {
    let mut fine = true;
    for file in files {
        println!("Checking {}", file.display());
        match check(file) {
            Ok(found) => println!("  SUCCESS: {found}"),
            Err(errors) => {
                fine = false;
                for error in errors {
                    eprintln!("  FAILED: {error}");
                }
            }
        }
    }
    fine
}

fn config(path: &Path, syntax_only: bool, language: ParserOptions) -> Result<String, Vec<String>> {
    let loaded = Loaded::load(&Source::File(path.to_owned()), language).map_err(|e| e.0)?;
    if !syntax_only {
        loaded.check_files(&path.display().to_string()).map_err(|e| e.0)?;
    }
    for warning in &loaded.warnings {
        eprintln!("  WARNING: {warning}");
    }
    let rules: usize = loaded.rules.iter().map(rule_count).sum();
    Ok(format!(
        "{} scrape jobs, {rules} rules in {} files",
        loaded.jobs.len(),
        loaded.rules.len()
    ))
}

fn rule_count(file: &alertmanager::rules::RuleFile) -> usize {
    file.groups.iter().map(|group| group.rules.len()).sum()
}

fn rules(path: &Path, language: ParserOptions) -> Result<String, Vec<String>> {
    let syntax = Syntax {
        language,
        ..Syntax::default()
    };
    let file = alertmanager::rules::load(path, syntax);
    let file = file.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(format!("{} rules found", rule_count(&file)))
}

fn notifications(path: &Path) -> Result<String, Vec<String>> {
    let config = alertmanager::config::Config::load(path);
    let config = config.map_err(|e| vec![format!("{}: {e}", path.display())])?;
    // Templates, certificates and clients are part of it.
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    alertmanager::notify::Notifiers::build(&config, "", &clock)
        .map_err(|e| vec![format!("{}: {e}", path.display())])?;
    Ok(format!(
        "{} receivers, {} inhibit rules",
        config.receivers.len(),
        config.inhibit_rules.len()
    ))
}

fn metrics(format: MetricsFormat) -> bool {
    let mut input = Vec::new();
    if let Err(error) = std::io::stdin()
        .lock()
        .take(MAX_INPUT_BYTES)
        .read_to_end(&mut input)
    {
        eprintln!("standard input: {error}");
        return false;
    }
    let format = match format {
        MetricsFormat::Text => collector::exposition::Format::Text,
        MetricsFormat::Openmetrics => collector::exposition::Format::OpenMetrics,
    };
    let problems = collector::exposition::lint(&input, format);
    for problem in &problems {
        let place = if problem.line > 0 {
            format!("{}:{}: ", problem.line, problem.column)
        } else {
            String::new()
        };
        let metric = if problem.metric.is_empty() {
            String::new()
        } else {
            format!("{} ", problem.metric)
        };
        eprintln!("{place}{metric}{}", problem.text);
    }
    problems.is_empty()
}
