//! A store of series in memory, for tests and for unit tests of rules.
//!
//! Snapshots cost a reference count; an append after a snapshot copies. Nothing survives the process, so this
//! is never where a server keeps its data.

mod changes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::metrics::{
    AppendReport, HistogramRow, Metadata, MetricSink, MetricSnapshot, MetricStore, NewSeries, RefSample,
    Rejected, Revision, Sample, Samples, SelectHints, SeriesReader, SeriesRef, SeriesSet, StartRow,
};
use model::{Histogram, Labels, Matcher, SeriesKey, StoreError};

use changes::Changes;

type Data = BTreeMap<Labels, Arc<Samples>>;

/// A store of series in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    content: RwLock<Content>,
    handles: RwLock<Handles>,
    metadata: RwLock<BTreeMap<String, Metadata>>,
}

/// The series, and since when they are as they are: under one lock, so that a snapshot never lacks what a revision asked
/// for before it has.
#[derive(Debug, Default)]
struct Content {
    data: Arc<Data>,
    changes: Changes,
}

/// Every label set that was ever given a handle; the handle is its place, counted from 1.
#[derive(Debug, Default)]
struct Handles {
    labels: Vec<Labels>,
    by_key: HashMap<SeriesKey, SeriesRef>,
}

impl Handles {
    fn labels(&self, series: SeriesRef) -> Option<&Labels> {
        self.labels.get(usize::try_from(series.0).ok()?.checked_sub(1)?)
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Adds a sample. One at a known time replaces what is there; order does not matter.
    pub fn push(&self, labels: &Labels, sample: Sample) {
        self.content_mut().insert(labels, sample);
    }

    /// Adds a native histogram, as [`push`](Self::push) adds a float.
    pub fn push_histogram(&self, labels: &Labels, timestamp_ms: i64, histogram: Arc<Histogram>) {
        self.content_mut()
            .insert_histogram(labels, timestamp_ms, histogram);
    }

    /// Says from when on the samples at `from_ms` and later count, in order of time, see [`Starts`](model::Starts).
    pub fn push_start(&self, labels: &Labels, from_ms: i64, start_ms: i64) {
        self.content_mut().insert_start(labels, from_ms, start_ms);
    }

    /// Forgets everything but handles.
    pub fn clear(&self) {
        let mut content = self.content_mut();
        content.data = Arc::default();
        content.changes.note(i64::MIN);
    }

    /// Removes the samples of one series between two times, inclusive.
    #[cfg(test)]
    pub(crate) fn erase(&self, labels: &Labels, start_ms: i64, end_ms: i64) {
        let mut content = self.content_mut();
        content.changes.note(start_ms);
        let samples = content.series(labels);
        let (from, to) = between(samples, start_ms, end_ms);
        samples.timestamps.drain(from..to);
        samples.values.drain(from..to);
        samples
            .histograms
            .retain(|(t, _)| !(start_ms..=end_ms).contains(t));
    }

    fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn content_mut(&self) -> RwLockWriteGuard<'_, Content> {
        self.content.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn series(&mut self, labels: &Labels) -> &mut Samples {
        Arc::make_mut(Arc::make_mut(&mut self.data).entry(labels.clone()).or_default())
    }

    fn insert(&mut self, labels: &Labels, Sample { timestamp_ms, value }: Sample) {
        self.changes.note(timestamp_ms);
        let samples = self.series(labels);
        match samples.timestamps.binary_search(&timestamp_ms) {
            Ok(i) => {
                if let Some(cell) = samples.values.get_mut(i) {
                    *cell = value;
                }
            }
            Err(i) => {
                samples.timestamps.insert(i, timestamp_ms);
                samples.values.insert(i, value);
            }
        }
    }

    fn insert_histogram(&mut self, labels: &Labels, timestamp_ms: i64, histogram: Arc<Histogram>) {
        self.changes.note(timestamp_ms);
        let histograms = &mut self.series(labels).histograms;
        match histograms.binary_search_by_key(&timestamp_ms, |(at, _)| *at) {
            Ok(i) => {
                if let Some(cell) = histograms.get_mut(i) {
                    *cell = (timestamp_ms, histogram);
                }
            }
            Err(i) => histograms.insert(i, (timestamp_ms, histogram)),
        }
    }

    /// Said again of the same series it changes nothing.
    fn insert_start(&mut self, labels: &Labels, from_ms: i64, start_ms: i64) {
        let Some(samples) = self.data.get(labels) else {
            return;
        };
        let mut starts = samples.starts.clone();
        starts.push(from_ms, start_ms);
        if starts != samples.starts {
            self.changes.note(from_ms);
            self.series(labels).starts = starts;
        }
    }
}

impl MemoryStore {
    /// Hands `take` the data and the labels of each row; rows whose handles mean nothing are rejected.
    fn append_each<R>(
        &self,
        rows: &[R],
        series: impl Fn(&R) -> SeriesRef,
        mut take: impl FnMut(&mut Content, &Labels, &R),
    ) -> AppendReport {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        let mut content = self.content_mut();
        let mut report = AppendReport::default();
        for (i, row) in rows.iter().enumerate() {
            match handles.labels(series(row)) {
                Some(labels) => {
                    take(&mut content, labels, row);
                    report.stored += 1;
                }
                None => report.rejected.push((i, Rejected::UnknownSeries)),
            }
        }
        report
    }
}

impl MetricSink for MemoryStore {
    fn find(&self, keys: &[SeriesKey], refs: &mut Vec<SeriesRef>) {
        let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
        refs.clear();
        let of = |key| handles.by_key.get(key).copied().unwrap_or(SeriesRef::UNKNOWN);
        refs.extend(keys.iter().map(of));
    }

