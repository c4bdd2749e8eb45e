//! `meta.json`: what a block says of itself.

use std::path::Path;

use durable::Fs;
use model::StoreError;
use serde::Deserialize;

use crate::error::{corrupt, io};

pub(super) const FILE: &str = "meta.json";

/// A description longer than this is none; real ones have a line for each source block.
const MAX_BYTES: u64 = 64 << 20;

/// The part of a block's description that matters to a reader.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// The block's name.
    pub ulid: String,
    /// The first millisecond of its range.
    pub min_time: i64,
    /// The end of its range, exclusive.
    pub max_time: i64,
    /// Of the format: 1.
    pub version: u32,
    /// Its size in things.
    pub stats: MetaStats,
    compaction: Compaction,
}

/// A block's size in things, as it says itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetaStats {
    /// Samples in it.
    pub num_samples: u64,
    /// Series in it.
    pub num_series: u64,
    /// Chunks in it.
    pub num_chunks: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Compaction {
    parents: Vec<Parent>,
    hints: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Parent {
    ulid: String,
}

impl Meta {
    pub(super) fn read(fs: &dyn Fs, dir: &Path) -> Result<Meta, StoreError> {
        let path = dir.join(FILE);
        let file = fs.open(&path).map_err(|e| io("open", &path, e))?;
        let len = file.len().map_err(|e| io("read", &path, e))?;
        if len > MAX_BYTES {
            return Err(corrupt(path.display().to_string(), "too long for a description"));
        }
        let bytes = fs.read(&path).map_err(|e| io("read", &path, e))?;
        let meta: Meta =
            serde_json::from_slice(&bytes).map_err(|e| corrupt(path.display().to_string(), e.to_string()))?;
        if meta.version != 1 {
            let detail = format!("block format {} is not known, only 1", meta.version);
            return Err(corrupt(path.display().to_string(), detail));
        }
        Ok(meta)
    }

    /// The blocks this one replaces; such a one found beside it is left over.
    pub(super) fn parents(&self) -> Vec<String> {
        self.compaction.parents.iter().map(|p| p.ulid.clone()).collect()
    }

    /// Whether it holds only what came late, so that it says nothing of what else there is of its time.
    pub(super) fn holds_late_only(&self) -> bool {
        self.compaction
            .hints
            .iter()
            .any(|hint| hint == "from-out-of-order")
    }
}
