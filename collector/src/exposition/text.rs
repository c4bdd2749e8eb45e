//! Prometheus text: blanks anywhere, comments, free lines, whole milliseconds.

use model::metrics::MetricType;

use super::Format;
use super::cursor::{Cursor, Identifier};
use super::error::Fault;
use super::event::{Event, Series};
use super::number::{parse_float, parse_millis};
use super::parser::series;

pub(super) fn next<'a>(cursor: &mut Cursor<'a>) -> Result<Event<'a>, Fault> {
    loop {
        cursor.skip_blanks();
        match cursor.peek() {
            None => return Ok(Event::Eof),
            Some(b'\n') => cursor.at += 1,
            Some(b'#') => return comment(cursor),
            Some(b) if b == b'{' || b == b'_' || b == b':' || b.is_ascii_alphabetic() => {
                let start = cursor.at;
                series(cursor, Format::Text)?;
                return after_series(cursor, start);
            }
            Some(_) => return Err(cursor.expected("a valid start token")),
        }
    }
}

/// Value, timestamp and end of line.
pub(super) fn after_series<'a>(cursor: &mut Cursor<'a>, start: usize) -> Result<Event<'a>, Fault> {
    let raw = cursor.slice(start, cursor.at);
    cursor.skip_blanks();
    let at = cursor.at;
    let value = cursor.until(|b| matches!(b, b'{' | b' ' | b'\t' | b'\n'));
    if value.is_empty() || value.first() == Some(&0) || (at == start + raw.len() && !raw.ends_with(b"}")) {
        cursor.at = at;
        return Err(cursor.expected("value after metric"));
    }
    let value = parse_float(value).map_err(|message| Fault::new(at, message))?;
    cursor.skip_blanks();
    let at = cursor.at;
    let digits = cursor.until(|b| !b.is_ascii_digit() && b != b'-');
    let timestamp_ms = match digits {
        [] => None,
        digits => Some(parse_millis(digits).map_err(|message| Fault::new(at, message))?),
    };
    cursor.skip_blanks();
    match (cursor.peek(), timestamp_ms) {
        (None, _) => {}
        (Some(b'\n'), _) => cursor.at += 1,
        (Some(_), None) => return Err(cursor.expected("timestamp or new record")),
        (Some(_), Some(_)) => return Err(cursor.expected("next entry after timestamp")),
    }
    Ok(Event::Series(Series {
        raw,
        value,
        timestamp_ms,
        exemplar: None,
    }))
}

fn comment<'a>(cursor: &mut Cursor<'a>) -> Result<Event<'a>, Fault> {
    let start = cursor.at;
    cursor.at += 1;
    let keyword = if cursor.skip_blanks() {
        keyword(cursor)
    } else {
        None
    };
    let Some(keyword) = keyword else {
        cursor.line_rest();
        let text = cursor.slice(start, cursor.at);
        cursor.eat(b"\n");
        return Ok(Event::Comment(text));
    };
    let family = match cursor.quoted(true) {
        Some(quoted) => quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or(quoted),
        None => {
            let missing = |cursor: &Cursor<'_>| cursor.expected(&format!("metric name after {keyword}"));
            cursor
                .identifier(Identifier::Metric)
                .ok_or_else(|| missing(cursor))?
        }
    };
    let family = cursor.text(family, "metric name")?;
    let at = cursor.at;
    let line = cursor.line_rest();
    // One character separates the name from the text; what follows belongs to the text.
    let rest = line.get(1..).unwrap_or(&[]);
    cursor.eat(b"\n");
    if keyword == "HELP" {
        return Ok(Event::Help {
            family,
            text: cursor.text(rest, "help text")?,
        });
    }
    let found = std::str::from_utf8(rest).ok().and_then(text_type);
    let bad = || {
        Fault::new(
            at,
            format!("invalid metric type {:?}", String::from_utf8_lossy(rest)),
        )
    };
    Ok(Event::Type {
        family,
        metric_type: found.ok_or_else(bad)?,
    })
}

/// `HELP` or `TYPE` with blanks behind it; anything else is a mere comment.
fn keyword(cursor: &mut Cursor<'_>) -> Option<&'static str> {
    let start = cursor.at;
    let word = ["HELP", "TYPE"]
        .into_iter()
        .find(|word| cursor.eat(word.as_bytes()))?;
    if !cursor.skip_blanks() {
        cursor.at = start;
        return None;
    }
    Some(word)
}

fn text_type(word: &str) -> Option<MetricType> {
    match word {
        "counter" => Some(MetricType::Counter),
        "gauge" => Some(MetricType::Gauge),
        "histogram" => Some(MetricType::Histogram),
        "summary" => Some(MetricType::Summary),
        "untyped" => Some(MetricType::Unknown),
        _ => None,
    }
}
