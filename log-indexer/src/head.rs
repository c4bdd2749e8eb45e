//! The head: lines not yet in blocks, in memory, by stream, in the order of arrival.
//!
//! A batch's lines of one stream stay together behind one reference count and never change, so a reader takes the
//! references under the lock and scans without it. Cost of a line: its text and some 100 bytes.

use std::sync::Arc;

use model::Labels;
use model::logs::LogRecord;
use rustc_hash::FxHashMap;

use crate::codec::Extras;

/// What an entry takes besides its text, roughly, for the bounds on memory.
const ENTRY_OVERHEAD: usize = 96;

/// What a line's columns take in a block, roughly.
const COLUMN_BYTES: usize = 8;

/// A line without its stream.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) timestamp_ns: i64,
    /// The number of its arrival, unique in the store: what orders lines of equal time.
    pub(crate) seq: u64,
    pub(crate) line: Box<str>,
    pub(crate) extras: Extras,
}

impl Entry {
    pub(crate) fn new(record: &LogRecord, seq: u64) -> Entry {
        Entry {
            timestamp_ns: record.timestamp_ns,
            seq,
            line: record.line.as_str().into(),
            extras: Extras {
                metadata: record.metadata.clone(),
                trace_id: record.trace_id,
                span_id: record.span_id,
            },
        }
    }

    pub(crate) fn to_record(&self, stream: &Labels) -> LogRecord {
        LogRecord {
            timestamp_ns: self.timestamp_ns,
            stream: stream.clone(),
            line: self.line.to_string(),
            metadata: self.extras.metadata.clone(),
            trace_id: self.extras.trace_id,
            span_id: self.extras.span_id,
        }
    }

    /// What it takes in a block, before compression, roughly: some bytes of columns, metadata, text.
    pub(crate) fn stored_bytes(&self) -> usize {
        let metadata = self.extras.metadata.iter().map(|(n, v)| n.len() + v.len());
        self.line.len() + metadata.sum::<usize>() + COLUMN_BYTES
    }
}

/// Lines of one stream that arrived together.
pub(crate) type Run = Arc<[Entry]>;

/// What arrived for one stream, and the times it spans.
#[derive(Debug)]
pub(crate) struct HeadStream {
    pub(crate) runs: Vec<Run>,
    first_ns: i64,
    last_ns: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Head {
    streams: FxHashMap<Labels, HeadStream>,
    bytes: u64,
    lines: u64,
    since_ms: Option<i64>,
}

impl Head {
    /// Adds lines of one stream; `now_ms` dates the head by its first arrival.
    pub(crate) fn insert(&mut self, stream: Labels, run: Run, now_ms: i64) {
        let times = || run.iter().map(|e| e.timestamp_ns);
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return;
        };
        self.since_ms.get_or_insert(now_ms);
        self.lines += run.len() as u64;
        self.bytes += run
            .iter()
            .map(|e| (e.stored_bytes() + ENTRY_OVERHEAD) as u64)
            .sum::<u64>();
        let known = self.streams.entry(stream).or_insert_with(|| HeadStream {
            runs: Vec::new(),
            first_ns: first,
            last_ns: last,
        });
        known.first_ns = known.first_ns.min(first);
        known.last_ns = known.last_ns.max(last);
        known.runs.push(run);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Bytes of memory, roughly.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// When its first line arrived, in milliseconds.
    pub(crate) fn since_ms(&self) -> Option<i64> {
        self.since_ms
    }

    pub(crate) fn stream_count(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn contains(&self, stream: &Labels) -> bool {
        self.streams.contains_key(stream)
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = (&Labels, &HeadStream)> {
        self.streams.iter()
    }

    /// The streams that `wanted` accepts and that span a part of `[start_ns, end_ns)`.
    pub(crate) fn select(
        &self,
        start_ns: i64,
        end_ns: i64,
        wanted: impl Fn(&Labels) -> bool,
        into: &mut Vec<(Labels, Vec<Run>)>,
    ) {
        for (labels, stream) in &self.streams {
            if stream.first_ns < end_ns && stream.last_ns >= start_ns && wanted(labels) {
                into.push((labels.clone(), stream.runs.clone()));
            }
        }
    }
}
