//! How a batch gets in: each line checked against the bounds, the good ones encoded, written to the log and shown in
//! the head.
//!
//! Checking, encoding and copying happen before the lock; under it stand one write and the insertion. Only where the
//! bound on streams is met is a batch encoded a second time, under the lock.

use std::sync::Arc;

use model::logs::{LogAppendReport, LogRecord, LogSink, RejectedLine};
use model::{Labels, StoreError};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::day::day_of;
use crate::head::{Entry, Head, Run};
use crate::store::Logs;
use crate::{retention, wal};

/// More text of names and values in a stream's labels is refused.
const MAX_STREAM_BYTES: usize = 16 << 10;

/// A larger batch, encoded, is refused; whoever sends it can send it in parts.
const MAX_BATCH_BYTES: usize = 64 << 20;

impl LogSink for Logs {
    fn append(&self, records: &[LogRecord]) -> Result<LogAppendReport, StoreError> {
        let now_ms = self.clock.now_ms();
        let mut good = Vec::with_capacity(records.len());
        let mut rejected = Vec::new();
        for (index, record) in records.iter().enumerate() {
            match self.check(record, now_ms) {
                None => good.push((index, record)),
                Some(why) => rejected.push((index, why)),
            }
        }
        if !good.is_empty() {
            self.store(&mut good, &mut rejected, now_ms)
                .inspect_err(|_| self.counters.refused_batches.add(1))?;
        }
        rejected.sort_unstable_by_key(|(index, _)| *index);
        self.counters.refused_lines.add(rejected.len() as u64);
        Ok(LogAppendReport {
            stored: good.len(),
            rejected,
        })
    }
}

/// Good lines of a batch, each with its place in it.
type Good<'a> = Vec<(usize, &'a LogRecord)>;

/// Lines as the log and the head take them.
struct Prepared {
    batch: Vec<u8>,
    streams: FxHashMap<Labels, Vec<Entry>>,
}

impl Prepared {
    fn new(good: &Good<'_>) -> Result<Prepared, StoreError> {
        let records: Vec<&LogRecord> = good.iter().map(|(_, record)| *record).collect();
        let batch = wal::encode_batch(&records);
        if batch.len() > MAX_BATCH_BYTES {
            return Err(StoreError::Invalid(format!(
                "batch of lines exceeds {MAX_BATCH_BYTES} bytes; send less at once"
            )));
        }
        let streams = by_stream(&records);
        Ok(Prepared { batch, streams })
    }
}

impl Logs {
    /// Stores good lines, all but those beyond the bound on streams, which move to `rejected`.
    fn store(
        &self,
        good: &mut Good<'_>,
        rejected: &mut Vec<(usize, RejectedLine)>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut prepared = Prepared::new(good)?;
        let mut wal = self.wal.lock();
        if let Some(why) = self.poisoned_by.lock().clone() {
            return Err(StoreError::ReadOnly(why));
        }
        // Under the log's lock no other batch slips in between.
        if self.bound_streams(&prepared.streams, good, rejected)? {
            prepared = Prepared::new(good)?;
        }
        let Prepared { mut batch, streams } = prepared;
        let first_seq = wal.next_seq;
        wal::set_first_seq(&mut batch, first_seq);
        wal.log
            .append([(wal::KIND_BATCH, batch.as_slice())])
            .map_err(|e| self.wal_failed(&wal, e))?;
        wal.next_seq += good.len() as u64;
        let mut state = self.state.write();
        for (stream, mut entries) in streams {
            for entry in &mut entries {
                entry.seq += first_seq;
            }
            state.head.insert(stream, Run::from(entries), now_ms);
        }
        drop(state);
        drop(wal);
        self.counters.appended_lines.add(good.len() as u64);
        self.counters
            .appended_bytes
            .add(good.iter().map(|(_, r)| r.line.len() as u64).sum());
        Ok(())
    }

    /// What is wrong with a line for itself, if anything.
    fn check(&self, record: &LogRecord, now_ms: i64) -> Option<RejectedLine> {
        let options = &self.options;
        let timestamp_ms = record.timestamp_ns.div_euclid(1_000_000);
        if record.line.len() > options.max_line_bytes {
            Some(RejectedLine::LineTooLong)
        } else if text_bytes(&record.metadata) > options.max_metadata_bytes {
            Some(RejectedLine::MetadataTooLong)
        } else if text_bytes(&record.stream) > MAX_STREAM_BYTES {
            Some(RejectedLine::StreamLabelsTooLong)
        } else if retention::is_expired(day_of(record.timestamp_ns), now_ms, options.retention_ms) {
            Some(RejectedLine::TooOld)
        } else if timestamp_ms > now_ms.saturating_add(options.max_future_ms) {
            Some(RejectedLine::TooFarInFuture)
        } else {
            None
        }
    }

    /// The bounds on what is not in blocks yet. Takes out the lines of streams for which there is no room and says
    /// whether there were any; it is an error where none is left.
    fn bound_streams(
        &self,
        streams: &FxHashMap<Labels, Vec<Entry>>,
        good: &mut Good<'_>,
        rejected: &mut Vec<(usize, RejectedLine)>,
    ) -> Result<bool, StoreError> {
        let state = self.state.read();
        let (head, max_streams) = (&state.head, self.options.max_streams);
        let sealed = state.sealed.as_ref().map_or(0, |s| s.head.bytes());
        if head.bytes() + sealed > self.options.max_head_bytes {
            return Err(StoreError::Limit {
                what: "bytes of lines not yet in blocks",
                limit: self.options.max_head_bytes,
            });
        }
        let new = streams.keys().filter(|stream| !head.contains(stream)).count();
        if head.stream_count() + new <= max_streams {
            return Ok(false);
        }
        let admitted = admit(head, good, max_streams.saturating_sub(head.stream_count()));
        good.retain(|(index, record)| {
            let fits = head.contains(&record.stream) || admitted.contains(&record.stream);
            if !fits {
                rejected.push((*index, RejectedLine::TooManyStreams));
            }
            fits
        });
        if good.is_empty() {
            return Err(StoreError::Limit {
                what: "streams",
                limit: max_streams as u64,
            });
        }
        Ok(true)
    }
}

/// The first `room` streams of the batch that the head does not hold.
fn admit<'a>(head: &Head, good: &Good<'a>, room: usize) -> FxHashSet<&'a Labels> {
    let mut admitted = FxHashSet::default();
    for (_, record) in good {
        if admitted.len() >= room {
            break;
        }
        if !head.contains(&record.stream) {
            admitted.insert(&record.stream);
        }
    }
    admitted
}

/// Lines of each stream in the order of arrival, numbered from 0 over the whole batch.
fn by_stream(records: &[&LogRecord]) -> FxHashMap<Labels, Vec<Entry>> {
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

fn text_bytes(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// Puts replayed lines into a head, as they arrived.
pub(crate) fn insert_replayed(head: &mut Head, batch: Vec<(Labels, Entry)>, now_ms: i64) {
    let mut streams: FxHashMap<Labels, Vec<Entry>> = FxHashMap::default();
    for (stream, entry) in batch {
        streams.entry(stream).or_default().push(entry);
    }
    for (stream, entries) in streams {
        head.insert(stream, Arc::from(entries), now_ms);
    }
}
