//! `chunks/`: the segments that hold a block's chunks.

use std::path::Path;

use durable::Fs;
use model::StoreError;

use super::chunk::Encoding;
use super::file::{Source, Window, u32_be};
use super::numbered;
use crate::bytes::{Cursor, checks_out};

const MAGIC: u32 = 0x85BD_40DD;
const HEADER_BYTES: u64 = 8;
/// Length and encoding: a length of 32 bits takes up to five bytes.
const MAX_CHUNK_HEAD_BYTES: u64 = 6;

/// The segments of a block, each with a window, since chunks lie in the order of their series.
pub(super) struct Segments {
    files: Vec<(Source, Window)>,
}

impl Segments {
    pub(super) fn open(fs: &dyn Fs, dir: &Path) -> Result<Segments, StoreError> {
        let mut files = Vec::new();
        for (_, path) in numbered(fs, dir)? {
            let source = Source::open(fs, &path)?;
            let header = source.read(0, HEADER_BYTES)?;
            let mut cursor = Cursor::new(&header);
            if u32_be(&mut cursor) != Ok(MAGIC) {
                return Err(source.corrupt(0, "not a segment of chunks"));
            }
            if cursor.u8() != Ok(1) {
                return Err(source.corrupt(4, "segment version is not known, only 1"));
            }
            files.push((source, Window::default()));
        }
        Ok(Segments { files })
    }

    /// The chunk that `reference` means, its checksum checked, given to `decode`, whose complaint is put into place.
    pub(super) fn chunk<E: std::fmt::Display>(
        &mut self,
        reference: u64,
        decode: impl FnOnce(Encoding, &[u8]) -> Result<(), E>,
    ) -> Result<(), StoreError> {
        let segment = usize::try_from(reference >> 32).unwrap_or(usize::MAX);
        let offset = reference & 0xffff_ffff;
        let Some((source, window)) = self.files.get_mut(segment) else {
            let detail = format!("an index names a chunk in segment {segment}");
            return Err(crate::error::corrupt("segments of chunks", detail));
        };
        let head = window.at_most(source, offset, MAX_CHUNK_HEAD_BYTES)?;
        let mut cursor = Cursor::new(head);
        let len = cursor
            .u32_varint()
            .map_err(|e| source.corrupt(offset, format!("length of a chunk: {e}")))?;
        let body = offset + (head.len() - cursor.rest().len()) as u64;
        let bytes = window.exactly(source, body, 1 + u64::from(len) + 4)?;
        let fault = |detail: &str| source.corrupt(offset, detail);
        let (content, crc) = bytes
            .split_last_chunk::<4>()
            .ok_or_else(|| fault("chunk is cut short"))?;
        if !checks_out(content, u32::from_be_bytes(*crc)) {
            return Err(fault("checksum of a chunk"));
        }
        let (encoding, data) = content.split_first().ok_or_else(|| fault("chunk is empty"))?;
        let encoding = Encoding::from_u8(*encoding).map_err(|e| fault(&e))?;
        decode(encoding, data).map_err(|e| fault(&format!("{encoding:?} chunk: {e}")))
    }
}
