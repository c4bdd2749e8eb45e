//! The log: each record is a batch of spans as [`crate::codec`] encodes it, written before the batch is
//! acknowledged. Records of the segments before a block's mark are in that block and are not replayed.

use std::path::Path;
use std::sync::Arc;

use durable::{Fs, Log, LogOptions};
use model::StoreError;

use crate::codec::{Batch, Encoder};
use crate::error::from_durable;
use crate::head::Head;
use model::spans::Span;

/// The kind of a record that holds a batch.
const BATCH: u8 = 1;

/// No batch is larger: what a request may bring, decoded, with room to spare.
const MAX_BATCH_BYTES: usize = 64 << 20;

/// What replaying gave.
pub(crate) struct Replayed {
    pub(crate) log: Log,
    pub(crate) head: Head,
    pub(crate) damage: Vec<String>,
}

/// Opens the log and reads everything from segment `covered` on into a head.
///
/// # Errors
/// The disk refused.
pub(crate) fn open(
    fs: Arc<dyn Fs>,
    dir: &Path,
    options: LogOptions,
    covered: u64,
    now_ms: i64,
) -> Result<Replayed, StoreError> {
    let mut head = Head::default();
    let mut damage = Vec::new();
    let (mut log, recovery) = Log::open(fs, dir, options, |segment, frame| {
        if segment < covered {
            return;
        }
        let added = match frame.kind {
            BATCH => Batch::decode(frame.payload)
                .and_then(|batch| head.add(batch, now_ms))
                .map_err(|e| e.to_string()),
            other => Err(format!("records of kind {other} are not known")),
        };
        if let Err(why) = added {
            damage.push(format!("log segment {segment}: record skipped: {why}"));
        }
    })
    .map_err(from_durable)?;
    damage.extend(recovery.damage);
    // Should the log's files have been taken away, numbering starts anew: below the mark it would be taken for
    // covered at the next start.
    while log.segment() < covered {
        log.rotate().map_err(from_durable)?;
    }
    log.drop_before(covered).map_err(from_durable)?;
    Ok(Replayed { log, head, damage })
}

/// The bytes of a record.
///
/// # Errors
/// A span has no id, or the batch is too large.
pub(crate) fn encode(spans: &[Span]) -> Result<Vec<u8>, StoreError> {
    let mut encoder = Encoder::default();
    for span in spans {
        if span.trace_id.0 == 0 || span.span_id.0 == 0 {
            return Err(StoreError::Invalid(
                "a span without a trace id or a span id".to_owned(),
            ));
        }
        encoder.push(span);
        if encoder.len() > MAX_BATCH_BYTES {
            return Err(StoreError::Limit {
                what: "bytes of a batch of spans",
                limit: MAX_BATCH_BYTES as u64,
            });
        }
    }
    Ok(encoder.finish())
}

/// Appends a record. When this returns it survives a kill of the process.
///
/// # Errors
/// The disk refused, nothing was appended; or the log takes no more.
pub(crate) fn append(log: &mut Log, record: &[u8]) -> Result<(), StoreError> {
    log.append([(BATCH, record)]).map(drop).map_err(from_durable)
}
