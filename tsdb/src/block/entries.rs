//! A page of series: their labels and where their chunks lie, each told by what differs from the series before.
//!
//! Three streams, so that like lies beside like when the page is compressed; docs/format/block.md draws them. What a
//! page says is complete: no other page is needed to read it.

mod cursor;

use std::sync::OnceLock;

use super::cache::Cached;
use super::columns::Span;
use crate::bytes::{Cursor, Malformed, put_signed, put_varint};

pub(super) use cursor::EntryCursor;
use cursor::Restarts;

/// Series in a page at most: what is decoded to find one of them.
pub(super) const PAGE_SERIES: u64 = 128;

/// A page is closed once it takes so much, however few its series.
pub(super) const PAGE_BYTES: usize = 16 << 10;

/// The most chunks of one series.
const MAX_CHUNKS: u64 = 1 << 24;

/// What a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Values, their timestamps elsewhere or before them.
    Floats,
    /// Native histograms with their timestamps.
    Histograms,
    /// Start timestamps: their span goes from the first change to the last, their count is that of the changes.
    Starts,
}

impl Kind {
    fn number(self) -> u64 {
        match self {
            Kind::Floats => 0,
            Kind::Histograms => 1,
            Kind::Starts => 2,
        }
    }

    fn from_number(number: u64) -> Result<Kind, Malformed> {
        match number {
            0 => Ok(Kind::Floats),
            1 => Ok(Kind::Histograms),
            2 => Ok(Kind::Starts),
            _ => Err(Malformed),
        }
    }
}

/// Where the times of a chunk are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// In the block's table of columns.
    Column(u32),
    /// In the chunk itself.
    Own(Span),
}

/// A chunk as its series knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkEntry {
    pub(super) kind: Kind,
    pub(super) times: Times,
    pub(super) len: u32,
}

/// A page of chunks: its length in the file and that of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkPage {
    pub(super) len: u32,
    pub(super) content: u32,
}

/// What the times of a chunk are told by: those of the chunk before, for a series' first chunk those of the first chunk
/// of the series before.
#[derive(Debug, Default, Clone, Copy)]
struct Prediction {
    column: u32,
    ms: i64,
}

impl Prediction {
    /// Expects the next series to begin as this one does.
    fn follow(&mut self, first: &Times) {
        match first {
            Times::Column(column) => self.column = *column,
            Times::Own(span) => self.ms = span.min_ms,
        }
    }
}

/// A page being written.
#[derive(Default)]
pub(super) struct EntryWriter {
    count: u64,
    pairs: Vec<(u32, u32)>,
    labels: Vec<u8>,
    heads: Vec<u8>,
    lens: Vec<u8>,
    predicted: Prediction,
    first_column: u32,
    chunk_pages: Vec<ChunkPage>,
    first_chunk: u64,
}

impl EntryWriter {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= PAGE_SERIES || self.labels.len() + self.heads.len() + self.lens.len() >= PAGE_BYTES
    }

    /// Notes a page of chunks that was written at `offset` for the series of this page.
    pub(super) fn push_chunk_page(&mut self, offset: u64, page: ChunkPage) {
        if self.chunk_pages.is_empty() {
            self.first_chunk = offset;
        }
        self.chunk_pages.push(page);
    }

    /// Adds a series with its labels as symbols of name and value.
    pub(super) fn push(&mut self, pairs: &[(u32, u32)], chunks: &[ChunkEntry]) {
        put_labels(&self.pairs, pairs, &mut self.labels);
        self.pairs.clear();
        self.pairs.extend_from_slice(pairs);
        put_varint(&mut self.heads, chunks.len() as u64);
        let mut predicted = self.predicted;
        for (i, chunk) in chunks.iter().enumerate() {
            put_head(chunk, &mut predicted, &mut self.heads);
            put_varint(&mut self.lens, u64::from(chunk.len));
            if i == 0 {
                self.predicted.follow(&chunk.times);
            }
        }
        self.count += 1;
    }

    /// The page's content; the writer is ready for the next page.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.labels.len() + self.heads.len() + self.lens.len());
        put_varint(&mut out, self.count);
        put_varint(&mut out, u64::from(self.first_column));
        put_varint(&mut out, self.first_chunk);
        put_varint(&mut out, self.chunk_pages.len() as u64);
        for page in &self.chunk_pages {
            put_varint(&mut out, u64::from(page.len));
            put_varint(&mut out, u64::from(page.content));
        }
        put_varint(&mut out, self.labels.len() as u64);
        put_varint(&mut out, self.heads.len() as u64);
        out.extend_from_slice(&self.labels);
        out.extend_from_slice(&self.heads);
        out.extend_from_slice(&self.lens);
        let column = self.predicted.column;
        self.count = 0;
        self.pairs.clear();
        self.labels.clear();
        self.heads.clear();
        self.lens.clear();
        self.chunk_pages.clear();
        self.first_column = column;
        self.predicted = Prediction { column, ms: 0 };
        out
    }
}

/// Labels after those of the series before: how many pairs they share, then the pairs that follow. Where these have
/// the same names as before, only the distances of the values.
fn put_labels(before: &[(u32, u32)], pairs: &[(u32, u32)], out: &mut Vec<u8>) {
    let shared = before.iter().zip(pairs).take_while(|(a, b)| a == b).count();
    let (old, new) = (&before[shared..], &pairs[shared..]);
    let same_names = old.len() == new.len() && old.iter().zip(new).all(|(a, b)| a.0 == b.0);
    put_varint(out, (shared as u64) << 1 | u64::from(same_names));
    if same_names {
        for (a, b) in old.iter().zip(new) {
            put_signed(out, i64::from(b.1) - i64::from(a.1));
        }
    } else {
        put_varint(out, new.len() as u64);
        for (name, value) in new {
            put_varint(out, u64::from(*name));
            put_varint(out, u64::from(*value));
        }
    }
}

