//! What the log keeps of a page: which series it has, and its rows. Format: docs/format/wal.md.
//!
//! ```text
//! page        varint tag, varint names, per name: text, varint values, texts;
//!             varint series, per series: varint pairs, per pair: varint distance from the previous pair's number
//!             (a series without pairs is a slot that has none any more)
//! row         varint tag, u8 flags, signed varint distance from the page's previous timestamp,
//!             unless SAME: varint first slot, varint span; if MASKED: a bit for each slot of the span;
//!             values, in groups of 64: a bit for each that has changed, then for each of these:
//!             u8 (zero bytes below << 4 | bytes - 1), the bytes of the XOR with the slot's previous value
//! histograms  varint tag, varint count, per histogram: varint slot, a chunk of one histogram (docs/format/codec-histogram.md)
//! starts      varint tag, varint count, per start: varint slot, signed varint time of the first sample that has it,
//!             signed varint distance from the start to that time
//! ```
//! The previous value of a slot is that of the page's last row in the same generation that had one, at first 0; so is
//! the previous timestamp. Writer and reader keep them alike.
//!
//! Cost: about 3 ns a sample to write, less to read.

use model::histogram::HistogramSample;
use model::metrics::{HistogramRow, RefSample, SeriesRef, StartRow};

use super::MAX_WIDTH;
use super::arena::{ArenaBuilder, LabelArena};
use super::page::{Page, slot_of};
use super::row::{has, set};
use crate::bytes::{Cursor, Malformed, put_signed, put_text, put_varint};
use crate::codec::Effort;
use crate::codec::histogram::{decode_histograms, encode_histograms};

/// A record that says which series a page has.
pub const RECORD_PAGE: u8 = 1;
/// A record with values of one page at one time.
pub const RECORD_ROW: u8 = 2;
/// A record with native histograms of one page.
pub const RECORD_HISTOGRAMS: u8 = 3;

/// A record with start timestamps of one page.
pub const RECORD_STARTS: u8 = 4;

/// First slot and span are those of the page's previous row.
const SAME: u8 = 1;
/// Some slots of the span have no value.
const MASKED: u8 = 2;

/// What both sides remember of a page's rows.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    /// The bits of each slot's last value; empty before the first row.
    values: Box<[u64]>,
    timestamp_ms: i64,
    first: u16,
    span: u16,
}

impl Previous {
    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        8 * self.values.len()
    }

    fn prepare(&mut self, width: usize) {
        if self.values.is_empty() {
            self.values = vec![0; width].into_boxed_slice();
        }
    }
}

/// Writes which series a page has.
pub(crate) fn put_page(page: &Page, out: &mut Vec<u8>) {
    let labels = &page.labels;
    put_varint(out, u64::from(page.tag));
    put_varint(out, u64::from(labels.names()));
    for name in 0..labels.names() {
        put_text(out, labels.name(name));
        let pairs = labels.first_pair(name)..labels.first_pair(name + 1);
        put_varint(out, pairs.len() as u64);
        pairs.for_each(|pair| put_text(out, labels.value(pair)));
    }
    put_varint(out, labels.width() as u64);
    for slot in 0..labels.width() {
        if !page.is_live(slot) {
            put_varint(out, 0);
            continue;
        }
        put_varint(out, labels.list(slot).count() as u64);
        let mut previous = 0;
        for pair in labels.list(slot) {
            put_varint(out, u64::from(pair - previous));
            previous = pair;
        }
    }
}

/// The tag a record begins with, and what follows it.
pub(crate) fn tag(record: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let mut cursor = Cursor::new(record);
    Ok((cursor.u32_varint()?, cursor.rest()))
}

/// A page's labels, and for each pair in order the slots that have it.
pub(crate) type PageLabels = (LabelArena, Vec<Vec<u16>>);

/// Reads what [`put_page`] wrote behind the tag.
pub(crate) fn page_labels(bytes: &[u8]) -> Result<PageLabels, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for _ in 0..cursor.count()? {
        let name = cursor.text()?;
        for _ in 0..cursor.count()? {
            pairs.push((name, cursor.text()?));
        }
    }
    let width = cursor.count()?;
    if width > MAX_WIDTH {
        return Err(Malformed);
    }
    let mut builder = ArenaBuilder::default();
    let mut series: Vec<(&str, &str)> = Vec::new();
    for _ in 0..width {
        series.clear();
        let mut number = 0usize;
        for _ in 0..cursor.count()? {
            number = number
                .checked_add(cursor.u32_varint()? as usize)
                .ok_or(Malformed)?;
            let pair = *pairs.get(number).ok_or(Malformed)?;
            if series.last().is_some_and(|(name, _)| *name >= pair.0) {
                return Err(Malformed);
            }
            series.push(pair);
        }
        builder.push(series.iter().copied());
    }
    if !cursor.is_empty() {
        return Err(Malformed);
    }
    Ok(builder.finish())
}