    fn create(&self, series: &[NewSeries], refs: &mut Vec<Result<SeriesRef, Rejected>>) {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        let Handles { labels, by_key } = &mut *handles;
        let mut scratch = Vec::new();
        refs.clear();
        refs.extend(series.iter().map(|new| {
            if new.labels.is_empty() {
                return Err(Rejected::InvalidLabels);
            }
            let key = SeriesKey::of(&new.labels, &mut scratch);
            Ok(*by_key.entry(key).or_insert_with(|| {
                labels.push(new.labels.clone());
                SeriesRef(labels.len() as u64)
            }))
        }));
    }

    fn append_samples(&self, samples: &[RefSample]) -> Result<AppendReport, StoreError> {
        Ok(self.append_each(
            samples,
            |row| row.series,
            |content, labels, row| {
                let (timestamp_ms, value) = (row.timestamp_ms, row.value);
                content.insert(labels, Sample { timestamp_ms, value });
            },
        ))
    }

    fn append_histograms(&self, rows: &[HistogramRow]) -> Result<AppendReport, StoreError> {
        Ok(self.append_each(
            rows,
            |row| row.series,
            |content, labels, row| {
                content.insert_histogram(labels, row.timestamp_ms, Arc::clone(&row.histogram));
            },
        ))
    }

    fn append_starts(&self, rows: &[StartRow]) -> Result<(), StoreError> {
        // Handles that mean nothing are dropped, as the trait has it.
        let _ = self.append_each(
            rows,
            |row| row.series,
            |content, labels, row| content.insert_start(labels, row.from_ms, row.start_ms),
        );
        Ok(())
    }

    fn set_metadata(&self, family: &str, metadata: &Metadata) {
        let mut all = self.metadata.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(family.to_owned(), metadata.clone());
    }
}

impl MetricStore for MemoryStore {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        let data = Arc::clone(&self.content().data);
        Ok(Arc::new(MemorySnapshot {
            data,
            start_ms,
            end_ms,
        }))
    }

    fn metadata(&self) -> Vec<(String, Metadata)> {
        let all = self.metadata.read().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(family, metadata)| (family.clone(), metadata.clone()))
            .collect()
    }

    fn revision(&self) -> Revision {
        self.content().changes.revision()
    }

    fn changed_since(&self, revision: Revision) -> Option<i64> {
        self.content().changes.since(revision)
    }
}

struct MemorySnapshot {
    data: Arc<Data>,
    start_ms: i64,
    end_ms: i64,
}

