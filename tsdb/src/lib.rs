//! The series storage engine: samples in, columns out, on disk in between.

pub mod block;
mod bytes;
pub mod codec;
pub mod compact;
mod error;
pub mod options;
mod postings;
#[cfg(test)]
mod random;
pub mod retention;
pub mod stats;
#[allow(dead_code)]
mod tombstone;

pub use block::BlockMeta;
pub use options::Options;
pub use stats::{Cardinality, RejectedCounts, Stats};
pub use tombstone::{RetentionRule, Tombstone};
