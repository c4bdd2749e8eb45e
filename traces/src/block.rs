//! An immutable file of spans: groups of whole traces, the newest trace last, each group with a filter of its
//! terms; a table from trace id to group; an index with the bounds of it all.
//!
//! Opening reads the index only. A read of a group costs one `pread`, a checksum and a decompression; asking a
//! filter or looking up a trace costs one small `pread`. Format: docs/format/spans.md.

pub(crate) mod build;
pub(crate) mod filter;
pub(crate) mod index;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, ReadFile, frame};
use model::StoreError;
use model::spans::TraceId;

use crate::codec::Batch;
use crate::codec::wire::Reader;
use crate::error::corrupt;
use index::{Index, Place};

/// The first bytes of a block: magic and version.
pub(crate) const MAGIC: &[u8; 8] = b"MHSPN\x00\x00\x01";

/// Bytes of the end of a block: where the index is, its length, and the magic again.
pub(crate) const FOOTER_LEN: usize = 8 + 4 + 8;

/// Entries of the trace table a page.
pub(crate) const PAGE_TRACES: usize = 256;

/// Bytes of an entry of the trace table: the id, big-endian, and the group's number.
const TRACE_ENTRY_LEN: usize = 16 + 4;

/// No group is larger when decompressed: a group is closed at 1 MiB, and a last span may be as large as a batch.
const MAX_GROUP_BYTES: usize = 128 << 20;

/// Kinds of the frames of a block.
pub(crate) mod part {
    pub(crate) const GROUP: u8 = 1;
    pub(crate) const FILTER: u8 = 2;
    pub(crate) const TRACES: u8 = 3;
    pub(crate) const INDEX: u8 = 4;
}

/// A block open for reading.
pub(crate) struct Block {
    /// Its number, rising with time.
    pub(crate) id: u64,
    path: PathBuf,
    file: Arc<dyn ReadFile>,
    /// Length of the file in bytes.
    pub(crate) bytes: u64,
    /// What it holds.
    pub(crate) index: Index,
}

impl Block {
    /// The name of the file of block `id`.
    pub(crate) fn file_name(id: u64) -> String {
        format!("{id:010}.spans")
    }

    /// The number in a block's file name.
    pub(crate) fn id_of(name: &str) -> Option<u64> {
        name.strip_suffix(".spans")?.parse().ok()
    }

    /// Opens a block and reads its index.
    ///
    /// # Errors
    /// The disk refused, or the file is no block or damaged.
    pub(crate) fn open(fs: &dyn Fs, dir: &Path, id: u64) -> Result<Block, StoreError> {
        let path = dir.join(Self::file_name(id));
        let io = |e| StoreError::io(format!("open {}", path.display()), e);
        let file = fs.open(&path).map_err(io)?;
        let bytes = file.len().map_err(io)?;
        let index_place = read_footer(&*file, &path, bytes)?;
        let mut block = Block {
            id,
            path,
            file,
            bytes,
            index: Index::default(),
        };
        let payload = block.read(index_place, part::INDEX)?;
        block.index = Index::decode(&payload)
            .map_err(|e| corrupt(&block.path, index_place.offset, &format!("index: {e}")))?;
        Ok(block)
    }

    /// Reads a group whole.
    ///
    /// # Errors
    /// The disk failed or the group is damaged.
    pub(crate) fn group(&self, number: u32) -> Result<Batch, StoreError> {
        let group = self.index.groups.get(number as usize);
        let place = group
            .ok_or_else(|| corrupt(&self.path, 0, &"trace table names no group"))?
            .place;
        let payload = self.read(place, part::GROUP)?;
        let bad = |e: String| corrupt(&self.path, place.offset, &format!("group: {e}"));
        let raw = decompress(&payload).map_err(|e| bad(e.to_string()))?;
        Batch::decode(&raw).map_err(|e| bad(e.to_string()))
    }

    /// Whether a group may hold all the terms; false is certain.
    ///
    /// # Errors
    /// The disk failed or the filter is damaged.
    pub(crate) fn may_hold(&self, number: u32, terms: &[u64]) -> Result<bool, StoreError> {
        let Some(group) = self
            .index
            .groups
            .get(number as usize)
            .filter(|_| !terms.is_empty())
        else {
            return Ok(true);
        };
        let filter = self.read(group.filter, part::FILTER)?;
        Ok(terms.iter().all(|term| filter::may_contain(&filter, *term)))
    }