/// Turns the labels of the series before into the next one's; gives how many of the first pairs they share.
fn get_labels(cursor: &mut Cursor<'_>, pairs: &mut Vec<(u32, u32)>) -> Result<usize, Malformed> {
    let head = cursor.varint()?;
    let shared = usize::try_from(head >> 1).map_err(|_| Malformed)?;
    if head & 1 == 1 {
        for pair in pairs.get_mut(shared..).ok_or(Malformed)? {
            let value = i64::from(pair.1).checked_add(cursor.signed()?).ok_or(Malformed)?;
            pair.1 = u32::try_from(value).map_err(|_| Malformed)?;
        }
    } else {
        if shared > pairs.len() {
            return Err(Malformed);
        }
        pairs.truncate(shared);
        for _ in 0..cursor.count()? {
            pairs.push((cursor.u32_varint()?, cursor.u32_varint()?));
        }
    }
    Ok(shared)
}

/// One number: bit 0 says whether the times are the chunk's own, bits 1 and 2 what kind it is, the rest is the
/// distance of the column's number from the one expected (zigzag).
fn put_head(chunk: &ChunkEntry, predicted: &mut Prediction, out: &mut Vec<u8>) {
    let kind = chunk.kind.number() << 1;
    match chunk.times {
        Times::Column(column) => {
            let distance = i64::from(column) - i64::from(predicted.column);
            let zigzag = ((distance << 1) ^ (distance >> 63)) as u64;
            put_varint(out, zigzag << 3 | kind);
            predicted.column = column;
        }
        Times::Own(span) => {
            put_varint(out, 1 | kind);
            put_signed(out, span.min_ms.wrapping_sub(predicted.ms));
            put_varint(out, span.max_ms.wrapping_sub(span.min_ms) as u64);
            put_varint(out, u64::from(span.count));
            predicted.ms = span.max_ms;
        }
    }
}

fn get_head(cursor: &mut Cursor<'_>, predicted: &mut Prediction) -> Result<(Kind, Times), Malformed> {
    let head = cursor.varint()?;
    let kind = Kind::from_number(head >> 1 & 3)?;
    let rest = head >> 3;
    if head & 1 == 0 {
        let distance = (rest >> 1) as i64 ^ -((rest & 1) as i64);
        let column = i64::from(predicted.column)
            .checked_add(distance)
            .ok_or(Malformed)?;
        predicted.column = u32::try_from(column).map_err(|_| Malformed)?;
        return Ok((kind, Times::Column(predicted.column)));
    }
    let first = predicted.ms.wrapping_add(cursor.signed()?);
    let span = Span::new(first, cursor.varint()?, cursor.varint()?).ok_or(Malformed)?;
    predicted.ms = span.max_ms;
    if rest == 0 {
        Ok((kind, Times::Own(span)))
    } else {
        Err(Malformed)
    }
}

/// A page as it was read.
pub(super) struct EntryPage {
    bytes: Vec<u8>,
    count: u64,
    first_column: u32,
    first_chunk: u64,
    chunk_pages: Vec<ChunkPage>,
    /// Where the streams begin.
    labels: usize,
    heads: usize,
    lens: usize,
    /// Made when somebody looks for single series.
    restarts: OnceLock<Restarts>,
}

impl EntryPage {
    pub(super) fn decode(bytes: Vec<u8>) -> Result<EntryPage, Malformed> {
        let mut cursor = Cursor::new(&bytes);
        let count = cursor.count()? as u64;
        let first_column = cursor.u32_varint()?;
        let first_chunk = cursor.varint()?;
        let mut chunk_pages = Vec::new();
        for _ in 0..cursor.count()? {
            chunk_pages.push(ChunkPage {
                len: cursor.u32_varint()?,
                content: cursor.u32_varint()?,
            });
        }
        let labels_len = cursor.count()?;
        let heads_len = cursor.count()?;
        let labels = bytes.len() - cursor.rest().len();
        cursor.bytes(labels_len)?;
        cursor.bytes(heads_len)?;
        Ok(EntryPage {
            count,
            first_column,
            first_chunk,
            chunk_pages,
            labels,
            heads: labels + labels_len,
            lens: labels + labels_len + heads_len,
            restarts: OnceLock::new(),
            bytes,
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Where the pages of chunks lie in the file, in order.
    pub(super) fn chunk_ranges(&self) -> impl Iterator<Item = std::ops::Range<u64>> {
        let mut at = self.first_chunk;
        self.chunk_pages.iter().map(move |page| {
            let start = at;
            at = at.saturating_add(u64::from(page.len));
            start..at
        })
    }

    pub(super) fn cursor(&self) -> EntryCursor<'_> {
        EntryCursor::new(self)
    }
}

impl Cached for EntryPage {
    fn bytes(&self) -> usize {
        let restarts = Restarts::bytes(self.count);
        self.bytes.len() + self.chunk_pages.len() * size_of::<ChunkPage>() + restarts
    }
}

#[cfg(test)]
mod tests;
