//! A run: some thirty rows of a page as columns, compressed.
//!
//! The timestamps lie in it once; each slot's values follow, coded by [`crate::codec`]; offsets lead to them, so that
//! reading one slot decodes that one. A slot that misses rows says which by a bitmap, or has timestamps of its own when
//! it has few. Immutable. Costs about 10 ns a sample to make.

use model::metrics::Samples;

use super::row::{Row, Slots, has, set};
use crate::bytes::{Cursor, Malformed, put_varint};
use crate::codec::{self, Effort};

/// Pages of so many series keep a run's timestamps as they are: each slot that is read needs them.
const RAW_TIMESTAMPS_FROM: usize = 8;

/// The slot has a value at every timestamp of the run.
const WHOLE: u8 = 0;
/// A bitmap says at which.
const MASKED: u8 = 1;
/// The slot's own timestamps come first.
const OWN: u8 = 2;

#[derive(Debug)]
enum Timestamps {
    Raw(Box<[i64]>),
    /// Coded, in front of the first slot.
    Packed {
        count: u32,
        min_ms: i64,
        max_ms: i64,
    },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Run {
    timestamps: Timestamps,
    /// Offsets of 2 or 4 bytes, one more than there are slots; packed timestamps; the slots.
    bytes: Box<[u8]>,
    first: u16,
    width: u16,
    wide: bool,
}

/// Slots are gathered this many at a time, a cache line of each row: the rows of a page are some 4 KiB apart, so that a
/// slot of all of them does not stay in the cache.
const BLOCK: usize = 8;

/// A slot's values while a run is made.
#[derive(Default)]
struct Column {
    values: Vec<f64>,
    /// A bit for each timestamp of the run that has one.
    mask: Vec<u64>,
}

impl Column {
    fn begin(&mut self, timestamps: usize) {
        self.values.clear();
        self.mask.clear();
        self.mask.resize(timestamps.div_ceil(64), 0);
    }

    fn push(&mut self, place: usize, bits: u64) {
        if !has(&self.mask, place) {
            set(&mut self.mask, place);
            self.values.push(f64::from_bits(bits));
        }
    }

    /// Takes what an older run has of the slot.
    fn join(
        &mut self,
        before: &Run,
        slot: usize,
        timestamps: &[i64],
        scratch: &mut Scratch,
    ) -> Result<(), Malformed> {
        let mut own = Samples::default();
        before.read(slot, i64::MIN, i64::MAX, scratch, &mut own)?;
        for timestamp in &own.timestamps {
            set(
                &mut self.mask,
                timestamps.binary_search(timestamp).map_err(|_| Malformed)?,
            );
        }
        self.values.append(&mut own.values);
        Ok(())
    }
}

/// Memory that reading and sealing use again and again.
#[derive(Default)]
pub(crate) struct Scratch {
    timestamps: Vec<i64>,
    own: Vec<i64>,
    values: Vec<f64>,
}

impl Run {
    /// Seals rows, behind those of an older run of narrow pages if one is given. Of two values for one slot and time
    /// the first stays.
    pub(crate) fn seal(before: Option<&Run>, rows: &[Row], scratch: &mut Scratch) -> Result<Run, Malformed> {
        let mut rows: Vec<&Row> = rows.iter().collect();
        rows.sort_by_key(|row| row.timestamp_ms);
        let mut timestamps = Vec::new();
        if let Some(before) = before {
            timestamps.extend_from_slice(before.timestamps(scratch)?);
        }
        let (mut first, mut end) = before.map_or((usize::MAX, 0), |run| (run.first(), run.end()));
        let mut places = Vec::with_capacity(rows.len());
        for row in &rows {
            if timestamps.last() != Some(&row.timestamp_ms) {
                timestamps.push(row.timestamp_ms);
            }
            places.push(timestamps.len() - 1);
            first = first.min(row.first());
            end = end.max(row.first() + row.span());
        }
        let width = end.saturating_sub(first);
        let mut offsets = Vec::with_capacity(width + 1);
        let mut body = Vec::with_capacity(width * (rows.len() + 8));
        if width < RAW_TIMESTAMPS_FROM {
            codec::encode_timestamps(&timestamps, &mut body);
        }
        let mut columns: [Column; BLOCK] = Default::default();
        for start in (first..end).step_by(BLOCK) {
            let slots = start..end.min(start + BLOCK);
            columns
                .iter_mut()
                .for_each(|column| column.begin(timestamps.len()));
            if let Some(before) = before {
                for (slot, column) in slots.clone().zip(&mut columns) {
                    column.join(before, slot, &timestamps, scratch)?;
                }
            }
            for (row, &place) in rows.iter().zip(&places) {
                match row.values(slots.clone()) {
                    Some(values) => {
                        let both = columns.iter_mut().zip(values);
                        both.for_each(|(column, &bits)| column.push(place, bits));
                    }
                    None => {
                        for (slot, column) in slots.clone().zip(&mut columns) {
                            row.value(slot)
                                .into_iter()
                                .for_each(|bits| column.push(place, bits));
                        }
                    }
                }
            }
            for (_, column) in slots.zip(&columns) {
                offsets.push(body.len() as u32);
                put_slot(&timestamps, &column.mask, &column.values, &mut body);
            }
        }
        offsets.push(body.len() as u32);
        Ok(Run::assemble(timestamps, first, width, &offsets, &body))
    }

