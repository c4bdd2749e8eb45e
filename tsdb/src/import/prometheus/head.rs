//! What is only in the log: Prometheus' head, rebuilt from the write-ahead log and the log of late samples.
//!
//! The log alone is whole: it is cut only behind what went into blocks, so the chunks that a head keeps in files of its
//! own (`chunks_head`) and its snapshots hold nothing beyond it, and are not read. The log is read twice: series and
//! deletions first, since a deletion stands behind what it deletes, then samples. Memory: the labels of the head's
//! series and [`PORTION_SAMPLES`] samples.

use std::path::{Path, PathBuf};

use durable::Fs;
use model::metrics::{Metadata, MetricType, Samples};
use model::{Labels, StoreError};
use rustc_hash::FxHashMap;

use super::block::hand_over;
use super::tombstones::Tombstones;
use super::wal::{Kind, Record, Segment};
use super::{Sink, Walked, numbered};
use crate::bytes::Malformed;
use crate::error::io;

/// Samples gathered before they are handed over in label order.
const PORTION_SAMPLES: usize = 4 << 20;

/// A histogram counts for so many samples in a portion.
const HISTOGRAM_WEIGHT: usize = 16;

/// Prometheus' head, by its logs.
pub struct PrometheusHead {
    /// Segments of the checkpoint and the log, in order.
    log: Vec<PathBuf>,
    /// Segments of the log of late samples.
    late: Vec<PathBuf>,
    /// In the log, what is older is in blocks, minus what was deleted from them.
    complete_until_ms: Option<i64>,
}

/// What the logs say besides samples.
#[derive(Default)]
struct Directory {
    series: FxHashMap<u64, Labels>,
    tombstones: Tombstones,
}

impl PrometheusHead {
    pub(super) fn open(
        fs: &dyn Fs,
        dir: &Path,
        complete_until_ms: Option<i64>,
    ) -> Result<Option<PrometheusHead>, StoreError> {
        let head = PrometheusHead {
            log: segments(fs, &dir.join("wal"))?,
            late: segments(fs, &dir.join("wbl"))?,
            complete_until_ms,
        };
        Ok((!head.log.is_empty()).then_some(head))
    }

    /// Hands every sample of the logs to `sink` that is not in a block already, in portions, each in label order.
    /// Damage is passed by and told of in the result.
    ///
    /// # Errors
    /// The disk failed, or the sink says so.
    pub fn walk(&self, fs: &dyn Fs, sink: &mut dyn Sink) -> Result<Walked, StoreError> {
        let mut walked = Walked::default();
        let directory = self.directory(fs, sink, &mut walked)?;
        let mut portion = Portion::default();
        for (paths, floor_ms) in [(&self.log, self.complete_until_ms), (&self.late, None)] {
            let inside = |t: i64| floor_ms.is_none_or(|floor| t >= floor);
            each_record(fs, paths, &mut walked, &mut |record, walked| {
                let decoded = portion.take(record, inside);
                if portion.weight >= PORTION_SAMPLES {
                    portion.give(&directory, sink, walked)?;
                }
                Ok(decoded)
            })?;
        }
        portion.give(&directory, sink, &mut walked)?;
        if portion.nameless > 0 {
            walked.tell(format!(
                "{} samples in the log are of series that it does not name",
                portion.nameless
            ));
        }
        Ok(walked)
    }

    /// The first of two passes.
    fn directory(
        &self,
        fs: &dyn Fs,
        sink: &mut dyn Sink,
        walked: &mut Walked,
    ) -> Result<Directory, StoreError> {
        let mut directory = Directory::default();
        each_record(fs, &self.log, walked, &mut |record, _| {
            let Directory { series, tombstones } = &mut directory;
            Ok(match record.kind {
                Kind::Series => record.series(|reference, labels| drop(series.insert(reference, labels))),
                Kind::Tombstones => record.tombstones(|series, min, max| tombstones.add(series, min, max)),
                Kind::Metadata => record.metadata(|reference, metadata| {
                    if let Some(labels) = series.get(&reference) {
                        sink.metadata(family(labels.metric_name(), &metadata), &metadata);
                    }
                }),
                _ => Ok(()),
            })
        })?;
        // The second pass tells of the same places again.
        walked.damage.clear();
        Ok(directory)
    }
}

