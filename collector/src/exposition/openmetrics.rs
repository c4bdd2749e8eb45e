//! OpenMetrics: one blank where one belongs, seconds, exemplars, and `# EOF` at the end.

use model::metrics::MetricType;

use super::cursor::{Cursor, Identifier};
use super::error::Fault;
use super::event::{Event, Exemplar, Series};
use super::number::{parse_float, parse_seconds};
use super::parser::series;
use super::{Format, labels};

const NO_EOF: &str = "data does not end with # EOF";

pub(super) fn next<'a>(cursor: &mut Cursor<'a>) -> Result<Event<'a>, Fault> {
    let start = cursor.at;
    match cursor.peek() {
        None => Err(cursor.fault(NO_EOF)),
        Some(b'#') => metadata(cursor),
        Some(b) if b == b'{' || b == b'_' || b == b':' || b.is_ascii_alphabetic() => {
            series(cursor, Format::OpenMetrics)?;
            after_series(cursor, start)
        }
        Some(_) => Err(cursor.expected("a valid start token")),
    }
}

/// Value, timestamp, exemplar and end of line.
pub(super) fn after_series<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Event<'a>, Fault> {
    let raw = cursor.slice(start, cursor.at);
    let value = number(cursor, "value after metric")?;
    let mut timestamp_ms = None;
    if cursor.peek() == Some(b' ') && !cursor.rest().starts_with(b" # {") {
        timestamp_ms = Some(timestamp(cursor, "timestamp")?);
    }
    let exemplar = if cursor.eat(b" # {") {
        Some(exemplar(cursor)?)
    } else {
        None
    };
    let after = if timestamp_ms.is_some() {
        "next entry after timestamp"
    } else {
        "timestamp or new record"
    };
    end_of_line(cursor, after)?;
    Ok(Event::Series(Series {
        raw,
        value,
        timestamp_ms,
        exemplar,
    }))
}

fn token<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<(usize, &'a [u8]), Fault> {
    if !cursor.eat(b" ") {
        return Err(cursor.expected(what));
    }
    let at = cursor.at;
    match cursor.until(|b| matches!(b, b' ' | b'\n')) {
        [] => Err(cursor.expected(what)),
        token => Ok((at, token)),
    }
}

fn number(cursor: &mut Cursor<'_>, what: &str) -> Result<f64, Fault> {
    let (at, token) = token(cursor, what)?;
    parse_float(token).map_err(|message| Fault::new(at, message))
}

fn timestamp(cursor: &mut Cursor<'_>, what: &str) -> Result<i64, Fault> {
    let (at, token) = token(cursor, what)?;
    parse_seconds(token, what).map_err(|message| Fault::new(at, message))
}

fn exemplar<'a>(cursor: &mut Cursor<'a>) -> Result<Exemplar<'a>, Fault> {
    let start = cursor.at.saturating_sub(1);
    let ignore_name = &mut |_: &Cursor<'a>, _: &'a [u8]| Ok(());
    let ignore_pair = &mut |_: &Cursor<'a>, _: &'a [u8], _: &'a [u8]| Ok(());
    labels::walk(cursor, Format::OpenMetrics, false, ignore_name, ignore_pair)?;
    let raw_labels = cursor.slice(start, cursor.at);
    let value = number(cursor, "value after exemplar labels")?;
    let timestamp_ms = match cursor.peek() {
        Some(b' ') => Some(timestamp(cursor, "exemplar timestamp")?),
        _ => None,
    };
    Ok(Exemplar {
        raw_labels,
        value,
        timestamp_ms,
    })
}

fn end_of_line(cursor: &mut Cursor<'_>, what: &str) -> Result<(), Fault> {
    match cursor.peek() {
        Some(b'\n') => cursor.at += 1,
        None => return Err(cursor.fault(NO_EOF)),
        Some(_) => return Err(cursor.expected(what)),
    }
    Ok(())
}

fn metadata<'a>(cursor: &mut Cursor<'a>) -> Result<Event<'a>, Fault> {
    if cursor.eat(b"# EOF") {
        cursor.eat(b"\n");
        return match cursor.peek() {
            None => Ok(Event::Eof),
            Some(_) => Err(cursor.fault("unexpected data after # EOF")),
        };
    }
    let words = [("# HELP ", "HELP"), ("# TYPE ", "TYPE"), ("# UNIT ", "UNIT")];
    let word = words
        .into_iter()
        .find(|(prefix, _)| cursor.eat(prefix.as_bytes()));
    let Some((_, word)) = word else {
        return Err(cursor.expected("a valid start token"));
    };
    let family = match cursor.quoted(true) {
        Some(quoted) => quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or(quoted),
        None => {
            let missing = |cursor: &Cursor<'_>| cursor.expected(&format!("metric name after {word}"));
            cursor
                .identifier(Identifier::Metric)
                .ok_or_else(|| missing(cursor))?
        }
    };
    let family = cursor.text(family, "metric name")?;
    if !cursor.eat(b" ") {
        return Err(cursor.fault(format!("expected text in {word}")));
    }
    let at = cursor.at;
    let rest = cursor.line_rest();
    let rest = cursor.text(rest, "text")?;
    end_of_line(cursor, "end of line")?;
    match word {
        "HELP" => Ok(Event::Help { family, text: rest }),
        "TYPE" => {
            // Here, unlike in text, `untyped` is no type.
            let known = MetricType::parse(rest).filter(|_| rest != "untyped");
            let bad = || Fault::new(at, format!("invalid metric type {rest:?}"));
            Ok(Event::Type {
                family,
                metric_type: known.ok_or_else(bad)?,
            })
        }
        _ => unit(family, rest).map_err(|message| Fault::new(at, message)),
    }
}

/// A unit must be the last word of the family's name.
fn unit<'a>(family: &'a str, unit: &'a str) -> Result<Event<'a>, String> {
    let fits = family.strip_suffix(unit).is_some_and(|head| head.ends_with('_'));
    match unit.is_empty() || fits {
        true => Ok(Event::Unit { family, unit }),
        false => Err(format!("unit {unit:?} not a suffix of metric {family:?}")),
    }
}