    fn assemble(timestamps: Vec<i64>, first: usize, width: usize, offsets: &[u32], body: &[u8]) -> Run {
        let wide = body.len() + 2 * offsets.len() > usize::from(u16::MAX);
        let head = offsets.len() * if wide { 4 } else { 2 };
        let mut bytes = Vec::with_capacity(head + body.len());
        for offset in offsets {
            let offset = offset + head as u32;
            match wide {
                true => bytes.extend_from_slice(&offset.to_le_bytes()),
                false => bytes.extend_from_slice(&(offset as u16).to_le_bytes()),
            }
        }
        bytes.extend_from_slice(body);
        let timestamps = if width < RAW_TIMESTAMPS_FROM {
            Timestamps::Packed {
                count: timestamps.len() as u32,
                min_ms: timestamps.first().copied().unwrap_or_default(),
                max_ms: timestamps.last().copied().unwrap_or_default(),
            }
        } else {
            Timestamps::Raw(timestamps.into_boxed_slice())
        };
        Run {
            timestamps,
            bytes: bytes.into_boxed_slice(),
            first: first as u16,
            width: width as u16,
            wide,
        }
    }

    fn first(&self) -> usize {
        usize::from(self.first)
    }

    fn end(&self) -> usize {
        self.first() + usize::from(self.width)
    }

    /// How many timestamps it has.
    pub(crate) fn len(&self) -> usize {
        match &self.timestamps {
            Timestamps::Raw(timestamps) => timestamps.len(),
            Timestamps::Packed { count, .. } => *count as usize,
        }
    }

    /// The first timestamp.
    pub(crate) fn min_ms(&self) -> i64 {
        match &self.timestamps {
            Timestamps::Raw(timestamps) => timestamps.first().copied().unwrap_or(i64::MAX),
            Timestamps::Packed { min_ms, .. } => *min_ms,
        }
    }

    /// The last timestamp.
    pub(crate) fn max_ms(&self) -> i64 {
        match &self.timestamps {
            Timestamps::Raw(timestamps) => timestamps.last().copied().unwrap_or(i64::MIN),
            Timestamps::Packed { max_ms, .. } => *max_ms,
        }
    }

    fn offset(&self, number: usize) -> usize {
        if self.wide {
            let bytes = self.bytes.get(4 * number..).and_then(|b| b.first_chunk::<4>());
            bytes.map_or(0, |b| u32::from_le_bytes(*b) as usize)
        } else {
            let bytes = self.bytes.get(2 * number..).and_then(|b| b.first_chunk::<2>());
            bytes.map_or(0, |b| usize::from(u16::from_le_bytes(*b)))
        }
    }

    fn timestamps<'a>(&'a self, scratch: &'a mut Scratch) -> Result<&'a [i64], Malformed> {
        match &self.timestamps {
            Timestamps::Raw(timestamps) => Ok(timestamps),
            Timestamps::Packed { count, .. } => {
                scratch.timestamps.clear();
                let start = (usize::from(self.width) + 1) * if self.wide { 4 } else { 2 };
                let coded = self.bytes.get(start..).unwrap_or_default();
                codec::decode_timestamps(coded, *count as usize, &mut scratch.timestamps)?;
                Ok(&scratch.timestamps)
            }
        }
    }

    /// The slot's bytes; empty where it has no sample.
    fn slot(&self, slot: usize) -> &[u8] {
        match slot.checked_sub(self.first()).filter(|_| slot < self.end()) {
            Some(at) => {
                let range = self.offset(at)..self.offset(at + 1);
                self.bytes.get(range).unwrap_or_default()
            }
            None => &[],
        }
    }

    /// Whether the slot has a sample.
    pub(crate) fn has(&self, slot: usize) -> bool {
        !self.slot(slot).is_empty()
    }

    /// Adds the slots that have a sample.
    pub(crate) fn add_slots(&self, slots: &mut Slots) {
        (self.first()..self.end())
            .filter(|&slot| self.has(slot))
            .for_each(|slot| set(slots, slot));
    }

