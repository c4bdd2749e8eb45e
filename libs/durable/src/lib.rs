//! Bytes on disk: a narrow file system trait with a real, an in-memory and a faulty twin, checksummed frames,
//! append-only logs in segments, for one writer and for many, and atomic publication of files and
//! folders, and copies of what is finished.
//!
//! Every store builds on these and reaches the disk in no other way, so that one set of fault tests covers
//! them all. Blocking; knows nothing of what the bytes mean.

mod copy;
mod error;
pub mod frame;
mod fs;
pub mod group;
mod lock;
pub mod log;
mod publish;

pub use copy::{copy_file, link_dir};
pub use error::DurableError;
pub use fs::{DirEntry, FaultyFs, Fs, MemoryFs, ReadFile, RealFs, SyncFile, WriteFile};
pub use group::{Generation, GroupLog, generations};
pub use lock::DirLock;
pub use log::{Log, LogOptions, Recovery};
pub use publish::{publish_dir, publish_file};
