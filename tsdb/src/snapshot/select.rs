//! The series a query selected, read one after the other.

use std::iter::Peekable;
use std::ops::Range;
use std::sync::Arc;
use std::vec::IntoIter;

use model::metrics::{Samples, SeriesReader, SeriesSet, Wanted};
use model::{Labels, StoreError};

use super::resolution::Resolution;
use crate::block::BlockSeries;
use crate::downsample::{Aggregate, Windows};
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
    /// One aggregate of a downsampled block.
    Downsampled {
        series: BlockSeries,
        aggregate: Aggregate,
        resolution_ms: i64,
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
            Place::Block { series, lost, .. } | Place::Downsampled { series, lost, .. } => {
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
            Place::Downsampled { .. } => false,
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
    series: Vec<(Labels, Vec<Place>)>,
    lease: Arc<Lease>,
    resolution: Resolution,
    wanted: Wanted,
}

impl Selection {
    pub(super) fn new(
        candidates: Vec<Candidate>,
        lease: Arc<Lease>,
        resolution: Resolution,
        wanted: Wanted,
    ) -> Self {
        let mut candidates = candidates.into_iter().peekable();
        Selection {
            series: std::iter::from_fn(|| group(&mut candidates)).collect(),
            lease,
            resolution,
            wanted,
        }
    }
}

impl SeriesSet for Selection {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> Result<Labels, StoreError> {
        let found = self.series.get(index);
        Ok(found.map_or_else(Labels::empty, |(labels, _)| labels.clone()))
    }

    fn reader(&self, range: Range<usize>) -> Box<dyn SeriesReader + '_> {
        Box::new(Reader {
            selection: self,
            series: self.series.get(range).unwrap_or_default().iter(),
            scratch: Samples::default(),
            windows: Windows::default(),
        })
    }
}

/// Reads series of a selection in turn.
struct Reader<'a> {
    selection: &'a Selection,
    series: std::slice::Iter<'a, (Labels, Vec<Place>)>,
    scratch: Samples,
    windows: Windows,
}

impl Reader<'_> {
    /// Adds the single samples of a place, which is younger than those before.
    fn add(&mut self, place: &Place, into: &mut Samples) -> Result<(), StoreError> {
        let visible = self.selection.lease.visible;
        let resolution = &self.selection.resolution;
        let read = |into: &mut Samples| {
            let mut raw = resolution.raw.iter();
            raw.try_for_each(|&(start_ms, end_ms)| place.read(visible, start_ms, end_ms, into))
        };
        if into.is_empty() {
            return read(into);
        }
        self.scratch.clear();
        read(&mut self.scratch)?;
        merge(into, &mut self.scratch);
        Ok(())
    }

    /// Adds what downsampled blocks have of a series to its single samples.
    fn add_downsampled(&mut self, places: &[Place], into: &mut Samples) -> Result<(), StoreError> {
        let floats = into.timestamps.first().copied();
        let histograms = into.histograms.first().map(|(ms, _)| *ms);
        let mut first_raw_ms = floats.into_iter().chain(histograms).min();
        // A retention cuts through a window: what is left of it there is less than the window.
        if self
            .selection
            .resolution
            .all_from_ms
            .zip(first_raw_ms)
            .is_some_and(|(all_ms, first_ms)| first_ms >= all_ms)
        {
            let mut replaced = Intervals::default();
            for part in self
                .selection
                .resolution
                .parts
                .iter()
                .filter(|part| !part.preferred)
            {
                replaced.add(part.start_ms, part.end_ms - 1);
            }
            replaced.cut(into, 0, 0);
            first_raw_ms = None;
        }
        let mut resolutions: Vec<i64> = self
            .selection
            .resolution
            .parts
            .iter()
            .map(|p| p.resolution_ms)
            .collect();
        resolutions.sort_unstable();
        resolutions.dedup();
        for wanted_ms in resolutions {
            self.windows.clear();
            let reach = self.selection.resolution.reach(wanted_ms);
            for place in places {
                if let Place::Downsampled {
                    series,
                    aggregate,
                    resolution_ms,
                    lost,
                } = place
                    && *resolution_ms == wanted_ms
                    && let Some((start_ms, end_ms)) = reach
                {
                    let windows = self.windows.of(*aggregate);
                    let from = windows.timestamps.len();
                    series.read(start_ms, end_ms, windows)?;
                    lost.cut(windows, from, 0);
                }
            }
            for part in self
                .selection
                .resolution
                .parts
                .iter()
                .filter(|p| p.resolution_ms == wanted_ms)
            {
                // Where a series does have single samples, they count from the first on.
                let end_ms = match first_raw_ms {
                    Some(first_ms) if !part.preferred => first_ms.min(part.end_ms),
                    _ => part.end_ms,
                };
                self.scratch.clear();
                let (start_ms, last_ms) = (part.start_ms, end_ms.saturating_sub(1));
                self.windows.samples(
                    self.selection.wanted,
                    wanted_ms,
                    start_ms,
                    last_ms,
                    &mut self.scratch,
                );
                merge(into, &mut self.scratch);
            }
        }
        Ok(())
    }
}

impl SeriesReader for Reader<'_> {
    fn next(&mut self, into: &mut Samples) -> Result<bool, StoreError> {
        into.clear();
        let Some((_, places)) = self.series.next() else {
            return Ok(false);
        };
        let single = |place: &&Place| !matches!(place, Place::Downsampled { .. });
        for place in places.iter().filter(single) {
            self.add(place, into)?;
        }
        if !self.selection.resolution.parts.is_empty() {
            self.add_downsampled(places, into)?;
        }
        Ok(true)
    }
}
