//! The series storage engine: samples in, columns out, on disk in between.
//!
//! The way of a sample: a batch is applied to the memtable of the [`head`] and its records go to the log ([`wal`]),
//! many batches in one write. When enough has gathered the memtable is frozen, a new one takes over, and the frozen one
//! is written as [`block`]s, divided at multiples of two hours; blocks are merged ([`compact`]), reduced to a few
//! numbers a window where that is asked for ([`downsample`]), and in the end deleted ([`retention`]). A query takes a
//! [`snapshot`] and reads memtables and blocks as one, less what is erased ([`tombstone`]). After a crash the log is
//! replayed into a memtable of its own, which is flushed like any other.
//!
//! Beside the samples are [`exemplar`]s in a log of their own and what families say of themselves ([`metadata`]).
//! [`import`] makes blocks of samples of any age, [`inspect`] looks at a store from outside, [`backup`] copies it. The
//! files are drawn in docs/format; ARCHITECTURE.md has the map of the modules.
//!
//! Blocking, without threads or clocks of its own: whoever owns a [`Tsdb`] calls [`Tsdb::recover`] once,
//! [`Tsdb::sync`] and [`Tsdb::step`] about every second. Every change of the disk goes through [`durable::Fs`].

pub mod backup;
pub mod block;
mod bytes;
pub mod codec;
pub mod compact;
mod downsample;
mod error;
pub mod exemplar;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod head;
mod identity;
pub mod import;
pub mod inspect;
mod merge;
pub mod metadata;
pub mod options;
mod postings;
#[cfg(test)]
mod random;
pub mod retention;
mod snapshot;
mod spans;
pub mod stats;
mod store;
mod tombstone;
mod view;
mod wal;

pub use block::{Block, BlockCache, BlockMeta, BlockSeries};
pub use options::{Downsampling, Fsync, Options};
pub use stats::{Cardinality, RejectedCounts, Stats, Work};
pub use store::{MaintainReport, OpenReport, RecoverReport, ReplayProgress, Tsdb, Unit};
pub use tombstone::{RetentionRule, Tombstone};
