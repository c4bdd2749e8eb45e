//! What a side answers, in a form that can be compared whichever way it came.

mod engine;
mod json;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::grammar::seconds;

/// Rows that are shown of an answer.
const SHOWN_ROWS: usize = 8;

/// Characters that are shown of a row.
const SHOWN_CHARS: usize = 320;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Value(Value),
    Error {
        /// `bad_data`, `execution`, …
        kind: String,
        text: String,
    },
}

/// The value of a query, with what goes with it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    /// `vector`, `matrix`, `scalar` or `string`.
    pub(crate) kind: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) warnings: BTreeSet<String>,
    pub(crate) infos: BTreeSet<String>,
}

/// One series of an answer; a number or a text is one without labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) labels: BTreeMap<String, String>,
    /// By time in milliseconds, floats first.
    pub(crate) cells: Vec<(i64, Cell)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Float(f64),
    Text(String),
    Histogram(Distribution),
}

/// A native histogram as answers show it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    /// None that are empty.
    pub(crate) buckets: Vec<Bucket>,
}

/// Which ends belong to it, the lower end, the upper end, the count.
pub(crate) type Bucket = (u64, f64, f64, f64);

impl Answer {
    /// The text of an error without what only HTTP adds to it.
    fn error(kind: &str, text: &str) -> Answer {
        let text = text.strip_prefix("invalid parameter \"query\": ").unwrap_or(text);
        Answer::Error {
            kind: kind.to_owned(),
            text: text.to_owned(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Error { kind, text } => writeln!(f, "    error {kind}: {text}"),
            Answer::Value(value) => value.fmt(f),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    {} of {}", self.kind, self.rows.len())?;
        self.rows.iter().take(SHOWN_ROWS).try_for_each(|row| {
            let text: String = row.to_string().chars().take(SHOWN_CHARS).collect();
            writeln!(f, "    {text}")
        })?;
        self.warnings
            .iter()
            .chain(&self.infos)
            .try_for_each(|text| writeln!(f, "    {text}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.labels)?;
        self.cells
            .iter()
            .try_for_each(|(at, cell)| write!(f, " {cell}@{}", seconds(*at)))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Float(value) => write!(f, "{value:?}"),
            Cell::Text(text) => write!(f, "{text:?}"),
            Cell::Histogram(h) => {
                write!(f, "{{count:{:?} sum:{:?}", h.count, h.sum)?;
                h.buckets.iter().try_for_each(|(ends, low, high, count)| {
                    let open = if matches!(ends, 1 | 3) { '[' } else { '(' };
                    let close = if matches!(ends, 0 | 3) { ']' } else { ')' };
                    write!(f, " {open}{low:?},{high:?}{close}:{count:?}")
                })?;
                f.write_str("}")
            }
        }
    }
}
