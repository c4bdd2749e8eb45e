//! How a batch gets in: checked against the bounds, encoded, written to the log, and shown in the head.
//!
//! Checking, encoding and copying happen before the lock; under it stand one write and the insertion.

use std::sync::Arc;

use model::logs::{LogRecord, LogSink};
use model::{Labels, StoreError};
use rustc_hash::FxHashMap;

use crate::day::day_of;
use crate::head::{Entry, Run};
use crate::store::Logs;
use crate::{retention, wal};

/// More text of names and values in a stream's labels is refused.
const MAX_STREAM_BYTES: usize = 16 << 10;

/// A larger batch, encoded, is refused; whoever sends it can send it in parts.
const MAX_BATCH_BYTES: usize = 64 << 20;

impl LogSink for Logs {
    fn append(&self, records: &[LogRecord]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        self.append_batch(records)
            .inspect_err(|_| self.counters.refused_batches.add(1))
    }
}

impl Logs {
    fn append_batch(&self, records: &[LogRecord]) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        records.iter().try_for_each(|record| self.check(record, now_ms))?;
        let mut batch = wal::encode_batch(records);
        limit("bytes of a batch", batch.len(), MAX_BATCH_BYTES)?;
        let streams = by_stream(records);

        let mut wal = self.wal.lock();
        if let Some(why) = self.poisoned_by.lock().clone() {
            return Err(StoreError::ReadOnly(why));
        }
        self.check_head(&streams)?;
        let first_seq = wal.next_seq;
        wal::set_first_seq(&mut batch, first_seq);
        wal.log
            .append([(wal::KIND_BATCH, batch.as_slice())])
            .map_err(|e| self.wal_failed(&wal, e))?;
        wal.next_seq += records.len() as u64;
        let mut state = self.state.write();
        for (stream, mut entries) in streams {
            for entry in &mut entries {
                entry.seq += first_seq;
            }
            state.head.insert(stream, Run::from(entries), now_ms);
        }
        drop(state);
        drop(wal);
        self.counters.appended_lines.add(records.len() as u64);
        self.counters
            .appended_bytes
            .add(records.iter().map(|r| r.line.len() as u64).sum());
        Ok(())
    }

    fn check(&self, record: &LogRecord, now_ms: i64) -> Result<(), StoreError> {
        let options = &self.options;
        limit("bytes of a line", record.line.len(), options.max_line_bytes)?;
        limit(
            "bytes of structured metadata",
            text_bytes(&record.metadata),
            options.max_metadata_bytes,
        )?;
        limit(
            "bytes of stream labels",
            text_bytes(&record.stream),
            MAX_STREAM_BYTES,
        )?;
        let timestamp_ms = record.timestamp_ns.div_euclid(1_000_000);
        if retention::is_expired(day_of(record.timestamp_ns), now_ms, options.retention_ms) {
            return Err(StoreError::Invalid(format!(
                "line of stream {} has timestamp too old: {}, older than the retention",
                record.stream, record.timestamp_ns
            )));
        }
        if timestamp_ms > now_ms.saturating_add(options.max_future_ms) {
            return Err(StoreError::Invalid(format!(
                "line of stream {} has timestamp too new: {}",
                record.stream, record.timestamp_ns
            )));
        }
        Ok(())
    }

    /// The bounds on what is not in blocks yet. Called under the log's lock, so no other batch slips in between.
    fn check_head(&self, streams: &FxHashMap<Labels, Vec<Entry>>) -> Result<(), StoreError> {
        let state = self.state.read();
        let sealed = state.sealed.as_ref().map_or(0, |s| s.head.bytes());
        if state.head.bytes() + sealed > self.options.max_head_bytes {
            return Err(StoreError::Limit {
                what: "bytes of lines not yet in blocks",
                limit: self.options.max_head_bytes,
            });
        }
        let new = streams
            .keys()
            .filter(|stream| !state.head.contains(stream))
            .count();
        limit(
            "streams",
            state.head.stream_count() + new,
            self.options.max_streams,
        )
    }
}

/// Lines of each stream in the order of arrival, numbered from 0 over the whole batch.
fn by_stream(records: &[LogRecord]) -> FxHashMap<Labels, Vec<Entry>> {
    let mut streams: FxHashMap<Labels, Vec<Entry>> = FxHashMap::default();
    for (i, record) in records.iter().enumerate() {
        let entry = Entry::new(record, i as u64);
        match streams.get_mut(&record.stream) {
            Some(entries) => entries.push(entry),
            None => drop(streams.insert(record.stream.clone(), vec![entry])),
        }
    }
    streams
}

fn limit(what: &'static str, value: usize, limit: usize) -> Result<(), StoreError> {
    if value <= limit {
        return Ok(());
    }
    let limit = limit as u64;
    Err(StoreError::Limit { what, limit })
}

fn text_bytes(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Puts replayed lines into a head, as they arrived.
pub(crate) fn insert_replayed(head: &mut crate::head::Head, batch: Vec<(Labels, Entry)>, now_ms: i64) {
    let mut streams: FxHashMap<Labels, Vec<Entry>> = FxHashMap::default();
    for (stream, entry) in batch {
        streams.entry(stream).or_default().push(entry);
    }
    for (stream, entries) in streams {
        head.insert(stream, Arc::from(entries), now_ms);
    }
}