/// Writes a row: samples of one page and one time in rising slots, at least one.
pub(crate) fn put_row(page: &Page, previous: &mut Previous, samples: &[RefSample], out: &mut Vec<u8>) {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return;
    };
    previous.prepare(page.width());
    let timestamp_ms = first.timestamp_ms;
    let (first, last) = (slot_of(first.series), slot_of(last.series));
    let span = last - first + 1;
    let masked = samples.len() < span;
    let same = (previous.first, previous.span) == (first as u16, span as u16);
    put_varint(out, u64::from(page.tag));
    out.push(if same { SAME } else { 0 } | if masked { MASKED } else { 0 });
    put_signed(out, timestamp_ms.wrapping_sub(previous.timestamp_ms));
    if !same {
        put_varint(out, first as u64);
        put_varint(out, span as u64);
    }
    if masked {
        let mut mask = [0u64; MAX_WIDTH / 64];
        samples
            .iter()
            .for_each(|s| set(&mut mask, slot_of(s.series) - first));
        out.extend(
            mask.iter()
                .flat_map(|word| word.to_le_bytes())
                .take(span.div_ceil(8)),
        );
    }
    previous.timestamp_ms = timestamp_ms;
    (previous.first, previous.span) = (first as u16, span as u16);
    for group in samples.chunks(64) {
        put_group(group, &mut previous.values, out);
    }
}

/// The room a group takes at most: the bits, 9 bytes a value, and what the last write of 8 bytes may overshoot.
const GROUP_LEN: usize = 8 + 64 * 9 + 8;

fn put_group(group: &[RefSample], values: &mut [u64], out: &mut Vec<u8>) {
    let mut buffer = [0u8; GROUP_LEN];
    let bits_len = group.len().div_ceil(8);
    let mut changed = 0u64;
    let mut at = bits_len;
    for (i, sample) in group.iter().enumerate() {
        let Some(value) = values.get_mut(slot_of(sample.series)) else {
            continue;
        };
        let xor = sample.value.to_bits() ^ *value;
        *value = sample.value.to_bits();
        let below = (xor.trailing_zeros() / 8).min(7);
        let len = 8 - (xor.leading_zeros() / 8).min(7 - below) - below;
        if let Some(place) = buffer.get_mut(at..at + 9) {
            let (control, bytes) = place.split_at_mut(1);
            control.fill((below << 4 | (len - 1) & 7) as u8);
            bytes.copy_from_slice(&(xor >> (8 * below)).to_le_bytes());
        }
        // Unchanged values are written too, and then overwritten: no branch to mispredict.
        let is_changed = xor != 0;
        changed |= u64::from(is_changed) << i;
        at += if is_changed { 1 + len as usize } else { 0 };
    }
    for (place, byte) in buffer.iter_mut().zip(changed.to_le_bytes()).take(bits_len) {
        *place = byte;
    }
    out.extend_from_slice(buffer.get(..at).unwrap_or_default());
}

/// Reads what [`put_row`] wrote behind the tag into `samples`, whose handles say the slot alone.
pub(crate) fn row(
    bytes: &[u8],
    width: usize,
    previous: &mut Previous,
    samples: &mut Vec<RefSample>,
) -> Result<(), Malformed> {
    samples.clear();
    previous.prepare(width);
    let mut cursor = Cursor::new(bytes);
    let flags = cursor.u8()?;
    let timestamp_ms = previous.timestamp_ms.wrapping_add(cursor.signed()?);
    let (first, span) = match flags & SAME {
        0 => (cursor.u32_varint()? as usize, cursor.u32_varint()? as usize),
        _ => (usize::from(previous.first), usize::from(previous.span)),
    };
    if span == 0 || first.checked_add(span).is_none_or(|end| end > width) {
        return Err(Malformed);
    }
    let mask = cursor.bytes(if flags & MASKED == 0 { 0 } else { span.div_ceil(8) })?;
    let is_there = |at: usize| mask.get(at / 8).is_none_or(|byte| byte >> (at % 8) & 1 == 1);
    samples.extend((0..span).filter(|&at| is_there(at)).map(|at| RefSample {
        series: SeriesRef((first + at) as u64),
        timestamp_ms,
        value: 0.0,
    }));
    if samples.is_empty() {
        return Err(Malformed);
    }
    let mut rest = cursor.rest();
    for group in samples.chunks_mut(64) {
        rest = take_group(rest, group, &mut previous.values)?;
    }
    if !rest.is_empty() {
        return Err(Malformed);
    }
    previous.timestamp_ms = timestamp_ms;
    (previous.first, previous.span) = (first as u16, span as u16);
    Ok(())
}

