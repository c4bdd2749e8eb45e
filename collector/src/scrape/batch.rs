//! What a scrape sends to the sink: series to be made, samples, and the markers of series that end.

use std::sync::Arc;

use model::exemplar::ExemplarRow;
use model::metrics::{AppendReport, MetricSink, NewSeries, RefSample, Rejected, STALE_NAN, SeriesRef};
use model::{Labels, StoreError};
use rustc_hash::FxHashSet;

use super::cache::ScrapeCache;
use super::families::Family;

/// What a page gave. [`Batch::resolve`] gives every sample its handle, [`Batch::append`] stores them.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is to be stored.
    pub samples: Vec<RefSample>,
    /// Series that have no handle yet, each with its place in the cache.
    pub(super) new: Vec<NewSeries>,
    pub(super) new_slots: Vec<u32>,
    /// Samples that wait for one, each with the place of its series in the cache.
    pub(super) waiting: Vec<(u32, u32)>,
    /// Series that the page no longer shows. They end, unless it shows them in other words.
    pub(super) gone: Vec<SeriesRef>,
    /// The page's exemplars, where they are wanted; `None` where not.
    pub exemplars: Option<Vec<ExemplarRow>>,
    /// Families that say something new.
    pub changed: Vec<Arc<Family>>,
    /// Samples whose series the sink would not make.
    pub(super) rejected: Vec<Rejected>,
}

impl Batch {
    /// Makes it empty, keeping its memory.
    pub fn clear(&mut self) {
        self.samples.clear();
        self.new.clear();
        self.new_slots.clear();
        self.waiting.clear();
        self.gone.clear();
        self.exemplars.iter_mut().for_each(Vec::clear);
        self.changed.clear();
        self.rejected.clear();
    }

    pub(super) fn push(&mut self, series: SeriesRef, timestamp_ms: i64, value: f64) {
        self.samples.push(RefSample {
            series,
            timestamp_ms,
            value,
        });
    }

    /// A sample whose series has no handle yet.
    pub(super) fn push_waiting(&mut self, slot: u32, timestamp_ms: i64, value: f64) {
        self.waiting
            .push((u32::try_from(self.samples.len()).unwrap_or(u32::MAX), slot));
        self.push(SeriesRef::UNKNOWN, timestamp_ms, value);
    }

    pub(super) fn push_new(&mut self, slot: u32, labels: Labels, timestamp_ms: i64) {
        self.new_slots.push(slot);
        self.new.push(NewSeries { labels, timestamp_ms });
    }

    /// Has the sink make the series that are new, and ends those that are gone.
    pub fn resolve(&mut self, cache: &mut ScrapeCache, scrape_ms: i64, sink: &dyn MetricSink) {
        if !self.new.is_empty() {
            let mut made = Vec::with_capacity(self.new.len());
            sink.create(&self.new, &mut made);
            for (slot, made) in self.new_slots.iter().zip(&made) {
                if let (Some(entry), Ok(series)) = (cache.entries.get_mut(*slot as usize), made) {
                    entry.series = *series;
                }
            }
            self.rejected.extend(made.into_iter().filter_map(Result::err));
            self.new = Vec::new();
        }
        for (at, slot) in self.waiting.drain(..) {
            let entry = cache.entries.get(slot as usize);
            if let (Some(sample), Some(entry)) = (self.samples.get_mut(at as usize), entry) {
                sample.series = entry.series;
            }
        }
        if !self.rejected.is_empty() {
            self.samples.retain(|sample| sample.series != SeriesRef::UNKNOWN);
        }
        if !self.gone.is_empty() {
            let mut gone: FxHashSet<SeriesRef> = self.gone.drain(..).collect();
            for entry in &cache.entries {
                gone.remove(&entry.series);
            }
            let mut gone: Vec<SeriesRef> = gone.into_iter().collect();
            gone.sort_unstable_by_key(|series| series.0);
            for series in gone {
                self.push(series, scrape_ms, STALE_NAN);
            }
        }
    }

    /// Stores the samples. What the sink has forgotten since it gave the handle comes back, as places in
    /// [`Batch::samples`]; it is not among the report's refusals.
    ///
    /// # Errors
    /// The store takes no writes.
    pub fn append(&self, sink: &dyn MetricSink) -> Result<(AppendReport, Vec<usize>), StoreError> {
        if self.samples.is_empty() {
            return Ok(Default::default());
        }
        let mut report = sink.append_samples(&self.samples)?;
        let unknown = report.rejected.iter();
        let unknown = unknown.filter(|(_, why)| *why == Rejected::UnknownSeries);
        let forgotten: Vec<usize> = unknown.map(|(at, _)| *at).collect();
        if !forgotten.is_empty() {
            report.rejected.retain(|(_, why)| *why != Rejected::UnknownSeries);
        }
        Ok((report, forgotten))
    }

    /// The handles at these places, sorted.
    pub(super) fn handles(&self, places: &[usize]) -> Vec<u64> {
        let handles = places.iter().filter_map(|&at| self.samples.get(at));
        let mut handles: Vec<u64> = handles.map(|sample| sample.series.0).collect();
        handles.sort_unstable();
        handles
    }
}
