//! Prometheus' own data folder, read as it lies on disk: blocks, log and out-of-order log.
//!
//! Nothing here knows this engine's store: a walk hands `(labels, samples)` to a [`Sink`], and what the sink does with
//! them is its affair. Blocks come in label order, one series in memory at a time (and the block's symbols); what is
//! only in the log comes in label order too, in portions of bounded size. All reads go through [`durable::Fs`] and
//! nothing is written.
//!
//! The bytes are foreign: every length is checked against what is left before anything is allocated, checksums are
//! checked before anything is believed, and an error names file and offset. Formats:
//! <https://github.com/prometheus/prometheus/tree/main/tsdb/docs/format>. Index version 1, of
//! Prometheus before 2.3, is refused by name.

mod block;
mod chunk;
mod file;
mod head;
mod index;
mod meta;
mod segments;
mod tombstones;
mod wal;

use std::path::{Path, PathBuf};

use durable::Fs;
use model::metrics::{Metadata, Samples};
use model::{Labels, StoreError};

pub use block::PrometheusBlock;
pub(crate) use block::{in_order, retain};
pub use chunk::encode::{EncodedChunk, encode as encode_chunks};
pub use chunk::{Encoding, decode as decode_chunk};
pub use head::PrometheusHead;

use crate::error::io;

/// Takes what a walk finds.
pub trait Sink {
    /// Samples of one series, strictly increasing in time. A long series comes in several calls.
    ///
    /// # Errors
    /// Whatever it returns ends the walk.
    fn samples(&mut self, labels: &Labels, samples: &Samples) -> Result<(), StoreError>;

    /// What a family says of itself, where the log knows it.
    fn metadata(&mut self, family: &str, metadata: &Metadata) {
        let _ = (family, metadata);
    }
}

impl<F: FnMut(&Labels, &Samples) -> Result<(), StoreError>> Sink for F {
    fn samples(&mut self, labels: &Labels, samples: &Samples) -> Result<(), StoreError> {
        self(labels, samples)
    }
}

/// What a walk went over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// Series with at least one sample; in a log, once for each portion they came in.
    pub series: u64,
    /// Samples handed over, floats and histograms together.
    pub samples: u64,
    /// Histograms that no store may take, e.g. with fewer buckets than their spans name: left out.
    pub refused: u64,
    /// What is wrong with the first of these.
    pub first_refusal: Option<String>,
    /// Places of a log that do not check out, a sentence each; what lies between them was read.
    pub damage: Vec<String>,
}

/// More damage than this is counted in the last sentence only.
const MAX_DAMAGE_TOLD: usize = 100;

impl Walked {
    fn tell(&mut self, damage: String) {
        if self.damage.len() < MAX_DAMAGE_TOLD {
            self.damage.push(damage);
        } else if self.damage.len() == MAX_DAMAGE_TOLD {
            self.damage.push("and more".to_owned());
        }
    }
}

/// A data folder of Prometheus.
pub struct Prometheus {
    /// Its blocks by time, those left over from a compaction left out.
    pub blocks: Vec<PrometheusBlock>,
    /// What is in the log, if there is one.
    pub head: Option<PrometheusHead>,
}

impl Prometheus {
    /// Looks what is in `dir`: reads the descriptions of the blocks, none of their data. A server may be running on the
    /// folder, but what it deletes or truncates meanwhile becomes an error of the walk; a snapshot or a stopped server
    /// is better.
    ///
    /// # Errors
    /// The folder cannot be listed, or it holds neither blocks nor a log, or a block's description does not check out.
    pub fn open(fs: &dyn Fs, dir: &Path) -> Result<Prometheus, StoreError> {
        let entries = fs.list(dir).map_err(|e| io("list", dir, e))?;
        let mut blocks = Vec::new();
        for entry in entries.iter().filter(|e| e.is_dir && is_ulid(&e.name)) {
            let block_dir = dir.join(&entry.name);
            // A folder without a description was not finished.
            if fs.exists(&block_dir.join(meta::FILE)) {
                blocks.push(PrometheusBlock::open(fs, &block_dir)?);
            }
        }
        let superseded: Vec<String> = blocks.iter().flat_map(|b| b.meta.parents()).collect();
        blocks.retain(|b| !superseded.contains(&b.meta.ulid));
        blocks.sort_by(|a, b| {
            (a.meta.min_time, a.meta.max_time, &a.meta.ulid).cmp(&(
                b.meta.min_time,
                b.meta.max_time,
                &b.meta.ulid,
            ))
        });
        let complete_until_ms = blocks
            .iter()
            .filter(|b| !b.meta.holds_late_only())
            .map(|b| b.meta.max_time)
            .max();
        let head = PrometheusHead::open(fs, dir, complete_until_ms)?;
        if blocks.is_empty() && head.is_none() {
            return Err(StoreError::Invalid(format!(
                "{} holds neither blocks nor a log of Prometheus",
                dir.display()
            )));
        }
        Ok(Prometheus { blocks, head })
    }
}

/// Blocks' folders bear ULIDs: 26 characters of Crockford's alphabet.
fn is_ulid(name: &str) -> bool {
    name.len() == 26
        && name.bytes().all(|b| {
            b.is_ascii_digit() || (b.is_ascii_uppercase() && !matches!(b, b'I' | b'L' | b'O' | b'U'))
        })
}

/// The numbered files of a folder in order. Prometheus numbers segments of every kind by file name.
fn numbered(fs: &dyn Fs, dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let entries = fs.list(dir).map_err(|e| io("list", dir, e))?;
    let mut files: Vec<(u64, PathBuf)> = entries
        .iter()
        .filter(|e| !e.is_dir)
        .filter_map(|e| Some((e.name.parse().ok()?, dir.join(&e.name))))
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
