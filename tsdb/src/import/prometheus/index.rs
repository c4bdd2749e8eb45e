//! `index`, version 2: the table of contents, the symbols, and the series one after the other.
//!
//! Postings and label indices serve queries and are not read. Costs the symbols in memory and four bytes each.

use std::path::Path;

use durable::Fs;
use model::{Labels, LabelsBuilder, StoreError};

use super::file::{Source, Window, u32_be, u64_be};
use crate::bytes::{Cursor, Malformed, checks_out};

const MAGIC: u32 = 0xBAAA_D700;
const HEADER_BYTES: u64 = 5;
const TOC_BYTES: u64 = 6 * 8 + 4;
const SERIES_ALIGNMENT: u64 = 16;

/// Where a chunk is and what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkMeta {
    pub(super) min_ms: i64,
    /// Inclusive.
    pub(super) max_ms: i64,
    /// Segment in the upper half, offset in the lower.
    pub(super) reference: u64,
}

/// One series of a block.
#[derive(Debug)]
pub(super) struct SeriesEntry {
    /// By which tombstones name it.
    pub(super) reference: u64,
    pub(super) labels: Labels,
    pub(super) chunks: Vec<ChunkMeta>,
}

/// A walk over the series of an index.
pub(super) struct Index {
    source: Source,
    window: Window,
    symbols: Symbols,
    next: u64,
    end: u64,
}

impl Index {
    pub(super) fn open(fs: &dyn Fs, path: &Path) -> Result<Index, StoreError> {
        let source = Source::open(fs, path)?;
        let header = source.read(0, HEADER_BYTES)?;
        let mut cursor = Cursor::new(&header);
        let magic = u32_be(&mut cursor).map_err(|e| source.corrupt(0, e.to_string()))?;
        let version = cursor.u8().map_err(|e| source.corrupt(4, e.to_string()))?;
        if magic != MAGIC {
            return Err(source.corrupt(0, "not an index"));
        }
        if version != 2 {
            let detail =
                format!("index version {version} is not known, only 2 (of Prometheus 2.3 and later)");
            return Err(source.corrupt(4, detail));
        }
        let toc = Toc::read(&source)?;
        let symbols = Symbols::read(&source, toc.symbols)?;
        Ok(Index {
            next: toc.series,
            end: toc.series_end,
            window: Window::default(),
            symbols,
            source,
        })
    }

    /// The next series, `None` at the end of the section.
    pub(super) fn next(&mut self) -> Result<Option<SeriesEntry>, StoreError> {
        loop {
            let offset = self.next.next_multiple_of(SERIES_ALIGNMENT);
            if offset >= self.end {
                return Ok(None);
            }
            let head = self.window.at_most(&self.source, offset, 10)?;
            let mut cursor = Cursor::new(head);
            let len = cursor
                .varint()
                .map_err(|e| self.source.corrupt(offset, format!("length of a series: {e}")))?;
            let body = offset + (head.len() - cursor.rest().len()) as u64;
            if len == 0 {
                // Padding: an entry has at least its two counts.
                self.next = offset + SERIES_ALIGNMENT;
                continue;
            }
            if len > self.end.saturating_sub(body).saturating_sub(4) {
                return Err(self.source.corrupt(
                    offset,
                    format!("a series of {len} bytes reaches beyond its section"),
                ));
            }
            let bytes = self.window.exactly(&self.source, body, len + 4)?;
            let content =
                checked(bytes).ok_or_else(|| self.source.corrupt(offset, "checksum of a series"))?;
            let (labels, chunks) = entry(content, &self.symbols)
                .map_err(|e| self.source.corrupt(offset, format!("series: {e}")))?;
            self.next = body + len + 4;
            return Ok(Some(SeriesEntry {
                reference: offset / SERIES_ALIGNMENT,
                labels,
                chunks,
            }));
        }
    }
}

/// Where sections begin.
struct Toc {
    symbols: u64,
    series: u64,
    series_end: u64,
}

