//! What an evaluation is expected to give.

use model::Labels;
use regex::Regex;

use super::script::{Times, next_word, times};
use crate::notation::{self, SeriesValue};
use crate::numeric::parse_float;

/// A condition on a text.
#[derive(Debug)]
enum Text {
    Any,
    Is(String),
    Matches(Regex),
}

/// What an evaluation is expected to give.
#[derive(Debug, Default)]
pub(super) struct Expect {
    fail: Option<Text>,
    warnings: Vec<Text>,
    infos: Vec<Text>,
    no_warnings: bool,
    no_infos: bool,
    pub(super) ordered: bool,
    pub(super) string: Option<String>,
    pub(super) scalar: Option<f64>,
    /// The times of an expected range vector, which is asked for at the last of them.
    pub(super) range: Option<Times>,
    /// In the order of the file; of series with the same labels the last one.
    pub(super) series: Vec<(Labels, Vec<SeriesValue>)>,
}

impl Expect {
    /// What the command's word says: `eval_fail`, `eval_ordered`, `eval_warn`, `eval_info`.
    pub(super) fn new(word: &str) -> Result<Expect, String> {
        let mut expect = Expect::default();
        match word {
            "eval" => {}
            "eval_fail" => expect.fail = Some(Text::Any),
            "eval_ordered" => expect.ordered = true,
            "eval_warn" => expect.warnings.push(Text::Any),
            "eval_info" => expect.infos.push(Text::Any),
            _ => return Err(format!("unknown command {word:?}")),
        }
        Ok(expect)
    }

    /// Adds what a line of the block says.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = next_word(line);
        match word {
            "expect" => return self.directive(rest),
            "expected_fail_message" if self.fails() => {
                self.fail = Some(Text::Is(rest.to_owned()));
                return Ok(());
            }
            "expected_fail_regexp" if self.fails() => {
                self.fail = Some(Text::Matches(regex(rest)?));
                return Ok(());
            }
            _ => {}
        }
        if self.scalar.is_some() {
            return Err(format!("unexpected line after the expected number: {line:?}"));
        }
        if let Some(value) = parse_float(line) {
            self.scalar = Some(value);
            return Ok(());
        }
        let (labels, values) = notation::parse_series(line)?;
        self.series.retain(|(other, _)| *other != labels);
        self.series.push((labels, values));
        Ok(())
    }

    fn directive(&mut self, directive: &str) -> Result<(), String> {
        let (word, rest) = next_word(directive);
        match word {
            "fail" if matches!(self.fail, None | Some(Text::Any)) => self.fail = Some(text(rest)?),
            "fail" => return Err("more than one expected error".to_owned()),
            "warn" => self.warnings.push(text(rest)?),
            "info" => self.infos.push(text(rest)?),
            "no_warn" => self.no_warnings = true,
            "no_info" => self.no_infos = true,
            "ordered" => self.ordered = true,
            "string" => self.string = Some(notation::split_string(rest)?.0),
            "range" => {
                let rest = rest.strip_prefix("vector ").ok_or("expected 'range vector'")?;
                self.range = Some(times(rest)?.0);
            }
            _ => return Err(format!("unknown expectation {directive:?}")),
        }
        if (self.no_warnings && !self.warnings.is_empty()) || (self.no_infos && !self.infos.is_empty()) {
            return Err("an annotation is expected as well as none".to_owned());
        }
        Ok(())
    }

    /// Whether the evaluation must fail.
    pub(super) fn fails(&self) -> bool {
        self.fail.is_some()
    }

    /// Whether the evaluation must fail, and with such an error.
    pub(super) fn fails_with(&self, error: &str) -> bool {
        self.fail.as_ref().is_some_and(|text| text.accepts(error))
    }

    /// Whether these are the annotations that must come.
    pub(super) fn check_annotations(&self, warnings: &[String], infos: &[String]) -> Result<(), String> {
        check_texts("warning", warnings, &self.warnings, self.no_warnings)?;
        check_texts("info", infos, &self.infos, self.no_infos)
    }
}

/// With an expected text at least one must come, and nothing else; without any, what comes does not matter.
fn check_texts(what: &str, got: &[String], expected: &[Text], none: bool) -> Result<(), String> {
    if none && !got.is_empty() {
        return Err(format!("unexpected {what}s: {got:?}"));
    }
    if expected.is_empty() {
        return Ok(());
    }
    for text in expected {
        if !got.iter().any(|g| text.accepts(g)) {
            return Err(format!("expected {what} {text}, got {got:?}"));
        }
    }
    match got.iter().find(|g| !expected.iter().any(|text| text.accepts(g))) {
        Some(other) => Err(format!("unexpected {what}: {other:?}")),
        None => Ok(()),
    }
}

/// `msg: …` or `regex: …`.
fn text(rest: &str) -> Result<Text, String> {
    if let Some(message) = rest.strip_prefix("msg:") {
        return Ok(Text::Is(message.trim().to_owned()));
    }
    if let Some(pattern) = rest.strip_prefix("regex:") {
        return regex(pattern).map(Text::Matches);
    }
    if rest.is_empty() {
        Ok(Text::Any)
    } else {
        Err(format!("expected 'msg:' or 'regex:', got {rest:?}"))
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern.trim()).map_err(|e| e.to_string())
}

impl Text {
    fn accepts(&self, got: &str) -> bool {
        match self {
            Text::Any => true,
            Text::Is(text) => got == text,
            Text::Matches(regex) => regex.is_match(got),
        }
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Text::Any => f.write_str("of any kind"),
            Text::Is(text) => write!(f, "{text:?}"),
            Text::Matches(regex) => write!(f, "like {regex}"),
        }
    }
}
