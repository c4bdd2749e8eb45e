//! `prometheus.ReadRequest`.

use collector::push::wire::{Message, WireError};
use model::{MatchOp, Matcher};

use super::ReadError;

/// Queries in one request at most.
const MAX_QUERIES: usize = 100;

/// How the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One message.
    Samples,
    /// Frames of chunks.
    Streamed,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct ReadRequest {
    pub(super) queries: Vec<Query>,
    pub(super) kind: Kind,
}

/// One of the queries.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) matchers: Vec<Matcher>,
}

fn malformed(error: WireError) -> ReadError {
    ReadError::Request(error.to_string())
}

impl ReadRequest {
    pub(super) fn decode(bytes: &[u8]) -> Result<ReadRequest, ReadError> {
        let (mut queries, mut kinds) = (Vec::new(), Vec::new());
        for field in Message::new(bytes) {
            let field = field.map_err(malformed)?;
            match field.number {
                1 if queries.len() < MAX_QUERIES => {
                    queries.push(Query::decode(field.message().map_err(malformed)?)?);
                }
                1 => return Err(ReadError::Request(format!("more than {MAX_QUERIES} queries"))),
                // A packed list or a single one.
                2 => match field.bytes() {
                    Ok(list) => kinds.extend(list.iter().map(|kind| i64::from(*kind))),
                    Err(_) => kinds.push(field.int64().map_err(malformed)?),
                },
                _ => {}
            }
        }
        let kind = kind(&kinds)?;
        Ok(ReadRequest { queries, kind })
    }
}

/// The first kind of those that the client takes that is known here. Clients of old name none.
fn kind(accepted: &[i64]) -> Result<Kind, ReadError> {
    let known = |number: &i64| match number {
        0 => Some(Kind::Samples),
        1 => Some(Kind::Streamed),
        _ => None,
    };
    if accepted.is_empty() {
        return Ok(Kind::Samples);
    }
    accepted.iter().find_map(known).ok_or_else(|| {
        let why = "server does not support any of the requested response types";
        ReadError::Request(format!(
            "{why}: {accepted:?}; supported: SAMPLES, STREAMED_XOR_CHUNKS"
        ))
    })
}

impl Query {
    fn decode(message: Message<'_>) -> Result<Query, ReadError> {
        let mut query = Query {
            start_ms: 0,
            end_ms: 0,
            matchers: Vec::new(),
        };
        let mut hinted = None;
        for field in message {
            let field = field.map_err(malformed)?;
            match field.number {
                1 => query.start_ms = field.int64().map_err(malformed)?,
                2 => query.end_ms = field.int64().map_err(malformed)?,
                3 => query.matchers.push(matcher(field.message().map_err(malformed)?)?),
                4 => hinted = Some(hints(field.message().map_err(malformed)?).map_err(malformed)?),
                _ => {}
            }
        }
        // What the client will look at, which is not more than it asks for.
        if let Some((start_ms, end_ms)) = hinted.filter(|(start, end)| start < end) {
            query.start_ms = query.start_ms.max(start_ms);
            query.end_ms = query.end_ms.min(end_ms);
        }
        Ok(query)
    }
}

/// The range of `prometheus.ReadHints`; the rest is about functions that are not evaluated here.
fn hints(message: Message<'_>) -> Result<(i64, i64), WireError> {
    let (mut start_ms, mut end_ms) = (0, 0);
    for field in message {
        let field = field?;
        match field.number {
            3 => start_ms = field.int64()?,
            4 => end_ms = field.int64()?,
            _ => {}
        }
    }
    Ok((start_ms, end_ms))
}

fn matcher(message: Message<'_>) -> Result<Matcher, ReadError> {
    let (mut op, mut name, mut value) = (0, "", "");
    for field in message {
        let field = field.map_err(malformed)?;
        match field.number {
            1 => op = field.int64().map_err(malformed)?,
            2 => name = field.text().map_err(malformed)?,
            3 => value = field.text().map_err(malformed)?,
            _ => {}
        }
    }
    let op = match op {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        _ => return Err(ReadError::Request("invalid matcher type".to_owned())),
    };
    Matcher::new(name, op, value).map_err(|e| ReadError::Request(e.to_string()))
}