/// Metadata is logged with each series, whose name may be longer than the family's.
fn family<'a>(name: &'a str, metadata: &Metadata) -> &'a str {
    let suffixes: &[&str] = match metadata.metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => &["_bucket", "_sum", "_count"],
        MetricType::Summary => &["_sum", "_count"],
        _ => &[],
    };
    suffixes
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

/// Samples that wait for their turn.
#[derive(Default)]
struct Portion {
    samples: FxHashMap<u64, Samples>,
    weight: usize,
    /// Samples whose series the log does not name.
    nameless: u64,
}

impl Portion {
    fn of(&mut self, series: u64, weight: usize) -> &mut Samples {
        self.weight += weight;
        self.samples.entry(series).or_default()
    }

    fn take(&mut self, record: Record<'_>, inside: impl Fn(i64) -> bool) -> Result<(), Malformed> {
        match record.kind {
            Kind::Samples | Kind::SamplesV2 => record.samples(|series, t, value| {
                if inside(t) {
                    self.of(series, 1).push(t, value);
                }
            }),
            Kind::Histograms { float } | Kind::HistogramsV2 { float } => {
                record.histograms(float, |series, t, histogram| {
                    if inside(t) {
                        self.of(series, HISTOGRAM_WEIGHT).histograms.push((t, histogram));
                    }
                })
            }
            _ => Ok(()),
        }
    }

    /// Hands all over in label order and is empty.
    fn give(
        &mut self,
        directory: &Directory,
        sink: &mut dyn Sink,
        walked: &mut Walked,
    ) -> Result<(), StoreError> {
        self.weight = 0;
        let mut rows = Vec::with_capacity(self.samples.len());
        for (reference, samples) in self.samples.drain() {
            match directory.series.get(&reference) {
                Some(labels) => rows.push((labels, reference, samples)),
                None => self.nameless += samples.len() as u64,
            }
        }
        rows.sort_by_key(|(labels, reference, _)| (*labels, *reference));
        for (labels, reference, mut samples) in rows {
            directory.tombstones.apply(reference, &mut samples);
            walked.series += u64::from(!samples.is_empty());
            hand_over(labels, &mut samples, sink, walked)?;
        }
        Ok(())
    }
}

type EachRecord<'a> = &'a mut dyn FnMut(Record<'_>, &mut Walked) -> Result<Result<(), Malformed>, StoreError>;

/// Goes over the records of segments in order; what does not decode is told of.
fn each_record(
    fs: &dyn Fs,
    paths: &[PathBuf],
    walked: &mut Walked,
    each: EachRecord<'_>,
) -> Result<(), StoreError> {
    let mut bytes = Vec::new();
    for (i, path) in paths.iter().enumerate() {
        let mut segment = Segment::open(fs, path, i + 1 == paths.len())?;
        while segment.next(&mut bytes, &mut |damage| walked.tell(damage))? {
            let Some(record) = Record::new(&bytes) else {
                walked.tell(segment.fault("record of a kind that is not known"));
                continue;
            };
            if each(record, walked)?.is_err() {
                walked.tell(segment.fault("record does not decode"));
            }
        }
    }
    Ok(())
}

/// The segments of the newest checkpoint, then those that came after it.
fn segments(fs: &dyn Fs, dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    if !fs.exists(dir) {
        return Ok(Vec::new());
    }
    let entries = fs.list(dir).map_err(|e| io("list", dir, e))?;
    let checkpoint = entries
        .iter()
        .filter(|e| e.is_dir)
        .filter_map(|e| Some((e.name.strip_prefix("checkpoint.")?.parse::<u64>().ok()?, &e.name)))
        .max();
    let mut paths = Vec::new();
    if let Some((_, name)) = checkpoint {
        paths.extend(numbered(fs, &dir.join(name))?.into_iter().map(|(_, path)| path));
    }
    let behind = |number: u64| checkpoint.is_none_or(|(last, _)| number > last);
    let log = numbered(fs, dir)?
        .into_iter()
        .filter(|(number, _)| behind(*number));
    paths.extend(log.map(|(_, path)| path));
    Ok(paths)
}
