//! What an import has gathered of one window of time.

use std::path::{Path, PathBuf};

use durable::Fs;
use model::metrics::Samples;
use model::{Labels, StoreError};
use rustc_hash::FxHashMap;

use super::prometheus::in_order;
use crate::block::{BlockMeta, Writer};
use crate::codec::Effort;
use crate::options::align;

/// A new series costs its labels and a place in the table.
const SERIES_BYTES: usize = 200;

const FLOAT_BYTES: usize = 16;

/// A place in a series' two lists.
pub(super) type Place = (usize, usize);

/// Samples of one window, in memory and in runs.
#[derive(Default)]
pub(super) struct Window {
    series: FxHashMap<Labels, Samples>,
    /// Of what is in memory.
    pub(super) bytes: usize,
    /// Folders of the runs, oldest first.
    pub(super) runs: Vec<PathBuf>,
}

/// The window of the next sample behind `from`, and where in both lists the samples that are in it end. Samples that
/// are not in order of time make more parts, that is all.
pub(super) fn part(samples: &Samples, from: Place, width_ms: i64) -> Option<(i64, Place)> {
    let floats = samples.timestamps.get(from.0..).unwrap_or(&[]);
    let histograms = samples.histograms.get(from.1..).unwrap_or(&[]);
    let first = floats.first().copied();
    let first = first
        .into_iter()
        .chain(histograms.first().map(|(t, _)| *t))
        .min()?;
    let start_ms = align(first, width_ms);
    let inside = |t: i64| align(t, width_ms) == start_ms;
    let floats = floats.iter().take_while(|t| inside(**t)).count();
    let histograms = histograms.iter().take_while(|(t, _)| inside(*t)).count();
    Some((start_ms, (from.0 + floats, from.1 + histograms)))
}

impl Window {
    /// Takes the samples between two places; gives how many bytes memory grew by.
    pub(super) fn take(&mut self, labels: &Labels, samples: &Samples, from: Place, to: Place) -> usize {
        let mut bytes = 0;
        let into = self.series.entry(labels.clone()).or_insert_with(|| {
            bytes += SERIES_BYTES;
            Samples::default()
        });
        let (floats, histograms) = (from.0..to.0, from.1..to.1);
        bytes += floats.len() * FLOAT_BYTES;
        into.timestamps
            .extend(samples.timestamps.get(floats.clone()).unwrap_or(&[]));
        into.values.extend(samples.values.get(floats).unwrap_or(&[]));
        for (t, histogram) in samples.histograms.get(histograms).unwrap_or(&[]) {
            bytes += FLOAT_BYTES + histogram.memory_bytes();
            into.histograms.push((*t, histogram.clone()));
        }
        if !samples.starts.is_empty() {
            let floats = samples.timestamps.get(from.0..to.0).unwrap_or(&[]).iter();
            let histograms = samples.histograms.get(from.1..to.1).unwrap_or(&[]).iter();
            let mut times: Vec<i64> = floats.copied().chain(histograms.map(|(t, _)| *t)).collect();
            times.sort_unstable();
            times
                .iter()
                .for_each(|t| into.starts.push(*t, samples.starts.at(*t)));
        }
        self.bytes += bytes;
        bytes
    }

    /// Writes what is in memory as a block in `dir` and forgets it; `None` where there is nothing.
    pub(super) fn write(
        &mut self,
        fs: &dyn Fs,
        dir: &Path,
        id: u64,
        effort: Effort,
    ) -> Result<Option<PathBuf>, StoreError> {
        self.bytes = 0;
        let mut series: Vec<(Labels, Samples)> = std::mem::take(&mut self.series).into_iter().collect();
        if series.is_empty() {
            return Ok(None);
        }
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut writer = Writer::create(fs, dir, id, effort)?;
        let (mut min_ms, mut last_ms) = (i64::MAX, i64::MIN);
        for (labels, mut samples) in series {
            in_order(&mut samples);
            let times = samples.timestamps.iter().copied();
            for t in times.chain(samples.histograms.iter().map(|(t, _)| *t)) {
                (min_ms, last_ms) = (min_ms.min(t), last_ms.max(t));
            }
            if let Err(error) = writer.add(&labels, &samples) {
                writer.abandon();
                return Err(error);
            }
        }
        let meta = BlockMeta {
            id,
            min_ms,
            max_ms: last_ms.saturating_add(1),
            level: 1,
            ..BlockMeta::default()
        };
        writer.finish(meta).map(Some)
    }
}
