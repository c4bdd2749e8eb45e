//! The log, counted and checked.

use std::io::ErrorKind;
use std::path::Path;

use durable::{DurableError, Fs};
use model::StoreError;

use super::read_only::ReadOnly;
use crate::error::from_durable;

/// What a segment has in front of its records.
const MAGIC_BYTES: u64 = 8;

/// What checking a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogCheck {
    /// Files.
    pub segments: u64,
    /// Records that check out.
    pub records: u64,
    /// What does not, a sentence each. A record that a running server is just writing can look like this.
    pub damage: Vec<String>,
}

/// Reads the log of the store in `dir` and checks every record's checksum.
///
/// # Errors
/// The disk failed.
pub fn verify_log(fs: &dyn Fs, dir: &Path) -> Result<LogCheck, StoreError> {
    let fs = &ReadOnly(fs);
    let dir = dir.join("wal");
    let mut check = LogCheck::default();
    if !fs.exists(&dir) {
        return Ok(check);
    }
    for generation in durable::group::generations(fs, &dir).map_err(from_durable)? {
        check.segments += generation.segments.len() as u64;
        let replayed = generation.replay(fs, &dir, |_| {}, |_| check.records += 1);
        match replayed {
            Ok(recovery) => check.damage.extend(recovery.damage),
            // One that is flushed meanwhile is gone.
            Err(DurableError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            Err(error) => check.damage.push(error.to_string()),
        }
    }
    Ok(check)
}

pub(super) fn bytes(fs: &dyn Fs, dir: &Path) -> Result<u64, StoreError> {
    let dir = dir.join("wal");
    if !fs.exists(&dir) {
        return Ok(0);
    }
    let generations = durable::group::generations(fs, &dir).map_err(from_durable)?;
    let segments = generations.iter().flat_map(|g| &g.segments);
    Ok(segments.map(|(_, bytes)| bytes.saturating_sub(MAGIC_BYTES)).sum())
}
