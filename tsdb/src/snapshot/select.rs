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
use crate::tombstone::Intervals;
use crate::view::Lease;

/// Where samples of a series lie.
pub(super) enum Place {
    Head {
        generation: Arc<Generation>,
        series: HeadSeries,
        /// What is erased of it.
        lost: Intervals,
    },
    Block {
        series: BlockSeries,
        /// Whether all of the block is asked for.
        whole: bool,
        /// What is erased of it.
        lost: Intervals,
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
    /// Fills `into`, which is empty.
    fn read(&self, visible: u64, start_ms: i64, end_ms: i64, into: &mut Samples) -> Result<(), StoreError> {
        let lost = match self {
            Place::Head {
                generation,
                series,
                lost,
            } => {
                generation
                    .memtable
                    .read(series, visible, start_ms, end_ms, into)?;
                lost
            }
            Place::Block { series, lost, .. } => {
                series.read(start_ms, end_ms, into)?;
                lost
            }
        };
        lost.cut(into, 0, 0);
        Ok(())
    }

    /// Whether there are samples for sure in what is asked for.
    fn is_sure(&self) -> bool {
        match self {
            Place::Head { lost, .. } => lost.is_empty(),
            Place::Block { series, whole, lost } => {
                let spared = || {
                    series
                        .span()
                        .is_some_and(|(first_ms, last_ms, _)| !lost.touches(first_ms, last_ms))
                };
                *whole && (lost.is_empty() || spared())
            }
        }
    }
}

/// Whether a series of a block has samples between two times that are not erased. Reads it where its times do not tell.
pub(super) fn remains(
    series: &BlockSeries,
    lost: &Intervals,
    start_ms: i64,
    end_ms: i64,
) -> Result<bool, StoreError> {
    let Some((first_ms, last_ms, _)) = series.span() else {
        return Ok(false);
    };
    let (first_ms, last_ms) = (first_ms.max(start_ms), last_ms.min(end_ms));
    if !lost.touches(first_ms, last_ms) {
        return Ok(true);
    }
    if lost.covers(first_ms, last_ms) {
        return Ok(false);
    }
    let mut samples = Samples::default();
    series.read(start_ms, end_ms, &mut samples)?;
    lost.cut(&mut samples, 0, 0);
    Ok(!samples.is_empty())
}

/// Whether there is any sample between two times. Of a block only chunks tell, and they may have gaps.
pub(super) fn any(places: &[Place], start_ms: i64, end_ms: i64) -> Result<bool, StoreError> {
    if places.iter().any(Place::is_sure) {
        return Ok(true);
    }
    let mut scratch = Samples::default();
    for place in places {
        scratch.clear();
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