    /// Appends the slot's samples of the range.
    pub(crate) fn read(
        &self,
        slot: usize,
        start_ms: i64,
        end_ms: i64,
        scratch: &mut Scratch,
        into: &mut Samples,
    ) -> Result<(), Malformed> {
        let slot = self.slot(slot);
        if slot.is_empty() || self.max_ms() < start_ms || self.min_ms() > end_ms {
            return Ok(());
        }
        let mut own = std::mem::take(&mut scratch.own);
        let mut values = std::mem::take(&mut scratch.values);
        let timestamps = self.timestamps(scratch)?;
        let timestamps = slot_timestamps(slot, timestamps, &mut own)?;
        let (timestamps, coded) = timestamps;
        let (mut from, mut to) = (0, timestamps.len());
        if self.min_ms() < start_ms || self.max_ms() > end_ms {
            from = timestamps.partition_point(|&t| t < start_ms);
            to = timestamps.partition_point(|&t| t <= end_ms);
        }
        if (from, to) == (0, timestamps.len()) {
            codec::decode_values(coded, timestamps.len(), &mut into.values)?;
            into.timestamps.extend_from_slice(timestamps);
        } else if from < to {
            values.clear();
            codec::decode_values(coded, timestamps.len(), &mut values)?;
            into.values
                .extend_from_slice(values.get(from..to).ok_or(Malformed)?);
            into.timestamps
                .extend_from_slice(timestamps.get(from..to).ok_or(Malformed)?);
        }
        scratch.own = own;
        scratch.values = values;
        Ok(())
    }

    /// The slot's last timestamp in the range.
    pub(crate) fn last_between(
        &self,
        slot: usize,
        start_ms: i64,
        end_ms: i64,
        scratch: &mut Scratch,
    ) -> Result<Option<i64>, Malformed> {
        let slot = self.slot(slot);
        if slot.is_empty() || self.max_ms() < start_ms || self.min_ms() > end_ms {
            return Ok(None);
        }
        let mut own = std::mem::take(&mut scratch.own);
        let (timestamps, _) = slot_timestamps(slot, self.timestamps(scratch)?, &mut own)?;
        let to = timestamps.partition_point(|&t| t <= end_ms);
        let last = timestamps.get(..to).and_then(<[i64]>::last).copied();
        scratch.own = own;
        Ok(last.filter(|&last| last >= start_ms))
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let timestamps = match &self.timestamps {
            Timestamps::Raw(timestamps) => 8 * timestamps.len(),
            Timestamps::Packed { .. } => 0,
        };
        size_of::<Run>() + timestamps + self.bytes.len()
    }
}

/// Appends a slot's values, which the mask says the timestamps of.
fn put_slot(timestamps: &[i64], mask: &[u64], values: &[f64], body: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let mask_bytes = timestamps.len().div_ceil(8);
    if values.len() == timestamps.len() {
        body.push(WHOLE);
    } else if values.len() * 4 < mask_bytes {
        body.push(OWN);
        put_varint(body, values.len() as u64);
        let places = (0..timestamps.len()).filter(|&place| has(mask, place));
        let own: Vec<i64> = places
            .filter_map(|place| timestamps.get(place))
            .copied()
            .collect();
        codec::encode_timestamps(&own, body);
    } else {
        body.push(MASKED);
        body.extend(mask.iter().flat_map(|word| word.to_le_bytes()).take(mask_bytes));
    }
    codec::encode_values(values, Effort::Fast, body);
}

/// The timestamps of a slot's values, and the coded values.
fn slot_timestamps<'a>(
    slot: &'a [u8],
    timestamps: &'a [i64],
    own: &'a mut Vec<i64>,
) -> Result<(&'a [i64], &'a [u8]), Malformed> {
    let mut cursor = Cursor::new(slot);
    own.clear();
    match cursor.u8()? {
        WHOLE => Ok((timestamps, cursor.rest())),
        MASKED => {
            let mask = cursor.bytes(timestamps.len().div_ceil(8))?;
            let bit = |place: usize| {
                mask.get(place / 8)
                    .is_some_and(|byte| byte >> (place % 8) & 1 == 1)
            };
            let places = timestamps.iter().enumerate();
            own.extend(places.filter(|(place, _)| bit(*place)).map(|(_, t)| *t));
            Ok((own, cursor.rest()))
        }
        OWN => {
            let count = cursor.count()?;
            let used = codec::decode_timestamps(cursor.rest(), count, own)?;
            cursor.bytes(used)?;
            Ok((own, cursor.rest()))
        }
        _ => Err(Malformed),
    }
}
