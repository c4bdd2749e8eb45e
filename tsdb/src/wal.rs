//! The write-ahead log: what was acknowledged and is not in a block yet.
//!
//! Two kinds of records in a [`durable::Log`]: the labels behind a series ref, and a batch of samples with its
//! number. A batch goes out in one write, before memory shows it. The log remembers for each segment the newest
//! time and batch in it, so that a segment goes as soon as blocks hold all its samples. Cost: about 10 bytes a
//! sample, one `write` a batch. Format: docs/format/wal.md.

mod record;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use durable::{DurableError, Fs, Log, LogOptions, Recovery};
use model::{Labels, StoreError};

pub(crate) use record::{LoggedSample, Record};

use crate::error::from_durable;
use crate::view::Floor;

/// A record of new series is closed at this size, far below what a frame may hold.
const SERIES_RECORD_BYTES: usize = 8 << 20;

/// What one segment holds, to know when it may go.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// The newest time of its first batch.
    first_ms: i64,
    max_ms: i64,
    max_batch: u64,
}

/// The log, open for appending.
pub(crate) struct Wal {
    log: Log,
    segments: BTreeMap<u64, Segment>,
}

impl Wal {
    /// Opens the log and hands every good record to `replay` with its segment. Records that pass their checksum
    /// and still do not decode are counted as damage.
    pub(crate) fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        segment_bytes: u64,
        mut replay: impl FnMut(u64, Record),
    ) -> Result<(Wal, Recovery), StoreError> {
        let mut segments = BTreeMap::new();
        let mut malformed = 0u64;
        let (log, mut recovery) =
            Log::open(
                fs,
                dir,
                LogOptions { segment_bytes },
                |segment, frame| match Record::decode(frame.kind, frame.payload) {
                    Ok(record) => {
                        if let Record::Samples { batch, samples } = &record {
                            note(&mut segments, segment, *batch, samples);
                        }
                        replay(segment, record);
                    }
                    Err(_) => malformed += 1,
                },
            )
            .map_err(from_durable)?;
        if malformed > 0 {
            recovery.damage.push(format!(
                "{}: {malformed} records do not decode, skipped",
                dir.display()
            ));
        }
        Ok((Wal { log, segments }, recovery))
    }

    /// Appends new series and one batch of samples in one write; gives the segment.
    pub(crate) fn append(
        &mut self,
        series: &[(u64, Labels)],
        batch: u64,
        samples: &[LoggedSample],
    ) -> Result<u64, StoreError> {
        let mut records = encode_series(series);
        if !samples.is_empty() {
            records.push((record::SAMPLES, record::encode_samples(batch, samples)));
        }
        let frames = records.iter().map(|(kind, payload)| (*kind, payload.as_slice()));
        let segment = self.log.append(frames).map_err(from_durable)?;
        note(&mut self.segments, segment, batch, samples);
        Ok(segment)
    }

    /// Writes series once more, so that the segments that introduced them can go; gives the segment.
    pub(crate) fn rewrite_series(&mut self, series: &[(u64, Labels)]) -> Result<u64, StoreError> {
        let records = encode_series(series);
        let frames = records.iter().map(|(kind, payload)| (*kind, payload.as_slice()));
        self.log.append(frames).map_err(from_durable)
    }

    /// Closes the segment being written once the samples in it span `span_ms`: what decides when it can go is its
    /// newest sample, so a segment must not cover much more time than a block.
    pub(crate) fn rotate_if_spanning(&mut self, span_ms: i64) -> Result<(), StoreError> {
        let current = self.segments.get(&self.log.segment());
        if current.is_some_and(|s| s.max_ms.saturating_sub(s.first_ms) >= span_ms) {
            self.log.rotate().map_err(from_durable)?;
        }
        Ok(())
    }

    /// The first segment that must stay: it holds a sample no block has, or is the one being written.
    pub(crate) fn first_needed(&self, floor: Floor) -> u64 {
        let covered = |s: &Segment| s.max_ms < floor.floor_ms && s.max_batch <= floor.batch;
        let needed = self.segments.iter().find(|(_, s)| !covered(s)).map(|(n, _)| *n);
        needed.unwrap_or(u64::MAX).min(self.log.segment())
    }

    /// Whether there is anything before `segment`.
    pub(crate) fn has_before(&self, segment: u64) -> bool {
        self.segments.range(..segment).next().is_some()
    }

    /// Removes the segments before `segment`. What replaces them is synced first.
    pub(crate) fn drop_before(&mut self, segment: u64) -> Result<(), StoreError> {
        self.log.sync().map_err(from_durable)?;
        self.log.drop_before(segment).map_err(from_durable)?;
        self.segments = self.segments.split_off(&segment);
        Ok(())
    }

    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        self.log.sync().map_err(from_durable)
    }

    pub(crate) fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.log.disk_bytes().map_err(from_durable)
    }

    pub(crate) fn poisoned(&self) -> Option<Arc<str>> {
        self.log.poisoned()
    }

    /// Fails if the log takes no more, before any work is done for a batch.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.log
            .poisoned()
            .map_or(Ok(()), |why| Err(from_durable(DurableError::Poisoned(why))))
    }
}

fn note(segments: &mut BTreeMap<u64, Segment>, segment: u64, batch: u64, samples: &[LoggedSample]) {
    let Some(max_ms) = samples.iter().map(|s| s.timestamp_ms).max() else {
        return;
    };
    let new = Segment {
        first_ms: max_ms,
        max_ms,
        max_batch: batch,
    };
    let entry = segments.entry(segment).or_insert(new);
    entry.max_ms = entry.max_ms.max(max_ms);
    entry.max_batch = entry.max_batch.max(batch);
}

fn encode_series(series: &[(u64, Labels)]) -> Vec<(u8, Vec<u8>)> {
    let mut records: Vec<(u8, Vec<u8>)> = Vec::new();
    for (series, labels) in series {
        match records.last_mut() {
            Some((_, payload)) if payload.len() < SERIES_RECORD_BYTES => {
                record::encode_series(*series, labels, payload);
            }
            _ => {
                let mut payload = Vec::new();
                record::encode_series(*series, labels, &mut payload);
                records.push((record::SERIES, payload));
            }
        }
    }
    records
}
