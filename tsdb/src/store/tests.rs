//! The engine as its users see it: append, maintain, crash, reopen, ask.

mod behaviour;
mod concurrency;
mod corruption;
mod crash;
mod downsampling;
mod erase;
mod erase_faults;
mod full_disk;
mod model_test;
mod recovery;
mod retention_rules;
mod revisions;
mod snapshot;
mod stress;
mod upkeep;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use durable::{Fs, MemoryFs};
use model::metrics::{
    AppendReport, MetricRow, MetricSink, MetricSnapshot, MetricStore, NewSeries, Sample, Samples,
    SelectHints, SeriesRef, Walk,
};
use model::{Labels, ManualClock, Matcher, StoreError};

use super::{OpenReport, RecoverReport, Tsdb};
use crate::Options;

/// Labels → time → value as bits: what a database must say.
pub(super) type Data = BTreeMap<Labels, BTreeMap<i64, u64>>;

pub(super) const DIR: &str = "/data";

/// Blocks of a second, so that a test crosses many, and a flush for every few kilobytes.
pub(super) fn small() -> Options {
    Options {
        block_duration_ms: 1000,
        retention_ms: None,
        out_of_order_window_ms: 2500,
        max_future_ms: i64::MAX / 2,
        wal_segment_bytes: 2048,
        wal_bytes: 8192,
        ..Options::default()
    }
}

/// Opens without replaying the log.
pub(super) fn open_only(fs: &Arc<dyn Fs>, options: Options) -> Result<(Tsdb, OpenReport), StoreError> {
    Tsdb::open(
        Arc::clone(fs),
        Path::new(DIR),
        options,
        Arc::new(ManualClock::at(0)),
    )
}

/// What opening and replaying found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) samples: u64,
    pub(super) damage: Vec<String>,
}

/// Opens and replays the log.
pub(super) fn open_with(fs: &Arc<dyn Fs>, options: Options) -> Result<(Tsdb, Found), StoreError> {
    let (tsdb, opened) = open_only(fs, options)?;
    let recovered = tsdb.recover()?;
    let found = Found {
        samples: recovered.samples,
        damage: [opened.damage, recovered.damage].concat(),
    };
    Ok((tsdb, found))
}

pub(super) fn open(fs: &Arc<dyn Fs>) -> Tsdb {
    let (tsdb, found) = open_with(fs, small()).unwrap();
    assert_eq!(found.damage, Vec::<String>::new());
    tsdb
}

pub(super) fn memory() -> (MemoryFs, Arc<dyn Fs>) {
    let fs = MemoryFs::new();
    (fs.clone(), Arc::new(fs))
}

pub(super) fn series(i: u64) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("m{}", i % 3)),
        ("i", i.to_string()),
        ("job", "j".to_owned()),
    ])
}

pub(super) fn row(i: u64, timestamp_ms: i64, value: f64) -> MetricRow {
    let sample = Sample { timestamp_ms, value };
    MetricRow {
        series: SeriesRef::UNKNOWN,
        labels: series(i),
        sample,
    }
}

/// Appends, and on success adds what was stored to `data`; what is there already stays.
pub(super) fn append(
    tsdb: &Tsdb,
    rows: &mut [MetricRow],
    data: &mut Data,
) -> Result<AppendReport, StoreError> {
    let report = tsdb.append(rows)?;
    for (i, row) in rows.iter().enumerate() {
        if report.rejected.iter().all(|(rejected, _)| *rejected != i) {
            let times = data.entry(row.labels.clone()).or_default();
            times
                .entry(row.sample.timestamp_ms)
                .or_insert(row.sample.value.to_bits());
        }
    }
    assert_eq!(report.stored + report.rejected.len(), rows.len());
    Ok(report)
}

pub(super) fn hints(start_ms: i64, end_ms: i64) -> SelectHints {
    SelectHints {
        start_ms,
        end_ms,
        step_ms: 0,
        max_series: 0,
        ..SelectHints::default()
    }
}

pub(super) fn read(
    snapshot: &dyn MetricSnapshot,
    matchers: &[Matcher],
    hints: &SelectHints,
) -> Result<Data, StoreError> {
    let set = snapshot.select(matchers, hints)?;
    let mut walk = Walk::new(&*set);
    let mut samples = Samples::default();
    let mut data = Data::new();
    let mut histograms = false;
    while let Some(labels) = walk.next(&mut samples)? {
        assert!(
            samples.timestamps.is_sorted_by(|a, b| a < b),
            "{:?}",
            samples.timestamps
        );
        histograms |= !samples.histograms.is_empty();
        let bits = samples.iter().map(|s| (s.timestamp_ms, s.value.to_bits()));
        let before = data.insert(labels.clone(), bits.collect());
        assert!(before.is_none(), "each series comes once: {labels}");
    }
    if !histograms {
        check_newest(snapshot, matchers, hints, &data)?;
    }
    Ok(data)
}

/// Checks that who asks for the newest samples alone gets them, from any series on.
fn check_newest(
    snapshot: &dyn MetricSnapshot,
    matchers: &[Matcher],
    hints: &SelectHints,
    data: &Data,
) -> Result<(), StoreError> {
    let newest_only = true;
    let set = snapshot.select(
        matchers,
        &SelectHints {
            newest_only,
            ..*hints
        },
    )?;
    let mut samples = Samples::default();
    let mut found = BTreeMap::new();
    let middle = set.len() / 3;
    for range in [middle..set.len(), 0..middle] {
        let mut reader = set.reader(range.clone());
        for index in range {
            assert!(reader.next(&mut samples)?);
            if let Some(last) = samples.iter().last() {
                found.insert(set.labels(index)?, (last.timestamp_ms, last.value.to_bits()));
            }
        }
        assert!(!reader.next(&mut samples)?);
    }
    let last = data.iter().filter_map(|(labels, samples)| {
        let (ms, bits) = samples.last_key_value()?;
        Some((labels.clone(), (*ms, *bits)))
    });
    assert_eq!(found, last.collect());
    Ok(())
}

/// What the database says between two times.
pub(super) fn ask(tsdb: &Tsdb, start_ms: i64, end_ms: i64) -> Data {
    let snapshot = tsdb.snapshot(start_ms, end_ms).unwrap();
    read(&*snapshot, &[], &hints(start_ms, end_ms)).unwrap()
}

pub(super) fn everything(tsdb: &Tsdb) -> Data {
    ask(tsdb, i64::MIN, i64::MAX)
}

/// The part of `data` between two times.
pub(super) fn within(data: &Data, start_ms: i64, end_ms: i64) -> Data {
    let part = data.iter().map(|(labels, times)| {
        (
            labels.clone(),
            times
                .range(start_ms..=end_ms)
                .map(|(t, v)| (*t, *v))
                .collect::<BTreeMap<_, _>>(),
        )
    });
    part.filter(|(_, times)| !times.is_empty()).collect()
}
