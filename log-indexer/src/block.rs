//! A block: some 64 KiB of one stream's lines of one day, in the order of time, compressed.
//!
//! Times, numbers of arrival and lengths lie in columns before the text, so a scan decodes a few bytes a line and
//! looks at one contiguous text. Encode and decode stand side by side; layout in docs/format/logs.md.

use model::Labels;
use model::logs::LogRecord;

use crate::codec::{Extras, Reader, put_extras, put_i64, put_labels, put_u64};
use crate::head::Entry;

/// The first bytes of every block, by which a scan finds its way behind damage. The last byte is the version.
pub(crate) const MAGIC: &[u8; 4] = b"MHB\x01";

/// No block holds more when decompressed: a larger number is corruption, not data.
pub(crate) const MAX_RAW_BYTES: usize = 64 << 20;

/// Level 1: in this data higher ones save little at a fifth of the speed.
const ZSTD_LEVEL: i32 = 1;

/// What is known of a block without decompressing it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BlockHeader {
    pub(crate) stream: Labels,
    pub(crate) first_ns: i64,
    pub(crate) last_ns: i64,
    pub(crate) count: u64,
    pub(crate) max_seq: u64,
    raw_bytes: usize,
}

/// A decompressed block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) header: BlockHeader,
    rows: Vec<Row>,
    extras: Vec<u8>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    timestamp_ns: i64,
    seq: u64,
    line: (usize, usize),
    extras: (usize, usize),
}

/// Encodes the lines of one stream, sorted by time and arrival. `None` for no lines.
pub(crate) fn encode(stream: &Labels, lines: &[&Entry]) -> Option<std::io::Result<Vec<u8>>> {
    let (first, last) = (lines.first()?, lines.last()?);
    let raw = encode_columns(lines, first.timestamp_ns);
    let mut out = MAGIC.to_vec();
    put_i64(&mut out, first.timestamp_ns);
    put_u64(
        &mut out,
        last.timestamp_ns.wrapping_sub(first.timestamp_ns).cast_unsigned(),
    );
    put_u64(&mut out, lines.len() as u64);
    put_u64(&mut out, lines.iter().map(|e| e.seq).max().unwrap_or_default());
    put_u64(&mut out, raw.len() as u64);
    put_labels(&mut out, stream);
    Some(zstd::bulk::compress(&raw, ZSTD_LEVEL).map(|compressed| {
        out.extend_from_slice(&compressed);
        out
    }))
}

fn encode_columns(lines: &[&Entry], first_ns: i64) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut last_ns = first_ns;
    for line in lines {
        put_i64(&mut raw, line.timestamp_ns.wrapping_sub(last_ns));
        last_ns = line.timestamp_ns;
    }
    let mut last_seq = 0u64;
    for line in lines {
        put_i64(&mut raw, line.seq.wrapping_sub(last_seq).cast_signed());
        last_seq = line.seq;
    }
    for line in lines {
        put_u64(&mut raw, line.line.len() as u64);
    }
    let mut extras = Vec::new();
    for line in lines {
        let before = extras.len();
        let e = &line.extras;
        put_extras(&mut extras, &e.metadata, e.trace_id, e.span_id);
        put_u64(&mut raw, (extras.len() - before) as u64);
    }
    raw.append(&mut extras);
    for line in lines {
        raw.extend_from_slice(line.line.as_bytes());
        raw.push(b'\n'); // keeps the words of neighbouring lines apart when the text is indexed as a whole
    }
    raw
}

/// Reads what stands before the compressed part; gives it and that part.
pub(crate) fn decode_header(payload: &[u8]) -> Option<(BlockHeader, &[u8])> {
    let mut reader = Reader::new(payload.strip_prefix(MAGIC)?);
    let first_ns = reader.i64()?;
    let last_ns = first_ns.checked_add_unsigned(reader.u64()?)?;
    let count = reader.u64()?;
    let max_seq = reader.u64()?;
    let raw_bytes = reader.len().filter(|&len| len <= MAX_RAW_BYTES)?;
    let stream = reader.labels()?;
    let header = BlockHeader {
        stream,
        first_ns,
        last_ns,
        count,
        max_seq,
        raw_bytes,
    };
    Some((header, reader.rest()))
}

