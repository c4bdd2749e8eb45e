//! Deletions: which times of which series are to be taken for gone although their samples are still there.

use std::path::Path;

use durable::Fs;
use model::StoreError;
use model::metrics::Samples;
use rustc_hash::FxHashMap;

use super::file::{Source, u32_be};
use crate::bytes::{Cursor, Malformed, checks_out};

const MAGIC: u32 = 0x0130_BA30;
const FILE: &str = "tombstones";

/// Deleted intervals by series, both ends inclusive.
#[derive(Debug, Clone, Default)]
pub(super) struct Tombstones(FxHashMap<u64, Vec<(i64, i64)>>);

impl Tombstones {
    /// Those of a block; a block without the file has none.
    pub(super) fn read(fs: &dyn Fs, dir: &Path) -> Result<Tombstones, StoreError> {
        let path = dir.join(FILE);
        if !fs.exists(&path) {
            return Ok(Tombstones::default());
        }
        let source = Source::open(fs, &path)?;
        let bytes = source.read(0, source.len)?;
        let fault = |detail: &str| source.corrupt(0, detail);
        let (content, crc) = bytes.split_last_chunk::<4>().ok_or_else(|| fault("too short"))?;
        let mut cursor = Cursor::new(content);
        if u32_be(&mut cursor) != Ok(MAGIC) {
            return Err(fault("not a file of tombstones"));
        }
        if cursor.u8() != Ok(1) {
            return Err(fault("version of tombstones is not known, only 1"));
        }
        if !checks_out(cursor.rest(), u32::from_be_bytes(*crc)) {
            return Err(fault("checksum of tombstones"));
        }
        let mut tombstones = Tombstones::default();
        while !cursor.is_empty() {
            let at = (content.len() - cursor.rest().len()) as u64;
            let stone = |cursor: &mut Cursor<'_>| Ok((cursor.varint()?, cursor.signed()?, cursor.signed()?));
            let (series, min_ms, max_ms) =
                stone(&mut cursor).map_err(|e: Malformed| source.corrupt(at, e.to_string()))?;
            tombstones.add(series, min_ms, max_ms);
        }
        Ok(tombstones)
    }

    pub(super) fn add(&mut self, series: u64, min_ms: i64, max_ms: i64) {
        self.0.entry(series).or_default().push((min_ms, max_ms));
    }

    /// Takes deleted samples of `series` out.
    pub(super) fn apply(&self, series: u64, samples: &mut Samples) {
        let Some(intervals) = self.0.get(&series) else {
            return;
        };
        let gone = |t: i64| intervals.iter().any(|(min, max)| (*min..=*max).contains(&t));
        super::block::retain(samples, |t| !gone(t));
    }
}
