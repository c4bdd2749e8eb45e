//! What a block is: the file `meta`, magic and one frame. Drawn in docs/format/block.md.

use std::ops::Range;

use durable::frame;

use crate::bytes::{Cursor, Malformed, put_signed, put_varint};
use crate::view::Floor;

/// The file's name within the block's folder.
pub(super) const FILE: &str = "meta";

/// Magic and version.
const MAGIC: &[u8; 8] = b"MHBLK\x00\x00\x01";

/// The only frame's kind.
const META: u8 = 1;

/// What a block is and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockMeta {
    /// Unique within a data folder and never used again; later blocks have higher ones.
    pub id: u64,
    /// The first millisecond of its range, inclusive.
    pub min_ms: i64,
    /// The end of its range, exclusive.
    pub max_ms: i64,
    /// 1 when cut from the head, one more than its highest source when compacted.
    pub level: u32,
    /// The blocks it stands for, theirs included: if one of them turns up beside it, that one is left over.
    pub sources: Vec<u64>,
    /// Series in it.
    pub series: u64,
    /// Samples in it.
    pub samples: u64,
    /// Chunks in it.
    pub chunks: u64,
    /// Length of its index in bytes.
    pub index_bytes: u64,
    /// Length of its chunks file in bytes.
    pub chunks_bytes: u64,
    /// Up to where this and earlier blocks stand in for the log.
    pub(crate) floor: Floor,
    /// Where in the index the symbols lie.
    pub(super) symbols: Range<u64>,
    /// Where in the index the directory lies.
    pub(super) directory: Range<u64>,
}

impl BlockMeta {
    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.index_bytes.saturating_add(self.chunks_bytes)
    }

    /// A meta of which only these values matter.
    #[cfg(test)]
    pub(crate) fn for_tests(id: u64, min_ms: i64, max_ms: i64, bytes: u64) -> BlockMeta {
        BlockMeta {
            id,
            min_ms,
            max_ms,
            level: 1,
            sources: Vec::new(),
            series: 1,
            samples: 1,
            chunks: 1,
            index_bytes: bytes,
            chunks_bytes: 0,
            floor: Floor::NONE,
            symbols: 0..0,
            directory: 0..0,
        }
    }

    /// The name of the block's folder.
    pub(crate) fn dir_name(&self) -> String {
        format!("{:010}_{}_{}", self.id, self.min_ms, self.max_ms)
    }
}

pub(super) fn encode(meta: &BlockMeta) -> Vec<u8> {
    let mut payload = Vec::new();
    put_varint(&mut payload, meta.id);
    put_signed(&mut payload, meta.min_ms);
    put_signed(&mut payload, meta.max_ms);
    put_varint(&mut payload, u64::from(meta.level));
    put_varint(&mut payload, meta.sources.len() as u64);
    for source in &meta.sources {
        put_varint(&mut payload, *source);
    }
    let (symbols, directory) = (&meta.symbols, &meta.directory);
    put_signed(&mut payload, meta.floor.floor_ms);
    for number in [
        meta.floor.batch,
        meta.series,
        meta.samples,
        meta.chunks,
        meta.index_bytes,
        meta.chunks_bytes,
        symbols.start,
        symbols.end,
        directory.start,
        directory.end,
    ] {
        put_varint(&mut payload, number);
    }
    let mut out = MAGIC.to_vec();
    frame::encode(META, &payload, &mut out);
    out
}

pub(super) fn decode(bytes: &[u8]) -> Result<BlockMeta, Malformed> {
    let bytes = bytes.strip_prefix(MAGIC).ok_or(Malformed)?;
    let (found, used) = frame::decode(bytes).ok().flatten().ok_or(Malformed)?;
    if found.kind != META || used != bytes.len() {
        return Err(Malformed);
    }
    let mut c = Cursor::new(found.payload);
    let (id, min_ms, max_ms, level) = (c.varint()?, c.signed()?, c.signed()?, c.u32_varint()?);
    let count = c.count()?;
    let sources = (0..count)
        .map(|_| c.varint())
        .collect::<Result<Vec<u64>, Malformed>>()?;
    let floor = Floor {
        floor_ms: c.signed()?,
        batch: c.varint()?,
    };
    let meta = BlockMeta {
        id,
        min_ms,
        max_ms,
        level,
        sources,
        floor,
        series: c.varint()?,
        samples: c.varint()?,
        chunks: c.varint()?,
        index_bytes: c.varint()?,
        chunks_bytes: c.varint()?,
        symbols: c.varint()?..c.varint()?,
        directory: c.varint()?..c.varint()?,
    };
    if min_ms < max_ms && c.is_empty() {
        Ok(meta)
    } else {
        Err(Malformed)
    }
}
