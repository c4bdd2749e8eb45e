//! The record of the write-ahead log: one batch.
//!
//! Encoded before any lock is taken; the sequence number of the batch's first line, known only under the lock, has
//! a fixed place at the front and is filled in last. Each stream's labels are written once a batch.

use model::Labels;
use model::logs::LogRecord;
use rustc_hash::FxHashMap;

use crate::codec::{Reader, put_bytes, put_extras, put_i64, put_labels, put_u64};
use crate::head::Entry;

/// The kind of the only record there is.
pub(crate) const KIND_BATCH: u8 = 1;

/// A batch with room for its sequence number.
pub(crate) fn encode_batch(records: &[&LogRecord]) -> Vec<u8> {
    let mut out = vec![0; 8];
    let mut numbers: FxHashMap<&Labels, u64> = FxHashMap::default();
    let mut streams = Vec::new();
    for record in records {
        let next = numbers.len() as u64;
        if let std::collections::hash_map::Entry::Vacant(vacant) = numbers.entry(&record.stream) {
            vacant.insert(next);
            put_labels(&mut streams, &record.stream);
        }
    }
    put_u64(&mut out, numbers.len() as u64);
    out.append(&mut streams);
    put_u64(&mut out, records.len() as u64);
    let mut extras = Vec::new();
    for record in records {
        put_u64(&mut out, numbers.get(&record.stream).copied().unwrap_or_default());
        put_i64(&mut out, record.timestamp_ns);
        put_bytes(&mut out, record.line.as_bytes());
        extras.clear();
        put_extras(&mut extras, &record.metadata, record.trace_id, record.span_id);
        put_bytes(&mut out, &extras);
    }
    out
}

/// Fills in the sequence number of the first line; the others follow one by one.
pub(crate) fn set_first_seq(batch: &mut [u8], seq: u64) {
    if let Some(place) = batch.first_chunk_mut::<8>() {
        *place = seq.to_le_bytes();
    }
}

/// Reads a batch; `None` where the bytes make no sense.
pub(crate) fn decode_batch(payload: &[u8]) -> Option<Vec<(Labels, Entry)>> {
    let mut reader = Reader::new(payload);
    let first_seq = reader.fixed_u64()?;
    let streams = reader.len()?;
    let mut labels = Vec::new();
    for _ in 0..streams {
        labels.push(reader.labels()?);
    }
    let count = reader.u64()?;
    let mut batch = Vec::new();
    for i in 0..count {
        let stream = labels.get(reader.len()?)?.clone();
        let timestamp_ns = reader.i64()?;
        let line = reader.str()?.into();
        let extras = Reader::new(reader.bytes()?).extras()?;
        let seq = first_seq.checked_add(i)?;
        batch.push((
            stream,
            Entry {
                timestamp_ns,
                seq,
                line,
                extras,
            },
        ));
    }
    reader.is_empty().then_some(batch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::spans::TraceId;

    #[test]
    fn a_batch_round_trips_and_no_cut_of_it_panics() {
        let record = |stream: &str, ts, line: &str| LogRecord {
            timestamp_ns: ts,
            stream: Labels::from_pairs([("app", stream)]),
            line: line.to_owned(),
            metadata: Labels::from_pairs([("k", line)]),
            trace_id: Some(TraceId(5)),
            span_id: None,
        };
        let records = [record("a", 1, "x"), record("b", -2, ""), record("a", 3, "ü\n")];
        let mut bytes = encode_batch(&records.iter().collect::<Vec<_>>());
        set_first_seq(&mut bytes, 40);
        let batch = decode_batch(&bytes).unwrap();
        assert_eq!(batch.iter().map(|(_, e)| e.seq).collect::<Vec<_>>(), [40, 41, 42]);
        let back: Vec<LogRecord> = batch.iter().map(|(s, e)| e.to_record(s)).collect();
        assert_eq!(back, records);
        for cut in 0..bytes.len() {
            assert!(decode_batch(&bytes[..cut]).is_none(), "cut at {cut}");
        }
    }
}
