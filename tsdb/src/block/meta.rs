//! What a block is: the file `meta`, magic and one frame. Drawn in docs/format/block.md.

use std::ops::Range;

use durable::frame;

use crate::bytes::{Cursor, Malformed, put_signed, put_varint};

/// Ends the name of a folder that is being written.
pub(crate) const TMP_SUFFIX: &str = ".tmp";

/// The file's name within the block's folder.
pub(super) const FILE: &str = "meta";

/// Magic of the file; a version follows.
pub(super) const MAGIC: &[u8; 7] = b"MHBLK\x00\x00";

/// The version of all files of a block.
pub(super) const VERSION: u8 = 2;

/// The only frame's kind.
const META: u8 = 1;

/// What a block is and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockMeta {
    /// Unique within a data folder and never used again; later blocks have higher ones.
    pub id: u64,
    /// The first millisecond of its range, inclusive.
    pub min_ms: i64,
    /// The end of its range, exclusive.
    pub max_ms: i64,
    /// 1 when flushed from the head, one more than its highest source when compacted.
    pub level: u32,
    /// The blocks it stands for, theirs included: if one of them turns up beside it, that one is left over.
    pub sources: Vec<u64>,
    /// All log generations below this one are in this block and others; 0 when it says nothing of the log.
    pub log_floor: u64,
    /// 0 for samples as they came; else the milliseconds that one downsampled point stands for.
    pub resolution_ms: i64,
    /// Series in it.
    pub series: u64,
    /// Samples in it.
    pub samples: u64,
    /// Chunks in it.
    pub chunks: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

impl BlockMeta {
    /// The name of the block's folder: `ID_MIN_MAX`.
    pub fn dir_name(&self) -> String {
        format!("{:010}_{}_{}", self.id, self.min_ms, self.max_ms)
    }

    /// A meta of which only these values matter.
    #[cfg(test)]
    pub(crate) fn for_tests(id: u64, min_ms: i64, max_ms: i64, bytes: u64) -> BlockMeta {
        BlockMeta {
            id,
            min_ms,
            max_ms,
            bytes,
            level: 1,
            ..BlockMeta::default()
        }
    }
}

/// Where the parts of `index` lie, and how long the files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    pub(super) index_len: u64,
    pub(super) chunks_len: u64,
    /// Tables of the pages of series, columns of times, symbols, postings, and the names of labels.
    pub(super) tables: [Range<u64>; TABLES],
}

/// The tables, by their place in [`Layout::tables`].
pub(super) const SERIES: usize = 0;
pub(super) const COLUMNS: usize = 1;
pub(super) const SYMBOLS: usize = 2;
pub(super) const POSTINGS: usize = 3;
pub(super) const NAMES: usize = 4;
pub(super) const TABLES: usize = 5;

/// Why a file is no `meta`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadMeta {
    /// The bytes do not check out.
    Corrupt(String),
    /// It is one, but of another version.
    Version(u8),
}

pub(super) fn encode(meta: &BlockMeta, layout: &Layout) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, meta.id);
    put_signed(&mut out, meta.min_ms);
    put_signed(&mut out, meta.max_ms);
    put_varint(&mut out, u64::from(meta.level));
    put_varint(&mut out, meta.sources.len() as u64);
    for &source in &meta.sources {
        put_varint(&mut out, source);
    }
    put_varint(&mut out, meta.log_floor);
    put_signed(&mut out, meta.resolution_ms);
    put_varint(&mut out, meta.series);
    put_varint(&mut out, meta.samples);
    put_varint(&mut out, meta.chunks);
    put_varint(&mut out, layout.index_len);
    put_varint(&mut out, layout.chunks_len);
    for range in &layout.tables {
        put_varint(&mut out, range.start);
        put_varint(&mut out, range.end - range.start);
    }
    let mut file = MAGIC.to_vec();
    file.push(VERSION);
    frame::encode(META, &out, &mut file);
    file
}

pub(super) fn decode(bytes: &[u8]) -> Result<(BlockMeta, Layout), BadMeta> {
    let corrupt = |detail: &str| BadMeta::Corrupt(detail.to_owned());
    let rest = bytes
        .strip_prefix(MAGIC.as_slice())
        .ok_or_else(|| corrupt("magic differs at byte 0"))?;
    let (&version, rest) = rest.split_first().ok_or_else(|| corrupt("file is cut short"))?;
    if version != VERSION {
        return Err(BadMeta::Version(version));
    }
    match frame::decode(rest) {
        Ok(Some((frame, len))) if frame.kind == META && len == rest.len() => {
            decode_fields(frame.payload, bytes.len() as u64).map_err(|e| corrupt(&e.to_string()))
        }
        Ok(_) => Err(corrupt("not one frame")),
        Err(e) => Err(corrupt(&e.to_string())),
    }
}

fn decode_fields(payload: &[u8], file_len: u64) -> Result<(BlockMeta, Layout), Malformed> {
    let mut cursor = Cursor::new(payload);
    let mut meta = BlockMeta {
        id: cursor.varint()?,
        min_ms: cursor.signed()?,
        max_ms: cursor.signed()?,
        level: cursor.u32_varint()?,
        ..BlockMeta::default()
    };
    for _ in 0..cursor.count()? {
        meta.sources.push(cursor.varint()?);
    }
    meta.log_floor = cursor.varint()?;
    meta.resolution_ms = cursor.signed()?;
    meta.series = cursor.varint()?;
    meta.samples = cursor.varint()?;
    meta.chunks = cursor.varint()?;
    let mut layout = Layout {
        index_len: cursor.varint()?,
        chunks_len: cursor.varint()?,
        ..Layout::default()
    };
    for range in &mut layout.tables {
        let start = cursor.varint()?;
        let end = start.checked_add(cursor.varint()?).ok_or(Malformed)?;
        if end > layout.index_len {
            return Err(Malformed);
        }
        *range = start..end;
    }
    let files = layout.index_len.checked_add(layout.chunks_len);
    meta.bytes = files.and_then(|len| len.checked_add(file_len)).ok_or(Malformed)?;
    if cursor.is_empty() && u32::try_from(meta.series).is_ok() {
        Ok((meta, layout))
    } else {
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (BlockMeta, Layout) {
        let meta = BlockMeta {
            id: 7,
            min_ms: -5,
            max_ms: 1 << 40,
            level: 3,
            sources: vec![1, 2, 3],
            log_floor: 9,
            resolution_ms: 300_000,
            series: 100,
            samples: 12_345,
            chunks: 101,
            bytes: 0,
        };
        let layout = Layout {
            index_len: 5000,
            chunks_len: 70_000,
            tables: [8..10, 20..30, 30..40, 40..41, 100..5000],
        };
        (meta, layout)
    }

    #[test]
    fn a_meta_comes_back_and_every_flipped_bit_is_noticed() {
        let (meta, layout) = example();
        let bytes = encode(&meta, &layout);
        let (got, got_layout) = decode(&bytes).unwrap();
        assert_eq!(got_layout, layout);
        assert_eq!(got.bytes, 75_000 + bytes.len() as u64);
        assert_eq!(BlockMeta { bytes: 0, ..got }, meta);
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_version_is_told_from_corruption() {
        let (meta, layout) = example();
        let mut bytes = encode(&meta, &layout);
        bytes[7] = 1;
        assert_eq!(decode(&bytes), Err(BadMeta::Version(1)));
    }
}
