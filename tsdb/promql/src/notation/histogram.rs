//! Native histograms as texts write them: `{{schema:1 count:4 sum:9.5 buckets:[1 2 1] offset:-1}}`.
//!
//! Keys may be left out and come in any order: `schema`, `count`, `sum`, `z_bucket` and `z_bucket_w` (count and width of
//! the zero bucket), `buckets` and `offset` (positive counts side by side, and the index of the first), `n_buckets` and
//! `n_offset`, `custom_values`, `counter_reset_hint` (`unknown`, `reset`, `not_reset`, `gauge`). Nothing is checked
//! beyond the form: what is expected of a subtraction is no histogram that could be stored.

use std::fmt;
use std::sync::Arc;

use model::histogram::{CounterResetHint, Span};

use super::{MAX_VALUES, SeriesValue};
use crate::FloatHistogram;
use crate::histogram::{Short, Side};
use crate::numeric::parse_float;

/// A histogram as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenHistogram {
    /// It.
    pub histogram: Arc<FloatHistogram>,
    /// Whether a hint was written: where none is expected, every one will do.
    pub has_hint: bool,
}

/// Reads an item that begins with `{{`: one histogram, `{{…}}xN` or `{{…}}+{{…}}xN`, and appends its values.
pub(super) fn push_item(item: &str, values: &mut Vec<SeriesValue>) -> Result<(), String> {
    let (first, rest) = split_histogram(item)?;
    let first = parse(first)?;
    if rest.is_empty() {
        values.push(SeriesValue::Histogram(first));
        return Ok(());
    }
    let (sign, times) = (
        rest.get(..1).unwrap_or_default(),
        rest.get(1..).unwrap_or_default(),
    );
    if sign == "x" {
        let times = repeats(times, values.len())?;
        values.extend((0..=times).map(|_| SeriesValue::Histogram(first.clone())));
        return Ok(());
    }
    let (step, rest) = split_histogram(times)?;
    let step = parse(step)?;
    let times = rest
        .strip_prefix('x')
        .ok_or_else(|| format!("expected 'x' and a number after {item:?}"))?;
    let times = repeats(times, values.len())?;
    match sign {
        "+" => push_series(first, &step, times, FloatHistogram::add, values),
        "-" => push_series(first, &step, times, FloatHistogram::subtract, values),
        _ => Err(format!(
            "expected 'x', '+' or '-' after a histogram, got {rest:?}"
        )),
    }
}

type Merge = fn(&mut FloatHistogram, &FloatHistogram) -> Result<crate::MergeNotes, crate::MixedSchemas>;

fn push_series(
    first: WrittenHistogram,
    step: &WrittenHistogram,
    times: usize,
    merge: Merge,
    values: &mut Vec<SeriesValue>,
) -> Result<(), String> {
    if first.histogram.schema > step.histogram.schema {
        return Err(format!(
            "a series of histograms with schema {} cannot grow by one with the coarser schema {}",
            first.histogram.schema, step.histogram.schema
        ));
    }
    let mut current = FloatHistogram::clone(&first.histogram);
    let has_hint = step.has_hint;
    values.push(SeriesValue::Histogram(WrittenHistogram { has_hint, ..first }));
    for _ in 0..times {
        // What a reader should know of such a sum, whoever wrote the series knows.
        let _ = merge(&mut current, &step.histogram).map_err(|e| e.to_string())?;
        values.push(SeriesValue::Histogram(WrittenHistogram {
            histogram: Arc::new(current.clone()),
            has_hint,
        }));
    }
    Ok(())
}

/// What is between the braces, and what follows them.
fn split_histogram(text: &str) -> Result<(&str, &str), String> {
    let bad = || format!("expected a histogram in double braces at {text:?}");
    let inner = text.strip_prefix("{{").ok_or_else(bad)?;
    inner.split_once("}}").ok_or_else(bad)
}

fn repeats(times: &str, already: usize) -> Result<usize, String> {
    let times: usize = times
        .parse()
        .map_err(|_| format!("expected a number of repeats, got {times:?}"))?;
    if times.saturating_add(already) >= MAX_VALUES {
        return Err(format!("more than {MAX_VALUES} values"));
    }
    Ok(times)
}

