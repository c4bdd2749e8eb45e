//! The samples since the last flush.

use std::sync::Arc;

use model::metrics::{AppendReport, HistogramRow, RefSample, Samples};
use model::{Labels, Matcher, StoreError};
use roaring::RoaringBitmap;

use super::{Bounds, SeriesTable};
use crate::bytes::Malformed;

/// A record that says which series a page has.
pub const RECORD_PAGE: u8 = 1;
/// A record with values of one page at one time.
pub const RECORD_ROW: u8 = 2;
/// A record with native histograms of one page.
pub const RECORD_HISTOGRAMS: u8 = 3;

/// One generation of samples.
pub struct Memtable {}

/// A series that [`Memtable::select`] found.
#[derive(Debug, Clone)]
pub struct HeadSeries {
    /// Its labels.
    pub labels: Labels,
}

/// Fills a memtable from the records of one generation of the log.
pub struct Replay<'a> {
    memtable: &'a Memtable,
}

#[allow(clippy::todo, missing_docs, unused_variables)]
impl Replay<'_> {
    /// Applies the next record and gives the samples in it.
    pub fn apply(&mut self, kind: u8, record: &[u8]) -> Result<usize, Malformed> {
        todo!()
    }
}

#[allow(clippy::todo, missing_docs, unused_variables)]
impl Memtable {
    pub fn new(table: Arc<SeriesTable>, generation: u64) -> Memtable {
        todo!()
    }

    pub fn generation(&self) -> u64 {
        todo!()
    }

    pub fn table(&self) -> &Arc<SeriesTable> {
        todo!()
    }

    /// Appends samples, visible to those who see `batch` or later ones. `log` gets each record (bytes, kind) while the
    /// page is locked, so that records of a page reach the log in the order in which they changed it.
    pub fn append(
        &self,
        batch: u64,
        samples: &[RefSample],
        bounds: &Bounds,
        log: &mut dyn FnMut(&[u8], u8),
        report: &mut AppendReport,
    ) {
        todo!()
    }

    /// As `append`, native histograms.
    pub fn append_histograms(
        &self,
        batch: u64,
        rows: &[HistogramRow],
        bounds: &Bounds,
        log: &mut dyn FnMut(&[u8], u8),
        report: &mut AppendReport,
    ) {
        todo!()
    }

    /// Rows of batches up to this one may be compressed: it is committed and no snapshot sees less.
    pub fn set_sealable(&self, batch: u64) {
        todo!()
    }

    /// No more appends will come: what only they need is let go.
    pub fn freeze(&self) {
        todo!()
    }

    /// Takes the records of one log generation, in order; one `Replay` for each.
    pub fn replay(&self) -> Replay<'_> {
        todo!()
    }

    /// The series that satisfy all matchers and have a visible sample in the range, in the order of their labels.
    pub fn select(
        &self,
        matchers: &[Matcher],
        visible: u64,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<HeadSeries>, StoreError> {
        todo!()
    }

    /// As `select`, the ids of the table only: for [`SeriesTable::label_names`] and [`SeriesTable::label_values`].
    pub fn select_ids(
        &self,
        matchers: &[Matcher],
        visible: u64,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<RoaringBitmap, StoreError> {
        todo!()
    }

    /// Appends what a series has in the range.
    pub fn read(
        &self,
        series: &HeadSeries,
        visible: u64,
        start_ms: i64,
        end_ms: i64,
        into: &mut Samples,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// Hands every series with visible samples in the range to `f`, in the order of their labels.
    pub fn for_each(
        &self,
        visible: u64,
        start_ms: i64,
        end_ms: i64,
        f: &mut dyn FnMut(&Labels, &Samples) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// The newest sample's time.
    pub fn newest_ms(&self) -> Option<i64> {
        todo!()
    }

    /// The oldest sample's time.
    pub fn oldest_ms(&self) -> Option<i64> {
        todo!()
    }

    /// Samples stored, repetitions not counted.
    pub fn samples(&self) -> u64 {
        todo!()
    }

    /// Of these, samples that were not in order.
    pub fn late_samples(&self) -> u64 {
        todo!()
    }

    /// Sealed runs.
    pub fn runs(&self) -> u64 {
        todo!()
    }

    /// Bytes in memory, roughly.
    pub fn bytes(&self) -> u64 {
        todo!()
    }
}
