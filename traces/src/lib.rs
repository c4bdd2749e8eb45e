//! The span store: what the collector brings as [`model::spans::SpanSink`], kept on disk, and found again as
//! [`model::spans::SpanStore`]. Blocking; knows no socket and no runtime.
//!
//! A batch of spans is encoded once ([`codec`]), appended to the log and kept in memory in the same form (the
//! head). Every hour or every 32 MiB the head becomes an immutable block: groups of whole traces, newest last,
//! compressed, with a filter of the terms that occur in each, and a table from trace id to group. A search
//! goes from the newest group to the oldest, asks the filter before it reads a group, and stops at its limit.
//!
//! Costs: one `write` a batch; in memory the head (about 250 bytes a span) and of each block its index (about
//! 100 bytes a group of 256 KiB, 28 bytes for 256 traces, and its operations). Formats: docs/format/spans.md.

mod block;
mod codec;
mod compact;
mod dependencies;
mod error;
mod head;
mod ingest;
mod options;
mod retention;
mod search;
mod snapshot;
mod stats;
mod store;
mod wal;

pub use options::Options;
pub use stats::{Maintenance, OpenReport, Stats};
pub use store::Traces;