/// Decompresses a block; `None` where the bytes make no sense.
pub(crate) fn decode(payload: &[u8]) -> Option<Block> {
    let (header, compressed) = decode_header(payload)?;
    let raw = zstd::bulk::decompress(compressed, header.raw_bytes).ok()?;
    let count = usize::try_from(header.count).ok()?;
    // Four columns of a byte at least and a line break.
    if raw.len() != header.raw_bytes || count > raw.len() / 5 {
        return None;
    }
    let mut reader = Reader::new(&raw);
    let mut rows = decode_rows(&mut reader, count, header.first_ns)?;
    let extras_bytes = place_extras(&mut reader, &mut rows)?;
    let extras = reader.take(extras_bytes)?.to_vec();
    let text = String::from_utf8(reader.rest().to_vec()).ok()?;
    place_lines(&mut rows, &text)?;
    Some(Block {
        header,
        rows,
        extras,
        text,
    })
}

fn decode_rows(reader: &mut Reader<'_>, count: usize, first_ns: i64) -> Option<Vec<Row>> {
    let mut rows = Vec::with_capacity(count);
    let mut timestamp_ns = first_ns;
    for _ in 0..count {
        timestamp_ns = timestamp_ns.checked_add(reader.i64()?)?;
        rows.push(Row {
            timestamp_ns,
            seq: 0,
            line: (0, 0),
            extras: (0, 0),
        });
    }
    let mut seq = 0u64;
    for row in &mut rows {
        seq = seq.checked_add_signed(reader.i64()?)?;
        row.seq = seq;
    }
    let mut end = 0usize;
    for row in &mut rows {
        let start = end;
        end = start.checked_add(reader.len()?)?;
        row.line = (start, end);
        end = end.checked_add(1)?;
    }
    Some(rows)
}

/// Reads the column of the extras' lengths; gives their sum.
fn place_extras(reader: &mut Reader<'_>, rows: &mut [Row]) -> Option<usize> {
    let mut end = 0usize;
    for row in rows {
        let start = end;
        end = start.checked_add(reader.len()?)?;
        row.extras = (start, end);
    }
    Some(end)
}

/// Checks that every line lies in the text, on boundaries of characters, and that nothing is left over.
fn place_lines(rows: &mut [Row], text: &str) -> Option<()> {
    let mut end = 0;
    for row in rows.iter() {
        text.get(row.line.0..row.line.1)?;
        end = row.line.1 + 1;
    }
    (end == text.len()).then_some(())
}

impl Block {
    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = Line<'_>> {
        self.rows.iter().map(|row| Line {
            block: self,
            row: *row,
        })
    }

    /// All text, line after line.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// One line of a decompressed block.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    block: &'a Block,
    row: Row,
}

impl<'a> Line<'a> {
    pub(crate) fn timestamp_ns(&self) -> i64 {
        self.row.timestamp_ns
    }

    pub(crate) fn seq(&self) -> u64 {
        self.row.seq
    }

    pub(crate) fn text(&self) -> &'a str {
        self.block
            .text
            .get(self.row.line.0..self.row.line.1)
            .unwrap_or_default()
    }

    /// Metadata and trace; none where the bytes make no sense, which the checksum rules out.
    pub(crate) fn extras(&self) -> Extras {
        let bytes = self.block.extras.get(self.row.extras.0..self.row.extras.1);
        Reader::new(bytes.unwrap_or_default())
            .extras()
            .unwrap_or_default()
    }

    pub(crate) fn to_record(self) -> LogRecord {
        let extras = self.extras();
        LogRecord {
            timestamp_ns: self.row.timestamp_ns,
            stream: self.block.header.stream.clone(),
            line: self.text().to_owned(),
            metadata: extras.metadata,
            trace_id: extras.trace_id,
            span_id: extras.span_id,
        }
    }
}

#[cfg(test)]
mod tests;
