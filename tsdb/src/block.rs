//! A block: all series of one time range, immutable, in a folder of three files.
//!
//! `meta` says what the block is, `index` leads from labels to series and from series to chunks, `chunks` holds the
//! samples. [`Writer`] is the only one to write them, [`Block`] the only one to read; every section carries its
//! CRC-32C. Held in memory: the symbols and the directory; series and postings are read when asked for.
//! Format: docs/format/block.md.

mod directory;
mod meta;
mod postings;
mod reader;
mod symbols;
mod writer;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, ReadFile, frame};
use model::{Labels, StoreError};

pub use meta::BlockMeta;
pub(crate) use reader::SeriesReader;
pub(crate) use writer::{ChunkToWrite, Origin, TMP_SUFFIX, Writer};

use crate::bytes::{Cursor, Malformed};
use crate::error::{corrupt, io};
use crate::merge::Part;
use directory::Directory;
use symbols::Symbols;

/// The first bytes of the files of a block: magic and version.
const INDEX_MAGIC: &[u8; 8] = b"MHIDX\x00\x00\x01";
const CHUNKS_MAGIC: &[u8; 8] = b"MHCHK\x00\x00\x01";

/// Frame kinds within `index`.
const SERIES_PAGE: u8 = 1;
const POSTINGS: u8 = 2;
const SYMBOLS: u8 = 3;
const DIRECTORY: u8 = 4;

/// Series in one page of the index: the unit of reading.
const PAGE_SERIES: u32 = 64;

/// The checksum before each chunk.
const CHUNK_HEADER: usize = 4;

/// Where a chunk lies, what it spans, and how many samples it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkRef {
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) count: u32,
    /// Of the checksum before it.
    offset: u64,
    /// Without the checksum.
    len: u32,
}

/// A series of a block: its labels and where its samples lie.
#[derive(Debug, Clone)]
pub(crate) struct BlockSeries {
    pub(crate) labels: Labels,
    pub(crate) chunks: Vec<ChunkRef>,
}

/// A block open for reading.
pub struct Block {
    dir: PathBuf,
    meta: BlockMeta,
    index: Arc<dyn ReadFile>,
    chunks: Arc<dyn ReadFile>,
    symbols: Symbols,
    directory: Directory,
}

impl Block {
    /// Opens the block in `dir`: reads `meta`, symbols and directory, and checks that the other files have the
    /// length that `meta` says.
    pub(crate) fn open(fs: &dyn Fs, dir: &Path) -> Result<Block, StoreError> {
        let meta_path = dir.join(meta::FILE);
        let meta_bytes = fs.read(&meta_path).map_err(|e| io("read", &meta_path, e))?;
        let meta =
            meta::decode(&meta_bytes).map_err(|e| corrupt(meta_path.display().to_string(), e.to_string()))?;
        let index = open_file(fs, &dir.join(writer::INDEX_FILE), INDEX_MAGIC, meta.index_bytes)?;
        let chunks = open_file(
            fs,
            &dir.join(writer::CHUNKS_FILE),
            CHUNKS_MAGIC,
            meta.chunks_bytes,
        )?;
        let mut block = Block {
            dir: dir.to_owned(),
            index,
            chunks,
            symbols: Symbols::default(),
            directory: Directory::default(),
            meta,
        };
        let symbols = block.frame(SYMBOLS, block.meta.symbols.clone())?;
        block.symbols = Symbols::decode(&symbols).map_err(|e| block.bad_index("symbols", e))?;
        let directory = block.frame(DIRECTORY, block.meta.directory.clone())?;
        block.directory = Directory::decode(&directory, block.symbols.len())
            .map_err(|e| block.bad_index("directory", e))?;
        Ok(block)
    }

