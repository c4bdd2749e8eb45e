//! The series a query selected, read one after the other.

use std::ops::Range;
use std::sync::Arc;

use model::metrics::{Samples, SeriesReader, SeriesSet, Wanted};
use model::{Labels, StoreError};

use super::resolution::Resolution;
use super::source::{Place, Source, SourceReader};
use super::union::{At, Union};
use crate::downsample::Windows;
use crate::merge::merge;
use crate::tombstone::Intervals;
use crate::view::Lease;

/// What [`select`](model::metrics::MetricSnapshot::select) gives. Holds the lease until it is dropped.
pub(super) struct Selection {
    pub(super) sources: Vec<Source>,
    pub(super) union: Union,
    pub(super) resolution: Resolution,
    pub(super) wanted: Wanted,
    pub(super) newest_only: bool,
    pub(super) _lease: Arc<Lease>,
}

const NOWHERE: At = At { source: 0, series: 0 };

impl Selection {
    /// Whether a series has a sample in the range: of a block its chunks tell for the most part, else it is read.
    pub(super) fn has_samples(
        &self,
        series: usize,
        reader: &mut Reader<'_>,
        scratch: &mut Samples,
    ) -> Result<bool, StoreError> {
        let mut only = NOWHERE;
        let places = self.union.places(series, &mut only);
        let sure = |at: &At| {
            let source = self.sources.get(at.source as usize);
            let mut raw = self.resolution.raw.iter();
            raw.any(|&(start_ms, end_ms)| {
                source.is_some_and(|source| source.is_sure(at.series as usize, start_ms, end_ms))
            })
        };
        if places.iter().any(sure) {
            return Ok(true);
        }
        reader.read(series, scratch)?;
        Ok(!scratch.is_empty())
    }

    /// A reader of single series.
    pub(super) fn random_reader(&self) -> Reader<'_> {
        Reader {
            selection: self,
            sources: self.sources.iter().map(Source::reader).collect(),
            range: 0..0,
            scratch: Samples::default(),
            windows: Windows::default(),
        }
    }
}

impl SeriesSet for Selection {
    fn len(&self) -> usize {
        self.union.len()
    }

    fn labels(&self, index: usize) -> Result<Labels, StoreError> {
        let mut only = NOWHERE;
        let first = match index < self.union.len() {
            true => self.union.places(index, &mut only).first(),
            false => None,
        };
        let source = first.and_then(|at| Some((self.sources.get(at.source as usize)?, at.series)));
        source.map_or_else(
            || Ok(Labels::empty()),
            |(source, series)| source.labels(series as usize),
        )
    }

    fn reader(&self, range: Range<usize>) -> Box<dyn SeriesReader + '_> {
        let mut reader = self.random_reader();
        reader.range = range.start..range.end.min(self.union.len());
        Box::new(reader)
    }
}

/// Reads series of a selection; one a thread.
pub(super) struct Reader<'a> {
    selection: &'a Selection,
    sources: Vec<SourceReader<'a>>,
    /// Series still to come.
    range: Range<usize>,
    scratch: Samples,
    windows: Windows,
}

