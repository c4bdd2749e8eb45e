//! Which series there are.

use model::metrics::{NewSeries, Rejected, SeriesRef};
use model::{Labels, Matcher, SeriesKey, StoreError};
use roaring::RoaringBitmap;

use super::Memtable;
use crate::stats::Cardinality;

/// How much a table takes; 0 is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Series alive.
    pub max_series: u64,
    /// Series alive of one metric name.
    pub max_series_per_metric: u64,
    /// Bytes of the table itself, roughly.
    pub max_bytes: u64,
}

/// New series refused since the table was made, by the limit they met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// [`Limits::max_series`]
    pub series: u64,
    /// [`Limits::max_series_per_metric`]
    pub series_per_metric: u64,
    /// [`Limits::max_bytes`]
    pub bytes: u64,
}

/// When series are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcRules {
    /// The clock, in milliseconds since the epoch. It only has to go on at its usual pace.
    pub now_ms: i64,
    /// A series without a sample for so long is forgotten; at most 30 days count.
    pub idle_ms: i64,
    /// The lowest generation of a memtable that anybody still holds, snapshots included.
    pub oldest_generation: u64,
}

/// The live series of a store.
pub struct SeriesTable {}

#[allow(clippy::todo, missing_docs, unused_variables)]
impl SeriesTable {
    pub fn new(limits: Limits) -> SeriesTable {
        todo!()
    }

    /// Sets `refs` to the handles of the series with these keys, unknown where there is none.
    pub fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        todo!()
    }

    /// Makes series, or finds those that exist.
    pub fn create(&self, series: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        todo!()
    }

    /// The ids of the series that satisfy all matchers, samples or not.
    pub fn select(&self, matchers: &[Matcher]) -> Result<RoaringBitmap, StoreError> {
        todo!()
    }

    /// The labels of the series with this id.
    pub fn labels(&self, id: u32) -> Option<Labels> {
        todo!()
    }

    /// Label names of the series with these ids (`None`: of all), sorted.
    pub fn label_names(&self, within: Option<&RoaringBitmap>) -> Vec<String> {
        todo!()
    }

    /// Values of one label over the series with these ids (`None`: of all), sorted.
    pub fn label_values(&self, name: &str, within: Option<&RoaringBitmap>) -> Vec<String> {
        todo!()
    }

    /// The `limit` largest entries of each list about the labels.
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        todo!()
    }

    /// Series alive.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        todo!()
    }

    /// Bytes in memory, roughly.
    pub fn bytes(&self) -> u64 {
        todo!()
    }

    /// What the limits refused.
    pub fn refused(&self) -> Refused {
        todo!()
    }

    /// Forgets series without samples. Call it after a flush, with the memtable that takes samples (no other may be
    /// taking any) and those that are frozen and still there, the one just flushed included.
    pub fn gc(&self, rules: &GcRules, active: &Memtable, frozen: &[&Memtable]) {
        todo!()
    }
}
