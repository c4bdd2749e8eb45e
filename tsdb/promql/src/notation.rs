//! Series as texts write them: `up{job="x"} 0+10x3 _ stale NaN`.
//!
//! This is the notation of rule unit tests and of the `.test` files: a metric, then values. `a+bxn` stands for
//! n+1 values that grow by b, `a-bxn` for such that fall, `axn` for n+1 equal ones, `_` for a gap, `_xn` for n
//! gaps, `stale` for a staleness marker. Native histograms are `{{count:2 sum:3 buckets:[1 1]}}` and so on, and grow as
//! floats do: `{{…}}+{{…}}x5`.

mod cursor;
mod histogram;

use std::fmt;

use model::labels::METRIC_NAME;
use model::metrics::{STALE_NAN, is_stale_nan};
use model::{Labels, LabelsBuilder};

use crate::numeric::{format_float, parse_float};
use cursor::Cursor;
pub use histogram::{Notation, WrittenHistogram};

/// At most so many values come of one series.
pub const MAX_VALUES: usize = 1_000_000;

/// One value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum SeriesValue {
    /// No sample.
    Gap,
    /// A float sample; a staleness marker is one.
    Float(f64),
    /// A native histogram.
    Histogram(WrittenHistogram),
}

impl fmt::Display for SeriesValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeriesValue::Gap => f.write_str("_"),
            SeriesValue::Float(x) if is_stale_nan(*x) => f.write_str("stale"),
            SeriesValue::Float(x) => f.write_str(&format_float(*x)),
            SeriesValue::Histogram(written) => Notation(&written.histogram).fmt(f),
        }
    }
}

/// Reads a metric with its labels: `up`, `up{job="x"}`, `{__name__="up"}`, `{"up", job="x"}`.
///
/// # Errors
/// The text is no such thing.
pub fn parse_labels(text: &str) -> Result<Labels, String> {
    let (labels, rest) = split_labels(text)?;
    if rest.trim().is_empty() {
        Ok(labels)
    } else {
        Err(format!("unexpected text after labels: {rest:?}"))
    }
}

/// Reads a metric and the values after it, one for each step.
///
/// # Errors
/// The text is no such thing or stands for more than [`MAX_VALUES`] values.
pub fn parse_series(text: &str) -> Result<(Labels, Vec<SeriesValue>), String> {
    let (labels, rest) = split_labels(text)?;
    Ok((labels, parse_values(rest)?))
}

/// Reads the values of a series, separated by spaces.
///
/// # Errors
/// As for [`parse_series`].
pub fn parse_values(text: &str) -> Result<Vec<SeriesValue>, String> {
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = item_end(rest);
        let (item, tail) = rest.split_at(end);
        push_item(item, &mut values)?;
        if values.len() > MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} values"));
        }
        rest = tail.trim_start();
    }
    Ok(values)
}

/// Where the first item ends: at a space, but not at one within `{{…}}`.
fn item_end(text: &str) -> usize {
    let mut from = 0;
    loop {
        let space = text
            .get(from..)
            .and_then(|t| t.find(char::is_whitespace))
            .map_or(text.len(), |i| from + i);
        let head = text.get(..space).unwrap_or(text);
        if head.matches("{{").count() <= head.matches("}}").count() || space == text.len() {
            return space;
        }
        from = space + 1;
    }
}

fn push_item(item: &str, values: &mut Vec<SeriesValue>) -> Result<(), String> {
    let bad = || format!("invalid value in series: {item:?}");
    if item.starts_with("{{") {
        return histogram::push_item(item, values);
    }
    if let Some(times) = item.strip_prefix("_x") {
        return push_times(values, times.parse().map_err(|_| bad())?, |_| SeriesValue::Gap);
    }
    match item {
        "_" => return push_times(values, 1, |_| SeriesValue::Gap),
        "stale" => return push_times(values, 1, |_| SeriesValue::Float(STALE_NAN)),
        _ => {}
    }
    if let Some(value) = parse_float(item) {
        return push_times(values, 1, |_| SeriesValue::Float(value));
    }
    let (progression, times) = item.rsplit_once('x').ok_or_else(bad)?;
    let times = times.parse::<usize>().map_err(|_| bad())?.saturating_add(1);
    let (start, step) = progression_of(progression).ok_or_else(bad)?;
    let mut value = start;
    push_times(values, times, |i| {
        if i > 0 {
            value += step;
        }
        SeriesValue::Float(value)
    })
}

fn push_times(
    values: &mut Vec<SeriesValue>,
    times: usize,
    value: impl FnMut(usize) -> SeriesValue,
) -> Result<(), String> {
    if times > MAX_VALUES {
        return Err(format!("more than {MAX_VALUES} values"));
    }
    values.extend((0..times).map(value));
    Ok(())
}

/// `a+b`, `a-b` or `a`: where it starts and how it grows. An exponent's sign is no operator.
fn progression_of(text: &str) -> Option<(f64, f64)> {
    if let Some(value) = parse_float(text) {
        return Some((value, 0.0));
    }
    let signs = text
        .char_indices()
        .skip(1)
        .filter(|(_, c)| matches!(c, '+' | '-'));
    for (i, sign) in signs {
        let (start, step) = (text.get(..i)?, text.get(i + 1..)?);
        if let (Some(start), Some(step)) = (parse_float(start), parse_float(step)) {
            return Some((start, if sign == '-' { -step } else { step }));
        }
    }
    None
}

/// The labels at the beginning of a text, and what follows them.
pub(crate) fn split_labels(text: &str) -> Result<(Labels, &str), String> {
    let mut cursor = Cursor::new(text.trim_start());
    let mut builder = LabelsBuilder::default();
    builder.set(METRIC_NAME, cursor.identifier());
    if cursor.eat('{') {
        loop {
            cursor.skip_spaces();
            if cursor.eat('}') {
                break;
            }
            let (name, quoted) = cursor.label_name()?;
            cursor.skip_spaces();
            if cursor.eat('=') {
                cursor.skip_spaces();
                builder.set(&name, &cursor.string()?);
            } else if quoted {
                builder.set(METRIC_NAME, &name);
            } else {
                return Err(format!("expected '=' after label name {name:?}"));
            }
            cursor.skip_spaces();
            if !cursor.eat(',') && !cursor.peek('}') {
                return Err("expected ',' or '}' in labels".to_owned());
            }
        }
    }
    Ok((builder.build(), cursor.rest()))
}

/// A quoted text at the beginning of a text, and what follows it.
pub(crate) fn split_string(text: &str) -> Result<(String, &str), String> {
    let mut cursor = Cursor::new(text);
    let value = cursor.string()?;
    Ok((value, cursor.rest()))
}

#[cfg(test)]
mod tests;