impl Toc {
    fn read(source: &Source) -> Result<Toc, StoreError> {
        let start = source
            .len
            .checked_sub(TOC_BYTES)
            .ok_or_else(|| source.corrupt(0, "too short for a table of contents"))?;
        let bytes = source.read(start, TOC_BYTES)?;
        let content =
            checked(&bytes).ok_or_else(|| source.corrupt(start, "checksum of the table of contents"))?;
        let mut cursor = Cursor::new(content);
        let mut sections = [0u64; 6];
        for section in &mut sections {
            *section = u64_be(&mut cursor).map_err(|e| source.corrupt(start, e.to_string()))?;
        }
        let [symbols, series, rest @ ..] = sections;
        // A section that is absent is at 0; the first one behind the series ends them.
        let series_end = rest.into_iter().filter(|at| *at > series).min().unwrap_or(start);
        if series == 0 || symbols == 0 || series_end > start {
            return Err(source.corrupt(
                start,
                "table of contents names no series or points beyond the file",
            ));
        }
        Ok(Toc {
            symbols,
            series,
            series_end,
        })
    }
}

/// All text of an index, by number.
struct Symbols {
    text: String,
    /// Where each begins and ends in `text`.
    spans: Vec<(u32, u32)>,
}

impl Symbols {
    fn read(source: &Source, offset: u64) -> Result<Symbols, StoreError> {
        let fault = |detail: &str| source.corrupt(offset, format!("symbols: {detail}"));
        let len = source.read(offset, 4)?;
        let len = u32_be(&mut Cursor::new(&len)).map_err(|_| fault("length"))?;
        let bytes = source.read(offset + 4, u64::from(len) + 4)?;
        let content = checked(&bytes).ok_or_else(|| fault("checksum"))?;
        let mut cursor = Cursor::new(content);
        let count = u32_be(&mut cursor).map_err(|_| fault("count"))? as usize;
        if count > cursor.rest().len() {
            return Err(fault("more are named than bytes are there"));
        }
        let mut symbols = Symbols {
            text: String::with_capacity(content.len()),
            spans: Vec::with_capacity(count),
        };
        for _ in 0..count {
            let text = cursor.text().map_err(|_| fault("cut short, or not UTF-8"))?;
            let start = symbols.text.len();
            symbols.text.push_str(text);
            // The section is shorter than 4 GiB, so its parts are.
            symbols.spans.push((start as u32, symbols.text.len() as u32));
        }
        Ok(symbols)
    }

    fn get(&self, number: u32) -> Result<&str, Malformed> {
        let (start, end) = self.spans.get(number as usize).ok_or(Malformed)?;
        self.text.get(*start as usize..*end as usize).ok_or(Malformed)
    }
}

/// Cuts off four bytes of CRC-32C and gives what is before if they agree.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    checks_out(content, u32::from_be_bytes(*crc)).then_some(content)
}

fn entry(bytes: &[u8], symbols: &Symbols) -> Result<(Labels, Vec<ChunkMeta>), Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut builder = LabelsBuilder::default();
    for _ in 0..cursor.count()? {
        let name = symbols.get(cursor.u32_varint()?)?;
        builder.set(name, symbols.get(cursor.u32_varint()?)?);
    }
    let count = cursor.count()?;
    let mut chunks: Vec<ChunkMeta> = Vec::with_capacity(count);
    for _ in 0..count {
        // Differences wrap: a chunk may begin before its predecessor ends.
        let (min_ms, reference) = match chunks.last() {
            None => (cursor.signed()?, None),
            Some(last) => (
                last.max_ms.wrapping_add(cursor.varint()? as i64),
                Some(last.reference),
            ),
        };
        let max_ms = min_ms.wrapping_add(cursor.varint()? as i64);
        let reference = match reference {
            None => cursor.varint()?,
            Some(last) => last.wrapping_add_signed(cursor.signed()?),
        };
        chunks.push(ChunkMeta {
            min_ms,
            max_ms,
            reference,
        });
    }
    Ok((builder.build(), chunks))
}