impl MemorySnapshot {
    fn matching(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Vec<(Labels, Arc<Samples>)> {
        let matches = |labels: &Labels| matchers.iter().all(|m| m.matches_labels(labels));
        let found = self.data.iter().filter(|(labels, samples)| {
            let (from, to) = between(samples, start_ms, end_ms);
            let (first, end) = histograms_between(samples, start_ms, end_ms);
            (from < to || first < end) && matches(labels)
        });
        found
            .map(|(labels, samples)| (labels.clone(), Arc::clone(samples)))
            .collect()
    }
}

/// Which floats are between two times, inclusive.
fn between(samples: &Samples, start_ms: i64, end_ms: i64) -> (usize, usize) {
    let from = samples.timestamps.partition_point(|t| *t < start_ms);
    (from, samples.timestamps.partition_point(|t| *t <= end_ms))
}

/// Which histograms are between two times, inclusive.
fn histograms_between(samples: &Samples, start_ms: i64, end_ms: i64) -> (usize, usize) {
    let histograms = &samples.histograms;
    let from = histograms.partition_point(|(t, _)| *t < start_ms);
    (from, histograms.partition_point(|(t, _)| *t <= end_ms))
}

impl MetricSnapshot for MemorySnapshot {
    fn select(&self, matchers: &[Matcher], hints: &SelectHints) -> Result<Box<dyn SeriesSet>, StoreError> {
        let start_ms = hints.start_ms.max(self.start_ms);
        let end_ms = hints.end_ms.min(self.end_ms);
        let found = self.matching(matchers, start_ms, end_ms);
        if hints.max_series > 0 && found.len() as u64 > hints.max_series {
            return Err(StoreError::Limit {
                what: "series",
                limit: hints.max_series,
            });
        }
        Ok(Box::new(MemorySet {
            found,
            start_ms,
            end_ms,
        }))
    }

    fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        let found = self.matching(matchers, self.start_ms, self.end_ms);
        Ok(found.into_iter().map(|(labels, _)| labels).collect())
    }

    fn label_names(&self, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        let series = self.series(matchers)?;
        let names: BTreeSet<&str> = series
            .iter()
            .flat_map(|l| l.iter().map(|(name, _)| name))
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    fn label_values(&self, name: &str, matchers: &[Matcher]) -> Result<Vec<String>, StoreError> {
        let series = self.series(matchers)?;
        let values: BTreeSet<&str> = series.iter().filter_map(|l| l.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }
}

struct MemorySet {
    found: Vec<(Labels, Arc<Samples>)>,
    start_ms: i64,
    end_ms: i64,
}

impl SeriesSet for MemorySet {
    fn len(&self) -> usize {
        self.found.len()
    }

    fn labels(&self, index: usize) -> Result<Labels, StoreError> {
        let found = self.found.get(index);
        Ok(found.map_or_else(Labels::empty, |(labels, _)| labels.clone()))
    }

    fn reader(&self, range: Range<usize>) -> Box<dyn SeriesReader + '_> {
        let series = self.found.get(range).unwrap_or_default().iter();
        Box::new(MemoryReader { set: self, series })
    }
}

struct MemoryReader<'a> {
    set: &'a MemorySet,
    series: std::slice::Iter<'a, (Labels, Arc<Samples>)>,
}

impl SeriesReader for MemoryReader<'_> {
    fn next(&mut self, into: &mut Samples) -> Result<bool, StoreError> {
        into.clear();
        let Some((_, samples)) = self.series.next() else {
            return Ok(false);
        };
        let MemorySet { start_ms, end_ms, .. } = *self.set;
        let (from, to) = between(samples, start_ms, end_ms);
        let range = from..to;
        into.timestamps
            .extend_from_slice(samples.timestamps.get(range.clone()).unwrap_or_default());
        into.values
            .extend_from_slice(samples.values.get(range).unwrap_or_default());
        let (from, to) = histograms_between(samples, start_ms, end_ms);
        into.histograms
            .extend_from_slice(samples.histograms.get(from..to).unwrap_or_default());
        samples.starts.copy_range(start_ms, end_ms, &mut into.starts);
        Ok(true)
    }
}
