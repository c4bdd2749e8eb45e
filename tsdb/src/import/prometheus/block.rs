//! One block: its series in label order, with what its tombstones leave of them.

use std::path::{Path, PathBuf};

use durable::Fs;
use model::metrics::Samples;
use model::{Labels, StoreError};

use super::chunk;
use super::index::Index;
use super::meta::Meta;
use super::segments::Segments;
use super::tombstones::Tombstones;
use super::{Sink, Walked};

/// A series longer than this is handed over in pieces.
const PIECE_SAMPLES: usize = 1 << 18;

/// A block of Prometheus.
pub struct PrometheusBlock {
    /// What it says of itself.
    pub meta: Meta,
    /// Where it is.
    pub dir: PathBuf,
}

impl PrometheusBlock {
    /// Reads the block's description.
    ///
    /// # Errors
    /// It cannot be read or does not check out.
    pub fn open(fs: &dyn Fs, dir: &Path) -> Result<PrometheusBlock, StoreError> {
        Ok(PrometheusBlock {
            meta: Meta::read(fs, dir)?,
            dir: dir.to_owned(),
        })
    }

    /// Hands every sample of the block to `sink`, series by series in label order.
    ///
    /// # Errors
    /// Something of the block cannot be read or does not check out, or the sink says so. What came before has been
    /// handed over.
    pub fn walk(&self, fs: &dyn Fs, sink: &mut dyn Sink) -> Result<Walked, StoreError> {
        let tombstones = Tombstones::read(fs, &self.dir)?;
        let mut index = Index::open(fs, &self.dir.join("index"))?;
        let mut segments = Segments::open(fs, &self.dir.join("chunks"))?;
        let mut walked = Walked::default();
        let mut samples = Samples::default();
        while let Some(mut series) = index.next()? {
            series.chunks.sort_by_key(|c| (c.min_ms, c.max_ms, c.reference));
            let before = walked.samples;
            let mut chunks = series.chunks.iter().peekable();
            while let Some(meta) = chunks.next() {
                segments.chunk(meta.reference, |encoding, data| {
                    chunk::decode(encoding, data, &mut samples)
                })?;
                let overlaps = chunks.peek().is_some_and(|next| next.min_ms <= meta.max_ms);
                if chunks.peek().is_none() || (samples.len() >= PIECE_SAMPLES && !overlaps) {
                    tombstones.apply(series.reference, &mut samples);
                    hand_over(&series.labels, &mut samples, sink, &mut walked)?;
                }
            }
            walked.series += u64::from(walked.samples > before);
        }
        Ok(walked)
    }
}

/// Puts samples into order, leaves invalid histograms out, gives the rest to the sink and empties `samples`.
pub(super) fn hand_over(
    labels: &Labels,
    samples: &mut Samples,
    sink: &mut dyn Sink,
    walked: &mut Walked,
) -> Result<(), StoreError> {
    in_order(samples);
    samples
        .histograms
        .retain(|(_, histogram)| match histogram.validate() {
            Ok(()) => true,
            Err(why) => {
                walked.refused += 1;
                if walked.first_refusal.is_none() {
                    walked.first_refusal = Some(format!("{labels}: {why}"));
                }
                false
            }
        });
    if !samples.is_empty() {
        walked.samples += samples.len() as u64;
        sink.samples(labels, samples)?;
    }
    samples.clear();
    Ok(())
}

/// Sorts by time where chunks overlapped or samples came late; of several samples of one time the first stays.
pub(crate) fn in_order(samples: &mut Samples) {
    if !samples.timestamps.is_sorted_by(|a, b| a < b) {
        let mut rows: Vec<(i64, f64)> = samples
            .timestamps
            .drain(..)
            .zip(samples.values.drain(..))
            .collect();
        rows.sort_by_key(|(t, _)| *t);
        rows.dedup_by_key(|(t, _)| *t);
        (samples.timestamps, samples.values) = rows.into_iter().unzip();
    }
    if !samples.histograms.is_sorted_by(|a, b| a.0 < b.0) {
        samples.histograms.sort_by_key(|(t, _)| *t);
        samples.histograms.dedup_by_key(|(t, _)| *t);
    }
}

/// Keeps the samples whose time `keep` accepts.
pub(crate) fn retain(samples: &mut Samples, keep: impl Fn(i64) -> bool) {
    let mut kept = 0;
    for i in 0..samples.timestamps.len().min(samples.values.len()) {
        if keep(samples.timestamps[i]) {
            samples.timestamps[kept] = samples.timestamps[i];
            samples.values[kept] = samples.values[i];
            kept += 1;
        }
    }
    samples.timestamps.truncate(kept);
    samples.values.truncate(kept);
    samples.histograms.retain(|(t, _)| keep(*t));
}
