//! The series a query selected, read one after the other.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use model::metrics::{Samples, SeriesSet};
use model::{Labels, StoreError};

use crate::block::BlockSeries;
use crate::head::HeadSeries;
use crate::merge::merge;
use crate::store::Generation;
use crate::view::Lease;

/// Where samples of a series lie.
pub(super) enum Place {
    Head(Arc<Generation>, HeadSeries),
    Block {
        series: BlockSeries,
        /// Whether all of the block is asked for.
        whole: bool,
    },
}

/// A series in one place; a label set may have several.
pub(super) struct Candidate {
    pub(super) labels: Labels,
    pub(super) place: Place,
}

/// Takes all candidates of the next label set, the oldest first.
pub(super) fn group(candidates: &mut Peekable<IntoIter<Candidate>>) -> Option<(Labels, Vec<Place>)> {
    let first = candidates.next()?;
    let mut places = vec![first.place];
    while let Some(next) = candidates.next_if(|c| c.labels == first.labels) {
        places.push(next.place);
    }
    Some((first.labels, places))
}

impl Place {
    fn read(&self, visible: u64, start_ms: i64, end_ms: i64, into: &mut Samples) -> Result<(), StoreError> {
        match self {
            Place::Head(generation, series) => {
                generation.memtable.read(series, visible, start_ms, end_ms, into)
            }
            Place::Block { series, .. } => series.read(start_ms, end_ms, into),
        }
    }
}

/// Whether there is any sample between two times. Of a block only chunks tell, and they may have gaps.
pub(super) fn any(places: &[Place], start_ms: i64, end_ms: i64) -> Result<bool, StoreError> {
    let sure = |place: &Place| matches!(place, Place::Head(..) | Place::Block { whole: true, .. });
    if places.iter().any(sure) {
        return Ok(true);
    }
    let mut scratch = Samples::default();
    for place in places {
        place.read(u64::MAX, start_ms, end_ms, &mut scratch)?;
        if !scratch.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What [`select`](model::metrics::MetricSnapshot::select) gives. Holds the lease until it is dropped.
pub(super) struct Selection {
    candidates: Peekable<IntoIter<Candidate>>,
    lease: Arc<Lease>,
    start_ms: i64,
    end_ms: i64,
    scratch: Samples,
}

impl Selection {
    pub(super) fn new(candidates: Vec<Candidate>, lease: Arc<Lease>, start_ms: i64, end_ms: i64) -> Self {
        Selection {
            candidates: candidates.into_iter().peekable(),
            lease,
            start_ms,
            end_ms,
            scratch: Samples::default(),
        }
    }
}

impl SeriesSet for Selection {
    fn next(&mut self, into: &mut Samples) -> Result<Option<Labels>, StoreError> {
        loop {
            into.clear();
            let Some((labels, places)) = group(&mut self.candidates) else {
                return Ok(None);
            };
            for (i, place) in places.iter().enumerate() {
                if i == 0 {
                    place.read(self.lease.visible, self.start_ms, self.end_ms, into)?;
                } else {
                    self.scratch.clear();
                    place.read(self.lease.visible, self.start_ms, self.end_ms, &mut self.scratch)?;
                    merge(into, &mut self.scratch);
                }
            }
            if !into.is_empty() {
                return Ok(Some(labels));
            }
        }
    }
}