/// Reads what is between the braces.
fn parse(text: &str) -> Result<WrittenHistogram, String> {
    let mut histogram = FloatHistogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    let mut has_hint = false;
    let mut seen: Vec<&str> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once(':')
            .ok_or_else(|| format!("expected a key and ':' in a histogram at {rest:?}"))?;
        if seen.contains(&key) {
            return Err(format!("{key:?} is in a histogram twice"));
        }
        seen.push(key);
        let (value, tail) = split_value(after)?;
        rest = tail.trim_start();
        match key {
            "schema" => histogram.schema = integer(value)?,
            "count" => histogram.count = float(value)?,
            "sum" => histogram.sum = float(value)?,
            "z_bucket" => histogram.zero_count = float(value)?,
            "z_bucket_w" => histogram.zero_threshold = float(value)?,
            "custom_values" => histogram.custom_values = floats(value)?.into(),
            "buckets" => histogram.positive.buckets = floats(value)?,
            "n_buckets" => histogram.negative.buckets = floats(value)?,
            "offset" => offset = integer(value)?,
            "n_offset" => negative_offset = integer(value)?,
            "counter_reset_hint" => {
                histogram.reset_hint = hint(value)?;
                has_hint = true;
            }
            _ => return Err(format!("unknown key {key:?} in a histogram")),
        }
    }
    histogram.positive.spans = one_span(offset, &histogram.positive)?;
    histogram.negative.spans = one_span(negative_offset, &histogram.negative)?;
    Ok(WrittenHistogram {
        histogram: Arc::new(histogram),
        has_hint,
    })
}

/// A value at the beginning of a text, a list with its brackets, and what follows it.
fn split_value(text: &str) -> Result<(&str, &str), String> {
    let end = if text.starts_with('[') {
        let end = text.find(']').ok_or_else(|| format!("missing ']' in {text:?}"))?;
        end + 1
    } else {
        text.find(char::is_whitespace).unwrap_or(text.len())
    };
    Ok(text.split_at(end))
}

fn one_span(offset: i32, side: &Side) -> Result<Vec<Span>, String> {
    let length = u32::try_from(side.buckets.len()).map_err(|e| e.to_string())?;
    i32::try_from(length)
        .ok()
        .and_then(|length| offset.checked_add(length))
        .ok_or("bucket indexes of a histogram do not fit 32 bits")?;
    Ok(if length == 0 {
        Vec::new()
    } else {
        vec![Span { offset, length }]
    })
}

fn float(text: &str) -> Result<f64, String> {
    parse_float(text).ok_or_else(|| format!("expected a number in a histogram, got {text:?}"))
}

fn floats(text: &str) -> Result<Vec<f64>, String> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let inner = inner.ok_or_else(|| format!("expected a list in brackets in a histogram, got {text:?}"))?;
    inner.split_whitespace().map(float).collect()
}

fn integer<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("expected a whole number in a histogram, got {text:?}"))
}

fn hint(text: &str) -> Result<CounterResetHint, String> {
    Ok(match text {
        "unknown" => CounterResetHint::Unknown,
        "reset" => CounterResetHint::Reset,
        "not_reset" => CounterResetHint::NoReset,
        "gauge" => CounterResetHint::Gauge,
        _ => return Err(format!("unknown counter reset hint {text:?}")),
    })
}

/// A histogram in this notation. Buckets that lie far apart are no list that anybody would read: those are written as
/// [`FloatHistogram`]'s `Display` does.
pub struct Notation<'a>(pub &'a FloatHistogram);

/// So many empty buckets in a row are written out.
const MAX_GAP: u32 = 256;

impl fmt::Display for Notation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut histogram = self.0.clone();
        histogram.compact(MAX_GAP);
        let FloatHistogram {
            positive, negative, ..
        } = &histogram;
        if positive.spans.len().max(negative.spans.len()) > 1 {
            return write!(f, "{histogram}");
        }
        let list = |numbers: &[f64]| {
            let numbers: Vec<String> = numbers.iter().map(|x| Short(*x).to_string()).collect();
            format!("[{}]", numbers.join(" "))
        };
        let mut parts = Vec::new();
        if histogram.schema != 0 {
            parts.push(format!("schema:{}", histogram.schema));
        }
        let numbers = [
            ("count", histogram.count),
            ("sum", histogram.sum),
            ("z_bucket", histogram.zero_count),
            ("z_bucket_w", histogram.zero_threshold),
        ];
        let told = numbers.iter().filter(|(_, x)| *x != 0.0);
        parts.extend(told.map(|(key, x)| format!("{key}:{}", Short(*x))));
        if histogram.has_custom_buckets() {
            parts.push(format!("custom_values:{}", list(&histogram.custom_values)));
        }
        match histogram.reset_hint {
            CounterResetHint::Unknown => {}
            CounterResetHint::Reset => parts.push("counter_reset_hint:reset".to_owned()),
            CounterResetHint::NoReset => parts.push("counter_reset_hint:not_reset".to_owned()),
            CounterResetHint::Gauge => parts.push("counter_reset_hint:gauge".to_owned()),
        }
        for (side, buckets, offset) in [
            (positive, "buckets", "offset"),
            (negative, "n_buckets", "n_offset"),
        ] {
            let first = side.spans.first().map_or(0, |span| span.offset);
            if first != 0 {
                parts.push(format!("{offset}:{first}"));
            }
            if !side.is_empty() {
                parts.push(format!("{buckets}:{}", list(&side.buckets)));
            }
        }
        write!(f, "{{{{{}}}}}", parts.join(" "))
    }
}
