//! Writes a downsampled block.
//!
//! The series of one aggregate lie together, so the blocks of single samples are read once for each aggregate, in label
//! order, from one end to the other. Memory: a series with all its samples for each source, and the writer's labels.
//! Cost: seven times the decoding of the samples.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::Fs;
use model::metrics::Samples;
use model::{Labels, StoreError};

use super::plan::Job;
use super::{AGGREGATE, Aggregate, downsample};
use crate::block::{Block, BlockMeta, SeriesReader, Writer};
use crate::codec::Effort;
use crate::compact::merge_samples;
use crate::tombstone::Erased;

/// Writes what `job` says into the block `id` and publishes it; gives its folder. `raw` are the blocks of single
/// samples, the oldest first, without what is erased; of `replaced` the windows stay in which a series has no samples
/// any more.
///
/// # Errors
/// The disk failed or bytes are corrupt; nothing new is there then.
pub(crate) fn write(
    fs: &dyn Fs,
    blocks_dir: &Path,
    id: u64,
    job: &Job,
    (raw, replaced): (&[Arc<Block>], &[Arc<Block>]),
    erased: &Erased,
) -> Result<PathBuf, StoreError> {
    let mut writer = Writer::create(fs, blocks_dir, id, Effort::Best)?;
    match write_series(&mut writer, job, raw, replaced, erased) {
        Ok(()) => writer.finish(meta(id, job, replaced)),
        Err(error) => {
            writer.abandon();
            Err(error)
        }
    }
}

/// The block's range is what it stands for, whether there are samples everywhere or not: what is done is not to be
/// done again.
fn meta(id: u64, job: &Job, replaced: &[Arc<Block>]) -> BlockMeta {
    let mut sources: Vec<u64> = replaced
        .iter()
        .flat_map(|b| b.meta().sources.iter().copied().chain([b.meta().id]))
        .collect();
    sources.sort_unstable();
    sources.dedup();
    BlockMeta {
        id,
        min_ms: job.start_ms,
        max_ms: job.end_ms,
        level: 1,
        sources,
        log_floor: replaced.iter().map(|b| b.meta().log_floor).max().unwrap_or(0),
        resolution_ms: job.resolution_ms,
        ..BlockMeta::default()
    }
}

/// One block that is read: the next series with its samples.
struct Way<'a> {
    block: u64,
    reader: SeriesReader,
    erased: &'a Erased,
    labels: Option<Labels>,
    samples: Samples,
}

impl<'a> Way<'a> {
    fn open(block: &Arc<Block>, erased: &'a Erased) -> Result<Way<'a>, StoreError> {
        let mut way = Way {
            block: block.meta().id,
            reader: SeriesReader::new(Arc::clone(block))?,
            erased,
            labels: None,
            samples: Samples::default(),
        };
        way.advance()?;
        Ok(way)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.labels = self.reader.next(&mut self.samples)?;
        if let Some(labels) = self.labels.as_ref().filter(|_| !self.erased.is_nothing()) {
            self.erased.of(labels, self.block).cut(&mut self.samples, 0, 0);
        }
        Ok(())
    }
}

/// The samples that several ways have of the next series.
fn next(ways: &mut [Way<'_>], wanted: &Labels, into: &mut Samples) -> Result<(), StoreError> {
    let here = ways.iter().filter(|way| way.labels.as_ref() == Some(wanted));
    let here: Vec<&Samples> = here.map(|way| &way.samples).collect();
    merge_samples(&here, into);
    for way in ways.iter_mut().filter(|way| way.labels.as_ref() == Some(wanted)) {
        way.advance()?;
    }
    Ok(())
}

fn write_series(
    writer: &mut Writer<'_>,
    job: &Job,
    raw: &[Arc<Block>],
    replaced: &[Arc<Block>],
    erased: &Erased,
) -> Result<(), StoreError> {
    let open = |blocks: &[Arc<Block>]| -> Result<Vec<Way<'_>>, StoreError> {
        blocks.iter().map(|block| Way::open(block, erased)).collect()
    };
    let mut replaced = open(replaced)?;
    let (mut samples, mut windows) = (Samples::default(), Samples::default());
    let (mut old, mut merged) = (Samples::default(), Samples::default());
    for aggregate in Aggregate::ALL {
        let mut raw = open(raw)?;
        loop {
            // Both in the order of these labels, for all have the same in front.
            let of_raw = raw.iter().filter_map(|way| way.labels.as_ref()).min().cloned();
            let new = of_raw.as_ref().map(|labels| labelled(labels, aggregate));
            let of_this = |labels: &&Labels| labels.get(AGGREGATE) == Some(aggregate.as_str());
            let kept = replaced.iter().filter_map(|way| way.labels.as_ref());
            let kept = kept.filter(of_this).min().cloned();
            let Some(labels) = [&new, &kept].into_iter().flatten().min().cloned() else {
                break;
            };
            windows.clear();
            if let Some(of_raw) = of_raw.filter(|_| new.as_ref() == Some(&labels)) {
                next(&mut raw, &of_raw, &mut samples)?;
                // A series that bears the label itself could not be told from what is made here.
                if of_raw.get(AGGREGATE).is_some() {
                    continue;
                }
                cut(&mut samples, job.start_ms, job.end_ms);
                downsample(&samples, job.resolution_ms, aggregate, &mut windows);
            }
            if kept.as_ref() == Some(&labels) {
                next(&mut replaced, &labels, &mut old)?;
                leave_out(&mut old, &windows, job.resolution_ms);
                merge_samples(&[&windows, &old], &mut merged);
                writer.add(&labels, &merged)?;
            } else {
                writer.add(&labels, &windows)?;
            }
        }
    }
    Ok(())
}

fn labelled(labels: &Labels, aggregate: Aggregate) -> Labels {
    let mut builder = labels.to_builder();
    builder.set(AGGREGATE, aggregate.as_str());
    builder.build()
}

/// Leaves the floats of a stretch of time.
fn cut(samples: &mut Samples, start_ms: i64, end_ms: i64) {
    let until = samples.timestamps.partition_point(|ms| *ms < end_ms);
    samples.timestamps.truncate(until);
    samples.values.truncate(until);
    let from = samples.timestamps.partition_point(|ms| *ms < start_ms);
    samples.timestamps.drain(..from);
    samples.values.drain(..from);
}

/// Takes the windows out that others have as well.
fn leave_out(from: &mut Samples, others: &Samples, resolution_ms: i64) {
    let number = |ms: &i64| ms.div_euclid(resolution_ms);
    let mut left = Samples::default();
    for sample in from.iter() {
        let wanted = number(&sample.timestamp_ms);
        if others.timestamps.binary_search_by_key(&wanted, number).is_err() {
            left.push(sample.timestamp_ms, sample.value);
        }
    }
    *from = left;
}
