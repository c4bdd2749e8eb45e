//! A file being written in large pieces.

use std::path::PathBuf;

use durable::{Fs, WriteFile};
use model::StoreError;

use crate::error::io;

/// What is gathered before it goes to the disk.
const WRITE_BYTES: usize = 256 << 10;

pub(super) struct Output {
    path: PathBuf,
    file: Box<dyn WriteFile>,
    /// Pages are appended here; [`Output::settle`] then writes when enough has gathered.
    pub(super) buffer: Vec<u8>,
    written: u64,
}

impl Output {
    pub(super) fn create(fs: &dyn Fs, path: PathBuf) -> Result<Output, StoreError> {
        let file = fs.create(&path).map_err(|e| io("create", &path, e))?;
        Ok(Output {
            path,
            file,
            buffer: Vec::new(),
            written: 0,
        })
    }

    /// Where the next byte will lie.
    pub(super) fn offset(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        if self.buffer.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.file
            .write_all(&self.buffer)
            .map_err(|e| io("write", &self.path, e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes and syncs all; gives the length.
    pub(super) fn finish(mut self) -> Result<u64, StoreError> {
        self.flush()?;
        self.file.sync().map_err(|e| io("sync", &self.path, e))?;
        Ok(self.written)
    }

    pub(super) fn error(&self, action: &'static str, source: std::io::Error) -> StoreError {
        io(action, &self.path, source)
    }
}
