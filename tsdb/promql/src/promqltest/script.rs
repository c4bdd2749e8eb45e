//! From the text of a `.test` file to commands.
//!
//! Lines are trimmed, and those that begin with `#` count as blank; a blank line ends a block.

use model::promtime::parse_duration_ms;

use super::expect::Expect;
use super::load::Load;
use crate::numeric::parse_float;

/// One thing to do.
pub(super) enum Command {
    Clear,
    Load(Load),
    Eval(Box<Eval>),
}

/// An expression to evaluate.
pub(super) struct Eval {
    pub(super) query: String,
    pub(super) when: When,
    pub(super) expect: Expect,
}

/// When to evaluate it, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Instant(i64),
    Range(Times),
}

/// Times from a first to a last one, both inclusive, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) step_ms: i64,
}

/// A line with its number, counted from 1.
pub(super) type Line<'a> = (usize, &'a str);

/// Reads a file: each command with its line.
pub(super) fn parse(text: &str) -> Result<Vec<(usize, Command)>, String> {
    let mut commands = Vec::new();
    let mut lines = (1..).zip(text.lines().map(str::trim)).peekable();
    while let Some((number, line)) = lines.next() {
        if is_gap(line) {
            continue;
        }
        let mut body = Vec::new();
        if !line.eq_ignore_ascii_case("clear") {
            while let Some(line) = lines.next_if(|(_, line)| !is_gap(line)) {
                body.push(line);
            }
        }
        let command =
            command(line, &body).map_err(|(at, e)| format!("line {}: {e}", at.unwrap_or(number)))?;
        commands.push((number, command));
    }
    Ok(commands)
}

fn is_gap(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

/// What is wrong, and in which line of a block if not in its first.
pub(super) type Wrong = (Option<usize>, String);

fn command(line: &str, body: &[Line<'_>]) -> Result<Command, Wrong> {
    let (word, rest) = next_word(line);
    match word {
        "clear" => Ok(Command::Clear),
        "load" | "load_with_nhcb" => {
            let step_ms = time_ms(rest).map_err(|e| (None, e))?;
            Load::parse(step_ms, word == "load_with_nhcb", body).map(Command::Load)
        }
        _ if word == "eval" || word.starts_with("eval_") => {
            eval(word, rest, body).map(|eval| Command::Eval(Box::new(eval)))
        }
        _ => Err((None, format!("unknown command {word:?}"))),
    }
}

fn eval(word: &str, rest: &str, body: &[Line<'_>]) -> Result<Eval, Wrong> {
    let (when, query) = when(rest).map_err(|e| (None, e))?;
    let mut expect = Expect::new(word).map_err(|e| (None, e))?;
    for (number, line) in body {
        expect.line(line).map_err(|e| (Some(*number), e))?;
    }
    let several = expect.series.iter().find(|(_, values)| values.len() > 1);
    if let (When::Instant(_), None, Some((labels, _))) = (when, expect.range, several) {
        return Err((None, format!("{labels} has several values at one time")));
    }
    Ok(Eval {
        query: query.to_owned(),
        when,
        expect,
    })
}

fn when(text: &str) -> Result<(When, &str), String> {
    let (word, rest) = next_word(text);
    match word {
        "instant" => {
            let (at, query) = next_word(expect_word(rest, "at")?);
            Ok((When::Instant(time_ms(at)?), query))
        }
        "range" => {
            let (times, query) = times(rest)?;
            Ok((When::Range(times), query))
        }
        _ => Err("expected 'instant at' or 'range from'".to_owned()),
    }
}

/// `from A to B step C`, and what follows.
pub(super) fn times(text: &str) -> Result<(Times, &str), String> {
    let (start, rest) = next_word(expect_word(text, "from")?);
    let (end, rest) = next_word(expect_word(rest, "to")?);
    let (step, rest) = next_word(expect_word(rest, "step")?);
    let times = Times {
        start_ms: time_ms(start)?,
        end_ms: time_ms(end)?,
        step_ms: time_ms(step)?,
    };
    if times.end_ms < times.start_ms {
        return Err(format!("{end} is before {start}"));
    }
    Ok((times, rest))
}

fn expect_word<'a>(text: &'a str, expected: &str) -> Result<&'a str, String> {
    match next_word(text) {
        (word, rest) if word == expected => Ok(rest),
        (word, _) => Err(format!("expected '{expected}', got {word:?}")),
    }
}

/// The first word of a text, and what follows it.
pub(super) fn next_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
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
