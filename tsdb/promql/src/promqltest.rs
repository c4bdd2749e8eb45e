//! Runs `.test` files: series to load, expressions to evaluate, what must come out.
//!
//! The language is that of Prometheus' own engine tests. Each instant evaluation runs again with every selector
//! pinned by `@` at other times of evaluation, and as the middle of a range query. Annotations are compared
//! without the position that upstream appends to them.

mod check;
mod expect;
mod pin;
mod script;

use std::fmt;

use model::Labels;
use model::metrics::{MetricStore, Sample};

use crate::memory::MemoryStore;
use crate::notation::SeriesValue;
use crate::{Engine, EngineOptions, Expr};
use script::{Command, Eval, Load};

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

    /// How many failed in this way.
    pub fn count(&self, kind: FailureKind) -> usize {
        self.failed.iter().filter(|f| f.kind == kind).count()
    }
}

/// Why an evaluation failed, as far as the file itself tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The answer is not the expected one.
    Wrong,
    /// The expression does not parse.
    Unparsed,
    /// Native histograms or start timestamps are involved, which the store cannot hold.
    OutOfScope,
}

/// One evaluation that did not give what was expected.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The line of the evaluation, from 1.
    pub line: usize,
    /// The expression.
    pub query: String,
    /// What kind.
    pub kind: FailureKind,
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
/// The text is not in the language of such files.
pub fn run(text: &str) -> Result<Report, String> {
    let mut session = Session::new();
    let mut report = Report::default();
    for command in script::parse(text)? {
        match command {
            Command::Clear => session = Session::new(),
            Command::Load(load) => session.load(&load),
            Command::Eval(eval) => match session.eval(&eval) {
                Ok(()) => report.passed += 1,
                Err(failure) => report.failed.push(failure),
            },
        }
    }
    Ok(report)
}

/// A store and an engine between two `clear`s.
struct Session {
    store: MemoryStore,
    engine: Engine,
    /// Series with samples that the store cannot hold.
    incomplete: Vec<Labels>,
}

impl Session {
    fn new() -> Session {
        let engine = Engine::new(EngineOptions::default());
        Session {
            store: MemoryStore::new(),
            engine,
            incomplete: Vec::new(),
        }
    }

    fn load(&mut self, load: &Load) {
        for (labels, values) in &load.series {
            let mut time = 0;
            for value in values {
                match value {
                    SeriesValue::Gap => {}
                    SeriesValue::Float(value) => {
                        self.store.push(
                            labels,
                            Sample {
                                timestamp_ms: time,
                                value: *value,
                            },
                        );
                    }
                    SeriesValue::Histogram => self.incomplete.push(labels.clone()),
                }
                time += load.step_ms;
            }
        }
        self.incomplete.extend(load.incomplete.iter().cloned());
        self.incomplete.sort();
        self.incomplete.dedup();
    }

    fn eval(&self, eval: &Eval) -> Result<(), Failure> {
        let failure = |kind, reason| Failure {
            line: eval.line,
            query: eval.query.clone(),
            kind,
            reason,
        };
        let expr = match crate::parse(&eval.query) {
            Ok(expr) => expr,
            Err(error) if eval.expect.fails_with(&error.to_string()) => return Ok(()),
            Err(error) => return Err(failure(FailureKind::Unparsed, error.to_string())),
        };
        let store: &dyn MetricStore = &self.store;
        check::check(&self.engine, store, &expr, eval).map_err(|reason| {
            let beyond = eval.expect.needs_histograms || self.touches_incomplete(&expr);
            failure(
                if beyond {
                    FailureKind::OutOfScope
                } else {
                    FailureKind::Wrong
                },
                reason,
            )
        })
    }

    fn touches_incomplete(&self, expr: &Expr) -> bool {
        let matched = |labels: &Labels| {
            expr.selectors()
                .iter()
                .any(|s| s.matchers.iter().all(|m| m.matches_labels(labels)))
        };
        self.incomplete.iter().any(matched)
    }
}
