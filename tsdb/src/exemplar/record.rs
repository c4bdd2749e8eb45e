//! The records of the exemplar log.

use model::exemplar::ExemplarRow;
use model::{Exemplar, Labels};

use crate::bytes::{Cursor, Malformed, put_signed, put_text, put_varint};

/// Defines the next series of the segment: its labels.
pub(super) const SERIES: u8 = 1;
/// Exemplars of series that the segment defines before.
pub(super) const EXEMPLARS: u8 = 2;

/// A record of exemplars that has grown to this size is followed by another one.
const RECORD_BYTES: usize = 64 << 10;

/// The records of one batch under construction.
#[derive(Default)]
pub(super) struct Batch {
    records: Vec<(u8, Vec<u8>)>,
    exemplars: Vec<(u8, Vec<u8>)>,
    before_ms: i64,
    labels: Vec<u8>,
}

impl Batch {
    /// Defines a series; its number is the next one of the segment.
    pub(super) fn define(&mut self, series: &Labels) {
        let mut payload = Vec::new();
        put_labels(&mut payload, series);
        self.records.push((SERIES, payload));
    }

    pub(super) fn push(&mut self, id: u32, row: &ExemplarRow) {
        if self
            .exemplars
            .last()
            .is_none_or(|(_, payload)| payload.len() >= RECORD_BYTES)
        {
            self.exemplars.push((EXEMPLARS, Vec::new()));
            self.before_ms = 0;
        }
        let Some((_, out)) = self.exemplars.last_mut() else {
            return;
        };
        let exemplar = &row.exemplar;
        put_varint(out, u64::from(id) << 1 | u64::from(row.own_timestamp));
        put_signed(out, exemplar.timestamp_ms.wrapping_sub(self.before_ms));
        self.before_ms = exemplar.timestamp_ms;
        out.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
        self.labels.clear();
        put_labels(&mut self.labels, &exemplar.labels);
        put_varint(out, self.labels.len() as u64);
        out.extend_from_slice(&self.labels);
    }

    /// All records, series first.
    pub(super) fn finish(mut self) -> Vec<(u8, Vec<u8>)> {
        self.records.append(&mut self.exemplars);
        self.records
    }
}

fn put_labels(out: &mut Vec<u8>, labels: &Labels) {
    put_varint(out, labels.len() as u64);
    for (name, value) in labels.iter() {
        put_text(out, name);
        put_text(out, value);
    }
}

/// The labels that a record of kind [`SERIES`] defines.
pub(super) fn decode_series(payload: &[u8]) -> Result<Labels, Malformed> {
    decode_labels(&mut Cursor::new(payload))
}

fn decode_labels(cursor: &mut Cursor<'_>) -> Result<Labels, Malformed> {
    let count = cursor.count()?;
    let mut pairs = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        pairs.push((cursor.text()?, cursor.text()?));
    }
    Ok(Labels::from_pairs(pairs))
}

/// An exemplar as it lies in a record, its labels not decoded yet.
pub(super) struct Entry<'a> {
    /// The series' number in the segment.
    pub(super) id: u32,
    pub(super) own_timestamp: bool,
    pub(super) timestamp_ms: i64,
    value: f64,
    labels: &'a [u8],
}

impl Entry<'_> {
    pub(super) fn exemplar(&self) -> Result<Exemplar, Malformed> {
        Ok(Exemplar {
            labels: decode_labels(&mut Cursor::new(self.labels))?,
            value: self.value,
            timestamp_ms: self.timestamp_ms,
        })
    }
}

/// The exemplars of a record of kind [`EXEMPLARS`], up to what makes no sense.
pub(super) fn entries(payload: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut cursor = Cursor::new(payload);
    let mut before_ms = 0;
    std::iter::from_fn(move || {
        if cursor.is_empty() {
            return None;
        }
        let entry = entry(&mut cursor, before_ms).ok()?;
        before_ms = entry.timestamp_ms;
        Some(entry)
    })
    .fuse()
}

fn entry<'a>(cursor: &mut Cursor<'a>, before_ms: i64) -> Result<Entry<'a>, Malformed> {
    let word = cursor.varint()?;
    let id = u32::try_from(word >> 1).map_err(|_| Malformed)?;
    let timestamp_ms = before_ms.wrapping_add(cursor.signed()?);
    let value = f64::from_bits(cursor.u64_le()?);
    let len = cursor.count()?;
    Ok(Entry {
        id,
        own_timestamp: word & 1 == 1,
        timestamp_ms,
        value,
        labels: cursor.bytes(len)?,
    })
}
