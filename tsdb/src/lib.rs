//! The series storage engine: samples in, columns out, on disk in between.
//!
//! The way of a sample: a batch is decided ([`ingest`]), logged ([`wal`]), shown in the [`head`]; every two hours the
//! head's oldest range is cut into a [`block`], blocks are merged ([`compact`]) and in the end deleted
//! ([`retention`]). A query takes a [`snapshot`] and reads head and blocks as one. The files are drawn in
//! docs/format/{log,wal,block}.md.
//!
//! Blocking, without threads or clocks of its own: whoever owns a [`Tsdb`] calls [`Tsdb::sync`] every second and
//! [`Tsdb::maintain`] now and then. Every change of the disk goes through [`durable::Fs`].

pub mod block;
mod bytes;
pub mod chunk;
pub mod compact;
mod error;
mod head;
mod ingest;
mod merge;
pub mod options;
mod postings;
#[cfg(test)]
mod random;
pub mod retention;
mod snapshot;
pub mod stats;
mod store;
mod view;
mod wal;

pub use block::BlockMeta;
pub use options::Options;
pub use stats::{Cardinality, RejectedCounts, Stats};
pub use store::{MaintainReport, OpenReport, Tsdb};
