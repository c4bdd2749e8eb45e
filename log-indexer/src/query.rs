//! A query made ready: what a line must fulfil, which words its block must have, and the best lines so far. Pure.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use model::logs::{Direction, LineFilter, LogQuery, LogRecord};
use model::{Labels, StoreError};

use crate::codec::Extras;
use crate::words;

/// At most so many lines in one answer.
const MAX_LIMIT: usize = 1_000_000;

/// The conditions of a query.
pub(crate) struct Conditions<'a> {
    query: &'a LogQuery,
    /// The words of the text search, folded.
    text: Vec<String>,
    /// Words that a block without a match may lack.
    pub(crate) index_terms: Vec<String>,
}

impl<'a> Conditions<'a> {
    /// # Errors
    /// The text to search for has no word in it, or the limit is too large.
    pub(crate) fn new(query: &'a LogQuery) -> Result<Self, StoreError> {
        if query.limit > MAX_LIMIT {
            return Err(StoreError::Limit {
                what: "lines of one answer",
                limit: MAX_LIMIT as u64,
            });
        }
        let text = query.text.as_deref().unwrap_or_default();
        let folded = words::search_words(text);
        if folded.is_empty() && !text.trim().is_empty() {
            return Err(StoreError::Invalid(format!(
                "text search {text:?} has no word of letters or digits to look for"
            )));
        }
        let mut index_terms = words::index_terms_of_text(text);
        for filter in &query.filters {
            if let LineFilter::Contains(needle) = filter {
                index_terms.append(&mut words::index_terms_of_needle(needle));
            }
        }
        index_terms.extend(query.trace_id.map(|id| id.to_string()));
        // Long words are rare ones: with them first, the bound on their number costs nothing.
        index_terms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        index_terms.dedup();
        Ok(Conditions {
            query,
            text: folded,
            index_terms,
        })
    }

    pub(crate) fn wants_stream(&self, labels: &Labels) -> bool {
        self.query.matchers.iter().all(|m| m.matches_labels(labels))
    }

    /// Whether every line of the wanted streams and time is a match.
    pub(crate) fn accept_all_lines(&self) -> bool {
        self.text.is_empty() && self.query.filters.is_empty() && self.query.trace_id.is_none()
    }

    pub(crate) fn in_time(&self, timestamp_ns: i64) -> bool {
        (self.query.start_ns..self.query.end_ns).contains(&timestamp_ns)
    }

    /// Whether a line in time is a match; `extras` is asked for only where needed.
    pub(crate) fn accept<E: std::borrow::Borrow<Extras>>(&self, line: &str, extras: impl Fn() -> E) -> bool {
        if let Some(id) = self.query.trace_id
            && extras().borrow().trace_id != Some(id)
        {
            return false;
        }
        self.query.filters.iter().all(|f| f.accepts(line)) && self.has_words(line, extras)
    }

    fn has_words<E: std::borrow::Borrow<Extras>>(&self, line: &str, extras: impl Fn() -> E) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let mut missing: Vec<&str> = self.text.iter().map(String::as_str).collect();
        let mut scratch = String::new();
        words::strike_off(line, &mut missing, &mut scratch);
        if !missing.is_empty() {
            for (_, value) in extras().borrow().metadata.iter() {
                words::strike_off(value, &mut missing, &mut scratch);
            }
        }
        missing.is_empty()
    }
}

/// Where a line stands in an answer: smaller is earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    time: i64,
    seq: u64,
}

impl Rank {
    /// `!t` turns the order of `t` around without overflowing.
    pub(crate) fn new(direction: Direction, timestamp_ns: i64, seq: u64) -> Rank {
        let time = match direction {
            Direction::Forward => timestamp_ns,
            Direction::Backward => !timestamp_ns,
        };
        Rank { time, seq }
    }
}

/// The best `limit` lines so far.
pub(crate) struct Top {
    limit: usize,
    hits: BinaryHeap<Hit>,
}

struct Hit {
    rank: Rank,
    record: LogRecord,
}

impl Top {
    pub(crate) fn new(limit: usize) -> Top {
        Top {
            limit,
            hits: BinaryHeap::new(),
        }
    }

    /// Whether a line of this rank would still be taken.
    pub(crate) fn wants(&self, rank: Rank) -> bool {
        self.hits.len() < self.limit || self.hits.peek().is_some_and(|worst| rank < worst.rank)
    }

    /// Takes a line that is wanted.
    pub(crate) fn push(&mut self, rank: Rank, record: LogRecord) {
        self.hits.push(Hit { rank, record });
        if self.hits.len() > self.limit {
            self.hits.pop();
        }
    }

    pub(crate) fn into_sorted(self) -> Vec<LogRecord> {
        self.hits
            .into_sorted_vec()
            .into_iter()
            .map(|hit| hit.record)
            .collect()
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Hit {}
