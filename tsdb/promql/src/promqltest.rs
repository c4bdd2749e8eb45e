//! Runs `.test` files: series to load, expressions to evaluate, what must come out.
//!
//! The language is that of Prometheus' own engine tests. Each instant evaluation runs again with every selector
//! pinned by `@` at other times of evaluation, and each of these again as the middle of a range query. Where upstream's
//! storage adds something to what is loaded (native histograms made of classic ones, hints on counter resets), the loader
//! does.

mod check;
mod compare;
mod expect;
mod load;
mod nhcb;
mod pin;
mod script;

use std::fmt;

use crate::memory::MemoryStore;
use crate::{Engine, EngineOptions};
use script::{Command, Eval};

/// What became of the evaluations of one file.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Those that gave what was expected.
    pub passed: usize,
    /// Those that did not.
    pub failed: Vec<Failure>,
}

impl Report {
    /// How many evaluations there were.
    pub fn total(&self) -> usize {
        self.passed + self.failed.len()
    }
}

/// One evaluation that did not give what was expected.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The line of the evaluation, from 1.
    pub line: usize,
    /// The expression.
    pub query: String,
    /// What was wrong.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.query, self.reason)
    }
}

/// Runs the text of a `.test` file.
///
/// # Errors
/// The text is not in the language of such files, or what it loads cannot be stored; the error begins with the line.
pub fn run(text: &str) -> Result<Report, String> {
    let mut store = MemoryStore::new();
    let engine = Engine::new(EngineOptions {
        start_timestamps: true,
        delayed_name_removal: true,
        ..EngineOptions::default()
    });
    let mut report = Report::default();
    for (line, command) in script::parse(text)? {
        match command {
            Command::Clear => store = MemoryStore::new(),
            Command::Load(load) => load.run(&store).map_err(|e| format!("line {line}: {e}"))?,
            Command::Eval(eval) => match run_eval(&engine, &store, &eval) {
                Ok(()) => report.passed += 1,
                Err(reason) => report.failed.push(Failure {
                    line,
                    query: eval.query,
                    reason,
                }),
            },
        }
    }
    Ok(report)
}

fn run_eval(engine: &Engine, store: &MemoryStore, eval: &Eval) -> Result<(), String> {
    match crate::parse_with(&eval.query, &crate::ParserOptions::all()) {
        Ok(expr) => check::check(engine, store, &expr, eval),
        Err(error) if eval.expect.fails_with(&error.to_string()) => Ok(()),
        Err(error) => Err(format!("does not parse: {error}")),
    }
}
