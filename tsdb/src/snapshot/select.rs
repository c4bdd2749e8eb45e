//! The series a query selected, read one after the other.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use model::metrics::{Samples, SeriesSet};
use model::{Labels, StoreError};

use crate::block::{Block, ChunkRef};
use crate::error::corrupt;
use crate::head::Series;
use crate::merge::{self, Part};
use crate::view::{Lease, View};

/// Where samples of a series lie.
pub(super) enum Place {
    Head(Arc<Series>),
    Block(Arc<Block>, Vec<ChunkRef>),
}

/// A series in one place; a label set may have several.
pub(super) struct Candidate {
    pub(super) labels: Labels,
    /// Lower is older: where places disagree on a value, the older one is right.
    pub(super) age: usize,
    pub(super) place: Place,
}

/// Takes all candidates of the next label set.
pub(super) fn group(candidates: &mut Peekable<IntoIter<Candidate>>) -> Option<(Labels, Vec<Place>)> {
    let first = candidates.next()?;
    let mut places = vec![first.place];
    while let Some(next) = candidates.next_if(|c| c.labels == first.labels) {
        places.push(next.place);
    }
    Some((first.labels, places))
}

fn sources(places: &[Place], view: View, start_ms: i64, end_ms: i64) -> Result<Vec<Vec<Part>>, StoreError> {
    let mut sources = Vec::with_capacity(places.len() + 1);
    for place in places {
        match place {
            Place::Head(series) => sources.extend(series.data.lock().sources(view, start_ms, end_ms)),
            Place::Block(block, chunks) => sources.push(block.load(chunks, start_ms, end_ms)?),
        }
    }
    Ok(sources)
}

fn malformed(labels: Option<&Labels>, error: crate::bytes::Malformed) -> StoreError {
    corrupt(
        labels.map_or("chunk".to_owned(), |labels| format!("chunk of {labels}")),
        error.to_string(),
    )
}

/// Whether there is any sample between two times.
pub(super) fn any(places: &[Place], view: View, start_ms: i64, end_ms: i64) -> Result<bool, StoreError> {
    let sources = sources(places, view, start_ms, end_ms)?;
    merge::any(&sources, start_ms, end_ms).map_err(|e| malformed(None, e))
}

/// What [`select`](model::metrics::MetricSnapshot::select) gives. Holds the lease until it is dropped.
pub(super) struct Selection {
    candidates: Peekable<IntoIter<Candidate>>,
    lease: Arc<Lease>,
    start_ms: i64,
    end_ms: i64,
}

impl Selection {
    pub(super) fn new(candidates: Vec<Candidate>, lease: Arc<Lease>, start_ms: i64, end_ms: i64) -> Self {
        Selection {
            candidates: candidates.into_iter().peekable(),
            lease,
            start_ms,
            end_ms,
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
            let sources = sources(&places, self.lease.view, self.start_ms, self.end_ms)?;
            merge::read(&sources, self.start_ms, self.end_ms, into)
                .map_err(|e| malformed(Some(&labels), e))?;
            if !into.is_empty() {
                return Ok(Some(labels));
            }
        }
    }
}
