//! The console's search for lines, page by page, and its counts over time.

use axum::extract::State;
use axum::response::Response;
use log_indexer::logql;
use model::logs::{Direction, LogQuery, LogRecord, LogStore};
use model::spans::TraceId;
use serde::Serialize;

use super::params::{self, QUERY_SINCE_MS};
use super::streams::LabelMap;
use super::{LokiState, error::LokiError};
use crate::prometheus::envelope::{ApiError, success};
use crate::prometheus::params::Params;

/// No cursor points behind more lines of one and the same time.
const MAX_SKIP: usize = 500_000;

/// Without a step there are so many counts.
const DEFAULT_COUNTS: i64 = 60;

/// Where the next page begins: at a time of which so many lines were shown already. Lines of equal time keep the order of
/// their arrival, so counting them is enough to lose and repeat none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    timestamp_ns: i64,
    skip: usize,
}

impl Cursor {
    fn parse(text: &str) -> Option<Cursor> {
        let (timestamp, skip) = text.split_once('_')?;
        let skip = skip.parse().ok().filter(|skip| *skip <= MAX_SKIP)?;
        Some(Cursor {
            timestamp_ns: timestamp.parse().ok()?,
            skip,
        })
    }

    /// The cursor after a page that itself began at `self`.
    fn after(page: &[LogRecord], began: Option<Cursor>) -> Option<Cursor> {
        let timestamp_ns = page.last()?.timestamp_ns;
        let shown = page
            .iter()
            .rev()
            .take_while(|r| r.timestamp_ns == timestamp_ns)
            .count();
        let before = began
            .filter(|cursor| cursor.timestamp_ns == timestamp_ns)
            .map_or(0, |cursor| cursor.skip);
        Some(Cursor {
            timestamp_ns,
            skip: shown + before,
        })
    }

    fn text(self) -> String {
        format!("{}_{}", self.timestamp_ns, self.skip)
    }
}

#[derive(Serialize)]
struct Page<'a> {
    lines: Vec<Line<'a>>,
    /// `null` where no more lines follow.
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    /// Nanoseconds, as text: JSON's numbers in a browser do not hold them.
    timestamp: String,
    line: &'a str,
    stream: LabelMap<'a>,
    metadata: LabelMap<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
}

impl<'a> From<&'a LogRecord> for Line<'a> {
    fn from(record: &'a LogRecord) -> Self {
        Line {
            timestamp: record.timestamp_ns.to_string(),
            line: &record.line,
            stream: LabelMap(&record.stream),
            metadata: LabelMap(&record.metadata),
            trace_id: record.trace_id.map(|id| id.to_string()),
            span_id: record.span_id.map(|id| id.to_string()),
        }
    }
}

pub(super) async fn search(State(state): State<LokiState>, params: Params) -> Result<Response, ApiError> {
    let mut query = conditions(&params, state.clock.now_ns())?;
    let limit = params::limit(&params)?;
    query.direction = params::direction(&params)?;
    let cursor = params
        .get("cursor")
        .map(|text| {
            Cursor::parse(text).ok_or_else(|| ApiError::parameter("cursor", "not one of this server's"))
        })
        .transpose()?;
    if let Some(cursor) = cursor {
        match query.direction {
            Direction::Backward => query.end_ns = query.end_ns.min(cursor.timestamp_ns.saturating_add(1)),
            Direction::Forward => query.start_ns = query.start_ns.max(cursor.timestamp_ns),
        }
    }
    let skip = cursor.map_or(0, |cursor| cursor.skip);
    // One more than is shown tells whether there is a next page.
    query.limit = limit + skip + 1;
    let ask = move |logs: &dyn LogStore| Ok(page(&logs.query(&query)?, cursor, limit));
    state.ask(ask).await
}

/// At most `limit` lines of those found from the cursor's time on.
fn page(found: &[LogRecord], cursor: Option<Cursor>, limit: usize) -> Response {
    let shown = found
        .iter()
        .take(cursor.map_or(0, |cursor| cursor.skip))
        .take_while(|line| cursor.is_some_and(|cursor| cursor.timestamp_ns == line.timestamp_ns))
        .count();
    let rest = found.get(shown..).unwrap_or_default();
    let lines = rest.get(..limit).unwrap_or(rest);
    let next = Cursor::after(lines, cursor).filter(|_| rest.len() > limit);
    success(&Page {
        lines: lines.iter().map(Line::from).collect(),
        cursor: next.map(Cursor::text),
    })
}

#[derive(Serialize)]
struct Counts {
    counts: Vec<Count>,
}

#[derive(Serialize)]
struct Count {
    /// Nanoseconds, as text.
    start: String,
    count: u64,
}

pub(super) async fn counts(State(state): State<LokiState>, params: Params) -> Result<Response, ApiError> {
    let query = conditions(&params, state.clock.now_ns())?;
    let step_ns = match params.duration_ms("step")? {
        Some(ms) => ms.saturating_mul(1_000_000),
        None => (query.end_ns.saturating_sub(query.start_ns) / DEFAULT_COUNTS).max(1),
    };
    let ask = move |logs: &dyn LogStore| {
        let counts = logs.count(&query, step_ns)?.into_iter().map(|c| Count {
            start: c.start_ns.to_string(),
            count: c.count,
        });
        Ok(success(&Counts {
            counts: counts.collect(),
        }))
    };
    state.ask(ask).await
}

/// What both have in common: selector, words, trace and range.
fn conditions(params: &Params, now_ns: i64) -> Result<LogQuery, ApiError> {
    let range = params::range(params, now_ns, QUERY_SINCE_MS)?;
    let mut query = LogQuery {
        text: params.get("text").map(str::to_owned),
        start_ns: range.start_ns,
        end_ns: range.end_ns,
        ..LogQuery::default()
    };
    if let Some(text) = params.get("query").filter(|text| !text.trim().is_empty()) {
        let selector = logql::parse(text).map_err(LokiError::from)?;
        query.matchers = selector.matchers;
        query.filters = selector.filters;
    }
    if let Some(hex) = params.get("trace_id") {
        let id = TraceId::from_hex(hex.trim());
        query.trace_id = Some(id.ok_or_else(|| ApiError::parameter("trace_id", "not up to 32 hex digits"))?);
    }
    Ok(query)
}
