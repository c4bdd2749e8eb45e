//! The log store: lines in streams, kept durably and found by label, word, trace and time.
//!
//! A batch is written to the log ([`wal`](crate)) and then shows in the *head*, which is memory and is scanned.
//! When the head is large or old enough it is *cut*: its lines go, by day and stream, into compressed blocks of some
//! 64 KiB in the day's `lines` file, and each block becomes one tantivy document that holds the block's words but
//! none of its text. A query asks the index which blocks may hold a match, reads those and scans them.
//!
//! The lines files are the truth; indexes are derived and rebuilt when missing or broken. Costs: an append is one
//! write; a cut reads each line once more to index it; a query reads the candidates only, newest (or oldest) first,
//! and stops when its limit is reached. Blocking, without threads of its own: the owner calls [`Logs::maintain`]
//! and [`Logs::sync`] at intervals. Formats: docs/format/logs.md.

mod block;
mod codec;
mod compact;
mod day;
mod error;
mod head;
mod index;
mod ingest;
mod lines;
pub mod logql;
mod manifest;
mod options;
mod query;
mod retention;
mod snapshot;
mod stats;
mod store;
mod wal;
mod words;

pub use options::{IndexPlace, Options};
pub use stats::Stats;
pub use store::{Logs, OpenReport};
