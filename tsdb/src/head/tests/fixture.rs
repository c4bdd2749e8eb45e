//! A head with its log, and series to fill it with.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::metrics::{AppendReport, NewSeries, RefSample, Rejected, Samples, SeriesRef};
use model::{Labels, SeriesKey};

use crate::head::{Bounds, Limits, Memtable, SeriesTable};

/// Samples by labels and time, values as bits.
pub(super) type Contents = BTreeMap<Labels, BTreeMap<i64, u64>>;

pub(super) struct Head {
    pub(super) table: Arc<SeriesTable>,
    pub(super) memtable: Memtable,
    pub(super) log: Vec<(u8, Vec<u8>)>,
    pub(super) batch: u64,
    pub(super) bounds: Bounds,
}

impl Head {
    pub(super) fn new() -> Head {
        Head::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Head {
        let table = Arc::new(SeriesTable::new(limits));
        Head {
            memtable: Memtable::new(Arc::clone(&table), 1),
            table,
            log: Vec::new(),
            batch: 0,
            bounds: Bounds::NONE,
        }
    }

    /// What would be frozen, and its log.
    pub(super) fn next_generation(&mut self) -> (Memtable, Vec<(u8, Vec<u8>)>) {
        let next = Memtable::new(Arc::clone(&self.table), self.memtable.generation() + 1);
        let frozen = std::mem::replace(&mut self.memtable, next);
        frozen.freeze();
        (frozen, std::mem::take(&mut self.log))
    }

    pub(super) fn create(&self, labels: &[Labels], timestamp_ms: i64) -> Vec<Result<SeriesRef, Rejected>> {
        let new: Vec<NewSeries> = labels
            .iter()
            .map(|labels| NewSeries {
                labels: labels.clone(),
                timestamp_ms,
            })
            .collect();
        let mut refs = Vec::new();
        self.table.create(&new, &mut refs);
        refs
    }

    pub(super) fn append(&mut self, samples: &[RefSample]) -> AppendReport {
        self.batch += 1;
        let mut report = AppendReport::default();
        let log = &mut self.log;
        let mut record = |bytes: &[u8], kind| log.push((kind, bytes.to_vec()));
        self.memtable
            .append(self.batch, samples, &self.bounds, &mut record, &mut report);
        report
    }

    /// One sample of each series at one time.
    pub(super) fn scrape(&mut self, refs: &[SeriesRef], timestamp_ms: i64, value: impl Fn(usize) -> f64) {
        let samples: Vec<RefSample> = refs
            .iter()
            .enumerate()
            .map(|(i, &series)| RefSample {
                series,
                timestamp_ms,
                value: value(i),
            })
            .collect();
        let report = self.append(&samples);
        assert_eq!((report.stored, report.rejected), (samples.len(), Vec::new()));
    }

    /// Lets everything that is in be sealed.
    pub(super) fn commit(&self) {
        self.memtable.set_sealable(self.batch);
    }
}

pub(super) fn contents(memtable: &Memtable, visible: u64) -> Contents {
    let mut contents = Contents::new();
    let mut last: Option<Labels> = None;
    memtable
        .for_each(visible, i64::MIN, i64::MAX, &mut |labels, samples| {
            assert!(
                last.as_ref().is_none_or(|last| last < labels),
                "series out of order"
            );
            last = Some(labels.clone());
            assert!(samples.timestamps.is_sorted_by(|a, b| a < b));
            let values = samples.iter().map(|s| (s.timestamp_ms, s.value.to_bits()));
            contents.insert(labels.clone(), values.collect());
            Ok(())
        })
        .unwrap();
    contents
}

pub(super) fn replayed(log: &[(u8, Vec<u8>)]) -> Memtable {
    let table = Arc::new(SeriesTable::new(Limits::default()));
    let memtable = Memtable::new(table, 1);
    let mut replay = memtable.replay();
    for (kind, record) in log {
        replay.apply(*kind, record).unwrap();
    }
    memtable
}

/// What one target of a fleet exposes.
pub(super) fn target(instance: usize, series: usize) -> Vec<Labels> {
    let one = |i: usize| {
        Labels::from_pairs([
            ("__name__", format!("node_metric_{}_total", i % 97)),
            ("cpu", format!("{}", i / 97)),
            ("instance", format!("host-{instance}:9100")),
            ("job", "node".to_owned()),
        ])
    };
    (0..series).map(one).collect()
}

pub(super) fn keys(labels: &[Labels]) -> Vec<SeriesKey> {
    let mut scratch = Vec::new();
    labels.iter().map(|l| SeriesKey::of(l, &mut scratch)).collect()
}

pub(super) fn unwrapped(refs: Vec<Result<SeriesRef, Rejected>>) -> Vec<SeriesRef> {
    refs.into_iter().map(|series| series.unwrap()).collect()
}

pub(super) fn sample(series: SeriesRef, timestamp_ms: i64, value: f64) -> RefSample {
    RefSample {
        series,
        timestamp_ms,
        value,
    }
}

/// One series' samples, by select and read.
pub(super) fn read(memtable: &Memtable, labels: &Labels, visible: u64, start: i64, end: i64) -> Samples {
    let matchers: Vec<model::Matcher> = labels
        .iter()
        .map(|(name, value)| model::Matcher::equal(name, value))
        .collect();
    let found = memtable.selection(&matchers, visible, start, end).unwrap();
    let mut reader = found.reader();
    let mut samples = Samples::default();
    for at in (0..found.len()).filter(|&at| found.labels(at) == *labels) {
        let mut more = Samples::default();
        reader.read(at, start, end, &mut more).unwrap();
        let newest = found.reader().newest(at, start, end).unwrap();
        let last = more.iter().last().map(|s| (s.timestamp_ms, s.value.to_bits()));
        if more.histograms.is_empty() && newest.is_some() {
            assert_eq!(newest.map(|(ms, value)| (ms, value.to_bits())), last);
        }
        crate::merge::merge(&mut samples, &mut more);
    }
    samples
}