fn take_group<'a>(
    bytes: &'a [u8],
    group: &mut [RefSample],
    values: &mut [u64],
) -> Result<&'a [u8], Malformed> {
    let (bits, mut rest) = bytes.split_at_checked(group.len().div_ceil(8)).ok_or(Malformed)?;
    let mut changed = [0u64; 1];
    for (i, byte) in bits.iter().enumerate() {
        changed[0] |= u64::from(*byte) << (8 * i);
    }
    for (i, sample) in group.iter_mut().enumerate() {
        let value = values.get_mut(slot_of(sample.series)).ok_or(Malformed)?;
        if has(&changed, i) {
            let (&control, after) = rest.split_first().ok_or(Malformed)?;
            let (below, len) = (u32::from(control >> 4), usize::from(control & 15) + 1);
            if below as usize + len > 8 {
                return Err(Malformed);
            }
            let xor = match after.first_chunk::<8>() {
                Some(word) => u64::from_le_bytes(*word) & (u64::MAX >> (64 - 8 * len)),
                None => {
                    let mut word = [0u8; 8];
                    word.get_mut(..len)
                        .zip(after.get(..len))
                        .ok_or(Malformed)
                        .map(|(to, from)| to.copy_from_slice(from))?;
                    u64::from_le_bytes(word)
                }
            };
            *value ^= xor << (8 * below);
            rest = after.get(len..).ok_or(Malformed)?;
        }
        sample.value = f64::from_bits(*value);
    }
    Ok(rest)
}

/// Writes histograms of one page.
pub(crate) fn put_histograms(page: &Page, rows: &[&HistogramRow], out: &mut Vec<u8>) {
    put_varint(out, u64::from(page.tag));
    put_varint(out, rows.len() as u64);
    for row in rows {
        put_varint(out, slot_of(row.series) as u64);
        let sample: HistogramSample = (row.timestamp_ms, row.histogram.clone());
        encode_histograms(&[sample], Effort::Fast, out);
    }
}

/// Reads what [`put_histograms`] wrote behind the tag; the handles say the slot alone.
pub(crate) fn histograms(bytes: &[u8], width: usize) -> Result<Vec<HistogramRow>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut rows = Vec::new();
    for _ in 0..cursor.count()? {
        let slot = cursor.u32_varint()?;
        if slot as usize >= width {
            return Err(Malformed);
        }
        let mut one: Vec<HistogramSample> = Vec::new();
        let used = decode_histograms(cursor.rest(), 1, &mut one)?;
        cursor.bytes(used)?;
        rows.extend(one.into_iter().map(|(timestamp_ms, histogram)| HistogramRow {
            series: SeriesRef(u64::from(slot)),
            timestamp_ms,
            histogram,
        }));
    }
    if cursor.is_empty() {
        Ok(rows)
    } else {
        Err(Malformed)
    }
}

/// Writes start timestamps of one page.
pub(crate) fn put_starts(page: &Page, rows: &[StartRow], out: &mut Vec<u8>) {
    put_varint(out, u64::from(page.tag));
    put_varint(out, rows.len() as u64);
    for row in rows {
        put_varint(out, slot_of(row.series) as u64);
        put_signed(out, row.from_ms);
        put_signed(out, row.from_ms.wrapping_sub(row.start_ms));
    }
}

/// Reads what [`put_starts`] wrote behind the tag; the handles say the slot alone.
pub(crate) fn starts(bytes: &[u8], width: usize) -> Result<Vec<StartRow>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut rows = Vec::new();
    for _ in 0..cursor.count()? {
        let slot = cursor.u32_varint()?;
        let from_ms = cursor.signed()?;
        let start_ms = from_ms.wrapping_sub(cursor.signed()?);
        if slot as usize >= width {
            return Err(Malformed);
        }
        rows.push(StartRow {
            series: SeriesRef(u64::from(slot)),
            from_ms,
            start_ms,
        });
    }
    if cursor.is_empty() {
        Ok(rows)
    } else {
        Err(Malformed)
    }
}
