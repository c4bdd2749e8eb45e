//! What an evaluation is expected to give.

use model::Labels;
use regex::Regex;

use super::script::{next_word, time_ms};
use crate::notation::{self, SeriesValue};
use crate::numeric::parse_float;

/// A condition on a text.
pub(super) enum Text {
    Any,
    Is(String),
    Matches(Regex),
}

/// What an evaluation is expected to give.
#[derive(Default)]
pub(super) struct Expect {
    fail: Option<Text>,
    warnings: Vec<Text>,
    infos: Vec<Text>,
    no_warnings: bool,
    no_infos: bool,
    pub(super) ordered: bool,
    pub(super) string: Option<String>,
    pub(super) scalar: Option<f64>,
    /// Start and step of an expected range vector.
    pub(super) range: Option<(i64, i64)>,
    pub(super) series: Vec<(Labels, Vec<SeriesValue>)>,
    pub(super) needs_histograms: bool,
}

impl Expect {
    /// What the command's word says: `eval_fail`, `eval_ordered`, `eval_warn`, `eval_info`.
    pub(super) fn new(word: &str) -> Expect {
        let mut expect = Expect::default();
        match word {
            "eval_fail" => expect.fail = Some(Text::Any),
            "eval_ordered" => expect.ordered = true,
            "eval_warn" => expect.warnings.push(Text::Any),
            "eval_info" => expect.infos.push(Text::Any),
            _ => {}
        }
        expect
    }

    /// Adds what a line of the block says.
    pub(super) fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("expect ") {
            return self.directive(rest.trim());
        }
        if let Some(message) = line.strip_prefix("expected_fail_message ") {
            self.fail = Some(Text::Is(message.trim().to_owned()));
            return Ok(());
        }
        if let Some(pattern) = line.strip_prefix("expected_fail_regexp ") {
            self.fail = Some(Text::Matches(
                Regex::new(pattern.trim()).map_err(|e| e.to_string())?,
            ));
            return Ok(());
        }
        if let Some(value) = parse_float(line) {
            self.scalar = Some(value);
            return Ok(());
        }
        let (labels, values) = notation::parse_series(line)?;
        self.needs_histograms |= values.contains(&SeriesValue::Histogram);
        self.series.push((labels, values));
        Ok(())
    }

    fn directive(&mut self, directive: &str) -> Result<(), String> {
        let (word, rest) = next_word(directive);
        match word {
            "fail" => self.fail = Some(text(rest)?),
            "warn" => self.warnings.push(text(rest)?),
            "info" => self.infos.push(text(rest)?),
            "no_warn" => self.no_warnings = true,
            "no_info" => self.no_infos = true,
            "ordered" => self.ordered = true,
            "string" => self.string = Some(notation::split_string(rest)?.0),
            "range" => {
                let rest = rest
                    .strip_prefix("vector from ")
                    .ok_or("expected 'vector from'")?;
                let (start, rest) = next_word(rest);
                let (_, rest) = next_word(rest.strip_prefix("to ").ok_or("expected 'to'")?);
                let (step, _) = next_word(rest.strip_prefix("step ").ok_or("expected 'step'")?);
                self.range = Some((time_ms(start)?, time_ms(step)?));
            }
            _ => return Err(format!("unknown expectation {directive:?}")),
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

/// `msg: …` or `regex: …`, without the position at its end.
fn text(rest: &str) -> Result<Text, String> {
    if let Some(message) = rest.strip_prefix("msg:") {
        return Ok(Text::Is(without_position(message.trim(), " (").to_owned()));
    }
    if let Some(pattern) = rest.strip_prefix("regex:") {
        let pattern = without_position(pattern.trim(), r" \(");
        return Regex::new(pattern).map(Text::Matches).map_err(|e| e.to_string());
    }
    if rest.is_empty() {
        Ok(Text::Any)
    } else {
        Err(format!("expected 'msg:' or 'regex:', got {rest:?}"))
    }
}

fn without_position<'a>(text: &'a str, open: &str) -> &'a str {
    match text.rsplit_once(open) {
        Some((head, tail)) if tail.ends_with(')') && tail.contains(':') && !tail.contains(' ') => head,
        _ => text,
    }
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
