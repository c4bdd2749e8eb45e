//! The series storage engine: samples in, columns out, on disk in between.

#[allow(dead_code)] // until the store flushes and merges
pub mod block;
mod bytes;
pub mod codec;
#[allow(dead_code, unused_imports)] // until the store plans merges
pub mod compact;
#[allow(dead_code)]
mod downsample;
mod error;
pub mod exemplar;
#[allow(dead_code)] // until the store appends
pub mod head;
pub mod import;
pub mod metadata;
pub mod options;
mod postings;
#[cfg(test)]
mod random;
pub mod retention;
pub mod stats;
#[allow(dead_code)]
mod tombstone;

pub use block::{Block, BlockCache, BlockMeta, BlockSeries};
pub use options::Options;
pub use stats::{Cardinality, RejectedCounts, Stats};
pub use tombstone::{RetentionRule, Tombstone};