impl Reader<'_> {
    /// Clears `into` and fills it with the samples of a series.
    fn read(&mut self, series: usize, into: &mut Samples) -> Result<(), StoreError> {
        into.clear();
        let mut only = NOWHERE;
        let selection = self.selection;
        let places = selection.union.places(series, &mut only);
        if selection.newest_only && self.newest(places, into)? {
            return Ok(());
        }
        for at in places {
            self.add(*at, into)?;
        }
        if !selection.resolution.parts.is_empty() {
            self.add_downsampled(places, into)?;
        }
        Ok(())
    }

    /// Fills in the newest sample alone; `false` where only reading tells.
    fn newest(&mut self, places: &[At], into: &mut Samples) -> Result<bool, StoreError> {
        let resolution = &self.selection.resolution;
        let ([(start_ms, end_ms)], []) = (&*resolution.raw, &*resolution.parts) else {
            return Ok(false);
        };
        let mut newest: Option<(i64, f64)> = None;
        for at in places.iter().rev() {
            let Some(reader) = self.sources.get_mut(at.source as usize) else {
                continue;
            };
            if newest.is_some_and(|(ms, _)| reader.source.last_ms() < ms) {
                continue;
            }
            match reader.newest(at.series as usize, *start_ms, *end_ms)? {
                // Of two at one time the older place is right.
                Some(found) if newest.is_none_or(|(ms, _)| found.0 >= ms) => newest = Some(found),
                Some(_) => {}
                None => return Ok(false),
            }
        }
        if let Some((ms, value)) = newest {
            into.push(ms, value);
        }
        Ok(true)
    }

    /// Adds the single samples of a place, which is younger than those before.
    fn add(&mut self, at: At, into: &mut Samples) -> Result<(), StoreError> {
        let Some(reader) = self.sources.get_mut(at.source as usize) else {
            return Ok(());
        };
        if matches!(reader.source.place, Place::Downsampled { .. }) {
            return Ok(());
        }
        let raw = &self.selection.resolution.raw;
        let mut read = |into: &mut Samples| {
            let mut raw = raw.iter();
            raw.try_for_each(|&(start_ms, end_ms)| reader.read(at.series as usize, start_ms, end_ms, into))
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
    fn add_downsampled(&mut self, places: &[At], into: &mut Samples) -> Result<(), StoreError> {
        let resolution = &self.selection.resolution;
        let floats = into.timestamps.first().copied();
        let histograms = into.histograms.first().map(|(ms, _)| *ms);
        let mut first_raw_ms = floats.into_iter().chain(histograms).min();
        // A retention cuts through a window: what is left of it there is less than the window.
        let is_whole = |(all_ms, first_ms)| first_ms >= all_ms;
        if resolution.all_from_ms.zip(first_raw_ms).is_some_and(is_whole) {
            let mut replaced = Intervals::default();
            for part in resolution.parts.iter().filter(|part| !part.preferred) {
                replaced.add(part.start_ms, part.end_ms - 1);
            }
            replaced.cut(into, 0, 0);
            first_raw_ms = None;
        }
        let mut resolutions: Vec<i64> = resolution.parts.iter().map(|p| p.resolution_ms).collect();
        resolutions.sort_unstable();
        resolutions.dedup();
        for wanted_ms in resolutions {
            self.read_windows(places, wanted_ms)?;
            for part in resolution.parts.iter().filter(|p| p.resolution_ms == wanted_ms) {
                // Where a series does have single samples, they count from the first on.
                let end_ms = match first_raw_ms {
                    Some(first_ms) if !part.preferred => first_ms.min(part.end_ms),
                    _ => part.end_ms,
                };
                self.scratch.clear();
                let (start_ms, last_ms) = (part.start_ms, end_ms.saturating_sub(1));
                let wanted = self.selection.wanted;
                self.windows
                    .samples(wanted, wanted_ms, start_ms, last_ms, &mut self.scratch);
                merge(into, &mut self.scratch);
            }
        }
        Ok(())
    }

    /// Fills the windows of a resolution.
    fn read_windows(&mut self, places: &[At], wanted_ms: i64) -> Result<(), StoreError> {
        self.windows.clear();
        let Some((start_ms, end_ms)) = self.selection.resolution.reach(wanted_ms) else {
            return Ok(());
        };
        for at in places {
            if let Some(reader) = self.sources.get_mut(at.source as usize)
                && let Place::Downsampled {
                    aggregate,
                    resolution_ms,
                    ..
                } = &reader.source.place
                && *resolution_ms == wanted_ms
            {
                let windows = self.windows.of(*aggregate);
                reader.read(at.series as usize, start_ms, end_ms, windows)?;
            }
        }
        Ok(())
    }
}

impl SeriesReader for Reader<'_> {
    fn next(&mut self, into: &mut Samples) -> Result<bool, StoreError> {
        match self.range.next() {
            Some(series) => self.read(series, into).map(|()| true),
            None => {
                into.clear();
                Ok(false)
            }
        }
    }
}
