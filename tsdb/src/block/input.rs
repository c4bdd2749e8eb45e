//! A file of a block open for reading: at any place, or from one end to the other.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, ReadFile};
use model::StoreError;

use super::page;
use crate::error::{corrupt, io};

/// What is read ahead when a file is read from one end to the other.
const READ_AHEAD: u64 = 256 << 10;

pub(super) struct Input {
    path: PathBuf,
    file: Arc<dyn ReadFile>,
    len: u64,
}

impl Input {
    /// Opens a file that must begin with `magic` and be `len` bytes long.
    pub(super) fn open(fs: &dyn Fs, path: &Path, magic: &[u8; 8], len: u64) -> Result<Input, StoreError> {
        let file = fs.open(path).map_err(|e| io("open", path, e))?;
        let found = file.len().map_err(|e| io("read", path, e))?;
        let input = Input {
            path: path.to_owned(),
            file,
            len,
        };
        if found != len {
            return Err(input.corrupt(found.min(len), &format!("file has {found} bytes, not {len}")));
        }
        if input.bytes(0..magic.len() as u64)? != magic {
            return Err(input.corrupt(0, "magic differs"));
        }
        Ok(input)
    }

    /// An error that names the file and a place in it.
    pub(super) fn corrupt(&self, offset: u64, detail: &str) -> StoreError {
        corrupt(format!("{} at byte {offset}", self.path.display()), detail)
    }

    pub(super) fn bytes(&self, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        if range.end > self.len || range.start > range.end {
            return Err(self.corrupt(range.start, "place lies outside the file"));
        }
        let len = usize::try_from(range.end - range.start)
            .ok()
            .filter(|len| *len <= page::MAX_CONTENT)
            .ok_or_else(|| self.corrupt(range.start, "length is out of bounds"))?;
        let mut bytes = vec![0; len];
        self.file
            .read_exact_at(&mut bytes, range.start)
            .map_err(|e| io("read", &self.path, e))?;
        Ok(bytes)
    }

    /// The content of a page.
    pub(super) fn page(&self, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let start = range.start;
        self.unpack(&self.bytes(range)?, start)
    }

    /// The content of a page that was read from `offset`.
    pub(super) fn unpack(&self, page: &[u8], offset: u64) -> Result<Vec<u8>, StoreError> {
        page::unpack(page).map_err(|detail| self.corrupt(offset, detail))
    }
}

/// A reader through a window that moves forward.
pub(super) struct Sequential {
    window: Vec<u8>,
    start: u64,
}

impl Sequential {
    pub(super) fn new() -> Sequential {
        Sequential {
            window: Vec::new(),
            start: 0,
        }
    }

    /// The content of a page; the window moves there and reads ahead.
    pub(super) fn page(&mut self, input: &Input, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let end = self.start + self.window.len() as u64;
        if range.start < self.start || range.end > end {
            let ahead = range
                .end
                .max(range.start.saturating_add(READ_AHEAD))
                .min(input.len);
            self.window = input.bytes(range.start..ahead.max(range.end))?;
            self.start = range.start;
        }
        let from = (range.start - self.start) as usize;
        let page = self
            .window
            .get(from..from.saturating_add((range.end.saturating_sub(range.start)) as usize))
            .ok_or_else(|| input.corrupt(range.start, "place lies outside the file"))?;
        input.unpack(page, range.start)
    }
}