    /// The groups that hold spans of the traces, which must be sorted.
    ///
    /// # Errors
    /// The disk failed or the trace table is damaged.
    pub(crate) fn groups_of(&self, sorted: &[TraceId]) -> Result<Vec<u32>, StoreError> {
        let mut groups = Vec::new();
        let mut page: Option<(usize, Vec<(TraceId, u32)>)> = None;
        for id in sorted {
            // The first page whose successor starts beyond the id; entries of one id can go over several pages.
            let mut number = self
                .index
                .pages
                .partition_point(|p| p.first < *id)
                .saturating_sub(1);
            while self.index.pages.get(number).is_some_and(|p| p.first <= *id) {
                let entries = match page.take() {
                    Some((held, entries)) if held == number => entries,
                    _ => self.trace_page(number)?,
                };
                let from = entries.partition_point(|(entry, _)| entry < id);
                groups.extend(
                    entries
                        .iter()
                        .skip(from)
                        .take_while(|(entry, _)| entry == id)
                        .map(|(_, g)| *g),
                );
                page = Some((number, entries));
                number += 1;
            }
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }

    fn trace_page(&self, number: usize) -> Result<Vec<(TraceId, u32)>, StoreError> {
        let Some(page) = self.index.pages.get(number) else {
            return Ok(Vec::new());
        };
        let payload = self.read(page.place, part::TRACES)?;
        let mut reader = Reader::new(&payload);
        let mut entries = Vec::with_capacity(payload.len() / TRACE_ENTRY_LEN);
        while reader.left() > 0 {
            let entry = reader.array().and_then(|id| Ok((id, reader.array()?)));
            let (id, group) = entry.map_err(|e| corrupt(&self.path, page.place.offset, &e))?;
            entries.push((TraceId(u128::from_be_bytes(id)), u32::from_le_bytes(group)));
        }
        Ok(entries)
    }

    /// Reads the payload of a frame.
    fn read(&self, place: Place, kind: u8) -> Result<Vec<u8>, StoreError> {
        let end = place.offset.saturating_add(place.len.into());
        if end > self.bytes {
            return Err(corrupt(
                &self.path,
                place.offset,
                &"lies beyond the end of the file",
            ));
        }
        let mut bytes = vec![0; place.len as usize];
        self.file
            .read_exact_at(&mut bytes, place.offset)
            .map_err(|e| StoreError::io(format!("read {}", self.path.display()), e))?;
        match frame::decode(&bytes) {
            Ok(Some((frame, len))) if frame.kind == kind && len == bytes.len() => {
                bytes.drain(..frame::HEADER_LEN);
                Ok(bytes)
            }
            Ok(_) => Err(corrupt(&self.path, place.offset, &"not the part expected")),
            Err(why) => Err(corrupt(&self.path, place.offset, &why)),
        }
    }
}

fn read_footer(file: &dyn ReadFile, path: &Path, bytes: u64) -> Result<Place, StoreError> {
    let at = bytes
        .checked_sub(FOOTER_LEN as u64)
        .ok_or_else(|| corrupt(path, 0, &"shorter than its end"))?;
    let io = |e| StoreError::io(format!("read {}", path.display()), e);
    let mut magic = [0; MAGIC.len()];
    file.read_exact_at(&mut magic, 0).map_err(io)?;
    let mut footer = [0; FOOTER_LEN];
    file.read_exact_at(&mut footer, at).map_err(io)?;
    let mut reader = Reader::new(&footer);
    let mut parts = || Ok((reader.array()?, reader.array()?, reader.array()?));
    let (offset, len, end) = parts().map_err(|e: crate::codec::CodecError| corrupt(path, at, &e))?;
    if magic != *MAGIC || end != *MAGIC {
        return Err(corrupt(path, 0, &"not a block of spans of this version"));
    }
    Ok(Place {
        offset: u64::from_le_bytes(offset),
        len: u32::from_le_bytes(len),
    })
}

/// Decompresses a group; its length comes first, so that no more is allocated than it says and than allowed.
fn decompress(payload: &[u8]) -> std::io::Result<Vec<u8>> {
    let invalid = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, why);
    let (len, compressed) = payload
        .split_first_chunk::<4>()
        .ok_or_else(|| invalid("cut short"))?;
    let len = u32::from_le_bytes(*len) as usize;
    if len > MAX_GROUP_BYTES {
        return Err(invalid("too large"));
    }
    let raw = zstd::bulk::decompress(compressed, len)?;
    if raw.len() == len {
        Ok(raw)
    } else {
        Err(invalid("length differs"))
    }
}
