//! A store of series in memory, for tests and for unit tests of rules.
//!
//! Snapshots cost a reference count; an append after a snapshot copies. Nothing survives the process, so this
//! is never where a server keeps its data.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use model::metrics::{
    AppendReport, Metadata, MetricRow, MetricSink, MetricSnapshot, MetricStore, Rejected, Sample, Samples,
    SelectHints, SeriesSet,
};
use model::{Labels, Matcher, StoreError};

type Data = BTreeMap<Labels, Arc<Samples>>;

/// A store of series in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    data: RwLock<Arc<Data>>,
    metadata: RwLock<BTreeMap<String, Metadata>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Adds a sample. One at a known time replaces what is there; order does not matter.
    pub fn push(&self, labels: &Labels, sample: Sample) {
        let mut data = self.data.write().unwrap_or_else(PoisonError::into_inner);
        insert(Arc::make_mut(&mut data), labels, sample);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.data.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }
}

fn insert(data: &mut Data, labels: &Labels, Sample { timestamp_ms, value }: Sample) {
    let samples = Arc::make_mut(data.entry(labels.clone()).or_default());
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

impl MetricSink for MemoryStore {
    fn append(&self, rows: &mut [MetricRow]) -> Result<AppendReport, StoreError> {
        let mut data = self.data.write().unwrap_or_else(PoisonError::into_inner);
        let data = Arc::make_mut(&mut data);
        let mut report = AppendReport::default();
        for (i, row) in rows.iter().enumerate() {
            if row.labels.is_empty() {
                report.rejected.push((i, Rejected::InvalidLabels));
                continue;
            }
            insert(data, &row.labels, row.sample);
            report.stored += 1;
        }
        Ok(report)
    }

    fn set_metadata(&self, family: &str, metadata: &Metadata) {
        let mut all = self.metadata.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(family.to_owned(), metadata.clone());
    }
}

impl MetricStore for MemoryStore {
    fn snapshot(&self, start_ms: i64, end_ms: i64) -> Result<Arc<dyn MetricSnapshot>, StoreError> {
        let data = self.data.read().unwrap_or_else(PoisonError::into_inner).clone();
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
}

struct MemorySnapshot {
    data: Arc<Data>,
    start_ms: i64,
    end_ms: i64,
}

impl MemorySnapshot {
    fn matching(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Vec<Labels> {
        let matches = |labels: &Labels| matchers.iter().all(|m| m.matches_labels(labels));
        let found = self.data.iter().filter(|(labels, samples)| {
            let (from, to) = between(samples, start_ms, end_ms);
            from < to && matches(labels)
        });
        found.map(|(labels, _)| labels.clone()).collect()
    }
}

/// Which samples are between two times, inclusive.
fn between(samples: &Samples, start_ms: i64, end_ms: i64) -> (usize, usize) {
    let from = samples.timestamps.partition_point(|t| *t < start_ms);
    (from, samples.timestamps.partition_point(|t| *t <= end_ms))
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
            data: self.data.clone(),
            found: found.into_iter(),
            start_ms,
            end_ms,
        }))
    }

    fn series(&self, matchers: &[Matcher]) -> Result<Vec<Labels>, StoreError> {
        Ok(self.matching(matchers, self.start_ms, self.end_ms))
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
    data: Arc<Data>,
    found: std::vec::IntoIter<Labels>,
    start_ms: i64,
    end_ms: i64,
}

impl SeriesSet for MemorySet {
    fn next(&mut self, into: &mut Samples) -> Result<Option<Labels>, StoreError> {
        into.clear();
        let Some(labels) = self.found.next() else {
            return Ok(None);
        };
        if let Some(samples) = self.data.get(&labels) {
            let (from, to) = between(samples, self.start_ms, self.end_ms);
            let range = (Bound::Included(from), Bound::Excluded(to));
            into.timestamps
                .extend_from_slice(samples.timestamps.get(range).unwrap_or_default());
            into.values
                .extend_from_slice(samples.values.get(range).unwrap_or_default());
        }
        Ok(Some(labels))
    }
}