    /// What the block is.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// Its folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn bad_index(&self, what: &str, error: Malformed) -> StoreError {
        let path = self.dir.join(writer::INDEX_FILE);
        corrupt(format!("{what} of {}", path.display()), error.to_string())
    }

    /// The payload of the frame that lies at `range` of the index.
    fn frame(&self, kind: u8, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let path = self.dir.join(writer::INDEX_FILE);
        let at = || format!("{} at byte {}", path.display(), range.start);
        let len = range
            .end
            .checked_sub(range.start)
            .filter(|_| range.end <= self.meta.index_bytes);
        let len = len.and_then(|len| usize::try_from(len).ok());
        let len = len.ok_or_else(|| corrupt(at(), "range is out of bounds"))?;
        let mut bytes = vec![0; len];
        self.index
            .read_exact_at(&mut bytes, range.start)
            .map_err(|e| io("read", &path, e))?;
        match frame::decode(&bytes) {
            Ok(Some((found, used))) if found.kind == kind && used == len => {
                bytes.drain(..frame::HEADER_LEN);
                Ok(bytes)
            }
            Ok(_) => Err(corrupt(at(), "another frame than the directory says")),
            Err(e) => Err(corrupt(at(), e.to_string())),
        }
    }

    fn decode_series(&self, entry: &[u8]) -> Result<BlockSeries, Malformed> {
        let mut cursor = Cursor::new(entry);
        let count = cursor.count()?;
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            let name = self.symbols.get(cursor.u32_varint()?).ok_or(Malformed)?;
            pairs.push((name, self.symbols.get(cursor.u32_varint()?).ok_or(Malformed)?));
        }
        let count = cursor.count()?;
        let mut chunks = Vec::with_capacity(count);
        let (mut last_ms, mut end) = (0i64, 0u64);
        for _ in 0..count {
            let min_ms = last_ms.wrapping_add(cursor.signed()?);
            let max_ms = min_ms.checked_add_unsigned(cursor.varint()?).ok_or(Malformed)?;
            let samples = cursor.u32_varint()?;
            let offset = end.checked_add(cursor.varint()?).ok_or(Malformed)?;
            let len = cursor.u32_varint()?;
            chunks.push(ChunkRef {
                min_ms,
                max_ms,
                count: samples,
                offset,
                len,
            });
            last_ms = max_ms;
            end = offset.saturating_add(CHUNK_HEADER as u64 + u64::from(len));
        }
        Ok(BlockSeries {
            labels: Labels::from_pairs(pairs),
            chunks,
        })
    }

    /// Reads the chunks that overlap a range; neighbours in one go.
    pub(crate) fn load(
        &self,
        chunks: &[ChunkRef],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<Part>, StoreError> {
        let from = chunks
            .iter()
            .position(|c| c.max_ms >= start_ms)
            .unwrap_or(chunks.len());
        let wanted = chunks.get(from..).unwrap_or_default();
        let to = wanted
            .iter()
            .position(|c| c.min_ms > end_ms)
            .unwrap_or(wanted.len());
        let wanted = wanted.get(..to).unwrap_or_default();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(Vec::new());
        };
        let path = self.dir.join(writer::CHUNKS_FILE);
        let bad = |offset: u64, why: &str| corrupt(format!("{} at byte {offset}", path.display()), why);
        let end = last
            .offset
            .saturating_add(CHUNK_HEADER as u64 + u64::from(last.len));
        if end > self.meta.chunks_bytes || end < first.offset {
            return Err(bad(first.offset, "chunk is out of bounds"));
        }
        let len = usize::try_from(end - first.offset).map_err(|_| bad(first.offset, "chunk is too long"))?;
        let mut bytes = vec![0; len];
        self.chunks
            .read_exact_at(&mut bytes, first.offset)
            .map_err(|e| io("read", &path, e))?;
        let buffer: Arc<[u8]> = bytes.into();
        wanted
            .iter()
            .map(|chunk| {
                let range = checked(&buffer, chunk, first.offset)
                    .ok_or_else(|| bad(chunk.offset, "checksum does not match"))?;
                let (min_ms, max_ms) = (chunk.min_ms, chunk.max_ms);
                Ok(Part::Chunk {
                    buffer: Arc::clone(&buffer),
                    range,
                    min_ms,
                    max_ms,
                })
            })
            .collect()
    }

    /// The names of all labels, in no particular order.
    pub(crate) fn label_names(&self) -> impl Iterator<Item = &str> {
        self.directory.names().filter_map(|name| self.symbols.get(name))
    }

    /// The values of one label, sorted.
    pub(crate) fn label_values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.directory.values(&self.symbols, name);
        values.iter().filter_map(|value| self.symbols.get(value.symbol))
    }
}

/// Where in `buffer`, which begins at `base` of the file, the bytes of a chunk lie, if they check out.
fn checked(buffer: &[u8], chunk: &ChunkRef, base: u64) -> Option<Range<usize>> {
    let start = usize::try_from(chunk.offset.checked_sub(base)?).ok()?;
    let from = start.checked_add(CHUNK_HEADER)?;
    let to = from.checked_add(chunk.len as usize)?;
    let expected = buffer.get(start..from)?.first_chunk::<4>()?;
    let bytes = buffer.get(from..to)?;
    (crc32c::crc32c(bytes) == u32::from_le_bytes(*expected)).then_some(from..to)
}

fn open_file(
    fs: &dyn Fs,
    path: &Path,
    magic: &[u8; 8],
    expected: u64,
) -> Result<Arc<dyn ReadFile>, StoreError> {
    let file = fs.open(path).map_err(|e| io("open", path, e))?;
    let len = file.len().map_err(|e| io("read", path, e))?;
    if len != expected {
        let detail = format!("{len} bytes long, should be {expected}");
        return Err(corrupt(path.display().to_string(), detail));
    }
    let mut found = [0; 8];
    file.read_exact_at(&mut found, 0)
        .map_err(|e| io("read", path, e))?;
    if &found != magic {
        return Err(corrupt(path.display().to_string(), "not a file of this version"));
    }
    Ok(file)
}
