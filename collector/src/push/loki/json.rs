//! The JSON push: `{"streams": [{"stream": {…}, "values": [["<ns>", "line", {…}], …]}]}`.
//!
//! Read straight into records by a visitor for the triples, without a tree in between.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use model::Labels;
use model::logs::LogRecord;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::{MAX_LABELS, MAX_LINES, WHAT, record, stream, too_many_lines};
use crate::push::PushError;

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    streams: Vec<Stream<'a>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow, default)]
    stream: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow, default)]
    values: Vec<Entry<'a>>,
}

struct Entry<'a> {
    timestamp_ns: i64,
    line: Cow<'a, str>,
    metadata: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

/// Text borrowed from the input where it holds no escapes; `Cow` alone would always copy.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of a timestamp in nanoseconds as string, a line, and optionally an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entry<'de>, A::Error> {
        let missing = |what| move || A::Error::custom(format_args!("a value has no {what}"));
        let Text(timestamp) = seq.next_element()?.ok_or_else(missing("timestamp"))?;
        let timestamp_ns = timestamp.parse().map_err(|_| {
            A::Error::custom(format_args!(
                "invalid timestamp {timestamp:?}: nanoseconds expected"
            ))
        })?;
        let Text(line) = seq.next_element()?.ok_or_else(missing("line"))?;
        let metadata = seq.next_element()?.unwrap_or_default();
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry {
            timestamp_ns,
            line,
            metadata,
        })
    }
}

/// Reads a push request in JSON.
///
/// # Errors
/// As for [`super::decode`].
pub fn decode_json(bytes: &[u8]) -> Result<Vec<LogRecord>, PushError> {
    let push: Push<'_> = serde_json::from_slice(bytes).map_err(|e| PushError::malformed(WHAT, &e))?;
    let lines: usize = push.streams.iter().map(|stream| stream.values.len()).sum();
    if lines > MAX_LINES {
        return Err(too_many_lines());
    }
    let mut records = Vec::with_capacity(lines);
    for one in push.streams {
        let labels = stream(&labels(&one.stream, "a stream")?)?;
        for entry in one.values {
            let metadata = self::labels(&entry.metadata, "the metadata of a line")?;
            records.push(record(
                &labels,
                entry.timestamp_ns,
                entry.line.into_owned(),
                &metadata,
            ));
        }
    }
    Ok(records)
}

fn labels(pairs: &BTreeMap<Cow<'_, str>, Cow<'_, str>>, what: &str) -> Result<Labels, PushError> {
    if pairs.len() > MAX_LABELS {
        return Err(PushError::malformed(
            WHAT,
            &format_args!("{what} has more than {MAX_LABELS} labels"),
        ));
    }
    Ok(Labels::from_pairs(
        pairs.iter().map(|(name, value)| (&**name, &**value)),
    ))
}
