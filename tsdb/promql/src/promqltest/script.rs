//! From the text of a `.test` file to commands.

use model::Labels;
use model::labels::METRIC_NAME;
use model::promtime::parse_duration_ms;

use super::expect::Expect;
use crate::notation::{self, SeriesValue};
use crate::numeric::parse_float;

/// One thing to do.
pub(super) enum Command {
    Clear,
    Load(Load),
    Eval(Eval),
}

/// Series to load.
pub(super) struct Load {
    pub(super) step_ms: i64,
    pub(super) series: Vec<(Labels, Vec<SeriesValue>)>,
    /// Series that upstream's storage would have and ours cannot.
    pub(super) incomplete: Vec<Labels>,
}

/// An expression to evaluate.
pub(super) struct Eval {
    pub(super) line: usize,
    pub(super) query: String,
    pub(super) when: When,
    pub(super) expect: Expect,
}

/// When to evaluate it, in milliseconds.
#[derive(Clone, Copy)]
pub(super) enum When {
    Instant(i64),
    Range {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<Vec<Command>, String> {
    let mut commands = Vec::new();
    let mut lines = text.lines().map(str::trim).enumerate().peekable();
    while let Some((i, line)) = lines.next() {
        if is_gap(line) {
            continue;
        }
        let mut body = Vec::new();
        if !line.starts_with("clear") {
            while let Some((_, line)) = lines.next_if(|(_, line)| !is_gap(line)) {
                body.push(line);
            }
        }
        let command = command(i + 1, line, &body).map_err(|e| format!("line {}: {e}", i + 1))?;
        commands.push(command);
    }
    Ok(commands)
}

fn is_gap(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

fn command(number: usize, line: &str, body: &[&str]) -> Result<Command, String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match word {
        "clear" => Ok(Command::Clear),
        "load" | "load_with_nhcb" => load(rest, body, word == "load_with_nhcb").map(Command::Load),
        _ if word == "eval" || word.starts_with("eval_") => {
            eval(number, word, rest.trim(), body).map(Command::Eval)
        }
        _ => Err(format!("unknown command {word:?}")),
    }
}

fn load(step: &str, body: &[&str], native_buckets: bool) -> Result<Load, String> {
    let mut load = Load {
        step_ms: time_ms(step.trim())?,
        series: Vec::new(),
        incomplete: Vec::new(),
    };
    for line in body {
        let (labels, rest) = notation::split_labels(line)?;
        if rest.starts_with("@st") {
            load.incomplete.push(labels);
            continue;
        }
        if native_buckets && let Some(base) = labels.metric_name().strip_suffix("_bucket") {
            let base = labels.to_builder().set(METRIC_NAME, base).del("le").build();
            load.incomplete.push(base);
        }
        load.series.push((labels, notation::parse_values(rest)?));
    }
    Ok(load)
}

fn eval(line: usize, word: &str, rest: &str, body: &[&str]) -> Result<Eval, String> {
    let (when, query) = if let Some(rest) = rest.strip_prefix("instant at ") {
        let (at, query) = next_word(rest);
        (When::Instant(time_ms(at)?), query)
    } else {
        let rest = rest
            .strip_prefix("range from ")
            .ok_or("expected 'instant at' or 'range from'")?;
        let (start, rest) = next_word(rest);
        let (end, rest) = next_word(rest.strip_prefix("to ").ok_or("expected 'to'")?);
        let (step, query) = next_word(rest.strip_prefix("step ").ok_or("expected 'step'")?);
        let (start_ms, end_ms) = (time_ms(start)?, time_ms(end)?);
        (
            When::Range {
                start_ms,
                end_ms,
                step_ms: time_ms(step)?,
            },
            query,
        )
    };
    let mut expect = Expect::new(word);
    for line in body {
        expect.line(line)?;
    }
    Ok(Eval {
        line,
        query: query.to_owned(),
        when,
        expect,
    })
}

pub(super) fn next_word(text: &str) -> (&str, &str) {
    let (word, rest) = text
        .trim_start()
        .split_once(char::is_whitespace)
        .unwrap_or((text, ""));
    (word, rest.trim())
}

/// A time: a duration, maybe negative, or a number of seconds.
pub(super) fn time_ms(text: &str) -> Result<i64, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    match parse_duration_ms(digits) {
        Ok(ms) => Ok(sign * ms),
        Err(error) => parse_float(digits)
            .map(|s| sign * (s * 1000.0).round() as i64)
            .ok_or(error),
    }
}
