//! The head: the series that are alive and the samples that are not in a block yet.
//!
//! A [`SeriesTable`] knows which series there are and lasts as long as the store; a [`Memtable`] holds the samples
//! since the last flush, one *generation*. Both are divided into **pages** of up to [`MAX_WIDTH`] series that were
//! created in one call with one timestamp: what one scrape, or one request of remote write, brings. A page has one
//! lock, one label arena, one row of values a scrape; everything that costs a cache miss is paid a page, not a series.
//!
//! ```text
//! keys ── SeriesTable::find ──► handles ──┐
//! labels ─ SeriesTable::create ─► handles ┴─► Memtable::append ─► rows ─(some thirty)─► a run
//!                                                   └─► records for the log, which Memtable::replay reads
//! ```

mod arena;
mod bounds;
mod directory;
mod histograms;
mod memtable;
mod page;
mod page_data;
mod record;
mod row;
mod run;
mod starts;
mod table;

pub use bounds::Bounds;
pub use memtable::{HeadReader, HeadSelection, Memtable, Newest, Replay};
pub use record::{RECORD_HISTOGRAMS, RECORD_PAGE, RECORD_ROW, RECORD_STARTS};
pub use table::{GcRules, Limits, Refused, SeriesTable};

/// A page has at most so many series.
pub const MAX_WIDTH: usize = 512;

#[cfg(test)]
mod tests;
