//! A file read in place: errors that name it and the offset, and a window for reads that mostly go forward.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, ReadFile};
use model::StoreError;

use crate::bytes::{Cursor, Malformed};
use crate::error::{corrupt, io};

/// Read at once when a window moves.
const WINDOW_BYTES: u64 = 256 << 10;

/// An open file.
pub(super) struct Source {
    path: PathBuf,
    file: Arc<dyn ReadFile>,
    pub(super) len: u64,
}

impl Source {
    pub(super) fn open(fs: &dyn Fs, path: &Path) -> Result<Source, StoreError> {
        let file = fs.open(path).map_err(|e| io("open", path, e))?;
        let len = file.len().map_err(|e| io("read", path, e))?;
        Ok(Source {
            path: path.to_owned(),
            file,
            len,
        })
    }

    /// What is wrong at an offset of this file.
    pub(super) fn corrupt(&self, offset: u64, detail: impl Into<String>) -> StoreError {
        corrupt(format!("{} at offset {offset}", self.path.display()), detail)
    }

    /// `len` bytes from `offset` on, which must be in the file: nothing is allocated for a length that is a lie.
    pub(super) fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            let detail = format!("{len} bytes are named, the file ends at {}", self.len);
            return Err(self.corrupt(offset, detail));
        }
        let len = usize::try_from(len).map_err(|_| self.corrupt(offset, "longer than memory"))?;
        let mut bytes = vec![0; len];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|e| io("read", &self.path, e))?;
        Ok(bytes)
    }
}

/// A part of a file in memory that moves along.
#[derive(Default)]
pub(super) struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// Exactly `len` bytes from `offset` on.
    pub(super) fn exactly(&mut self, source: &Source, offset: u64, len: u64) -> Result<&[u8], StoreError> {
        let end = offset.checked_add(len).filter(|end| *end <= source.len);
        if end.is_none() {
            let detail = format!("{len} bytes are named, the file ends at {}", source.len);
            return Err(source.corrupt(offset, detail));
        }
        self.at_most(source, offset, len)
    }

    /// `len` bytes from `offset` on, fewer at the end of the file.
    pub(super) fn at_most(&mut self, source: &Source, offset: u64, len: u64) -> Result<&[u8], StoreError> {
        let end = offset.saturating_add(len).min(source.len);
        let here = self.start..self.start + self.bytes.len() as u64;
        if offset < here.start || end > here.end {
            let wanted = len.max(WINDOW_BYTES).min(source.len.saturating_sub(offset));
            self.bytes = source.read(offset.min(source.len), wanted)?;
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        let to = usize::try_from(end.saturating_sub(self.start)).unwrap_or(usize::MAX);
        Ok(self.bytes.get(from..to).unwrap_or(&[]))
    }
}

/// A number in network order.
pub(super) fn u32_be(cursor: &mut Cursor<'_>) -> Result<u32, Malformed> {
    let bytes = cursor.bytes(4)?;
    Ok(u32::from_be_bytes(bytes.try_into().map_err(|_| Malformed)?))
}

/// A number in network order.
pub(super) fn u64_be(cursor: &mut Cursor<'_>) -> Result<u64, Malformed> {
    let bytes = cursor.bytes(8)?;
    Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| Malformed)?))
}

/// A float in network order, every NaN kept.
pub(super) fn f64_be(cursor: &mut Cursor<'_>) -> Result<f64, Malformed> {
    u64_be(cursor).map(f64::from_bits)
}
