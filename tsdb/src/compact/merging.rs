//! Writes several blocks as one, series by series.
//!
//! All sources are read from one end to the other at once, like the ways of a merge sort. Memory: a series with all its
//! samples for each source, and the writer's labels. Cost: decoding and encoding of the samples, and a comparison of
//! labels for each source and series.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::Fs;
use model::metrics::Samples;
use model::{Labels, StoreError};

use crate::block::{Block, BlockMeta, SeriesReader, Writer};
use crate::codec::Effort;
use crate::tombstone::Erased;

/// Merges blocks, oldest first, into the block that `meta` describes and publishes it; gives its folder. Of several
/// samples at one time the oldest block's stays.
///
/// # Errors
/// The disk failed or bytes are corrupt; nothing new is there then.
pub fn merge_blocks(
    fs: &dyn Fs,
    blocks_dir: &Path,
    id: u64,
    sources: &[Arc<Block>],
    meta: BlockMeta,
) -> Result<PathBuf, StoreError> {
    let nothing = || StoreError::Invalid("blocks without samples are not merged".to_owned());
    merge_and_erase(fs, blocks_dir, id, sources, &Erased::default(), meta)?.ok_or_else(nothing)
}

/// As [`merge_blocks`], and what is erased is left out; `None` and no block where nothing is left. The range in `meta`
/// becomes that of the samples; a downsampled block stands for its range even where nothing is left.
pub(crate) fn merge_and_erase(
    fs: &dyn Fs,
    blocks_dir: &Path,
    id: u64,
    sources: &[Arc<Block>],
    erased: &Erased,
    mut meta: BlockMeta,
) -> Result<Option<PathBuf>, StoreError> {
    let mut writer = Writer::create(fs, blocks_dir, id, Effort::Best)?;
    match merge_series(&mut writer, sources, erased) {
        Ok(_) if meta.resolution_ms > 0 => writer.finish(meta).map(Some),
        Ok(Some((first_ms, last_ms))) => {
            (meta.min_ms, meta.max_ms) = (first_ms, last_ms.saturating_add(1));
            writer.finish(meta).map(Some)
        }
        Ok(None) => {
            writer.abandon();
            Ok(None)
        }
        Err(error) => {
            writer.abandon();
            Err(error)
        }
    }
}

/// One block's place in the merge: the next series with its samples.
struct Source {
    block: u64,
    reader: SeriesReader,
    labels: Option<Labels>,
    samples: Samples,
}

impl Source {
    fn open(block: &Arc<Block>, erased: &Erased) -> Result<Source, StoreError> {
        let mut source = Source {
            block: block.meta().id,
            reader: SeriesReader::new(Arc::clone(block))?,
            labels: None,
            samples: Samples::default(),
        };
        source.advance(erased)?;
        Ok(source)
    }

    fn advance(&mut self, erased: &Erased) -> Result<(), StoreError> {
        self.labels = self.reader.next(&mut self.samples)?;
        if let Some(labels) = self.labels.as_ref().filter(|_| !erased.is_nothing()) {
            erased.of(labels, self.block).cut(&mut self.samples, 0, 0);
        }
        Ok(())
    }
}

/// Gives the first and the last time of what was written.
fn merge_series(
    writer: &mut Writer<'_>,
    sources: &[Arc<Block>],
    erased: &Erased,
) -> Result<Option<(i64, i64)>, StoreError> {
    let mut range: Option<(i64, i64)> = None;
    let mut ways = Vec::with_capacity(sources.len());
    for block in sources {
        ways.push(Source::open(block, erased)?);
    }
    let mut merged = Samples::default();
    while let Some(labels) = ways.iter().filter_map(|way| way.labels.as_ref()).min().cloned() {
        let here: Vec<&Samples> = ways
            .iter()
            .filter(|way| way.labels.as_ref() == Some(&labels))
            .map(|way| &way.samples)
            .collect();
        let samples = match here.as_slice() {
            [only] => only,
            several => {
                merge_samples(several, &mut merged);
                &merged
            }
        };
        writer.add(&labels, samples)?;
        if let Some((first_ms, last_ms)) = range_of(samples) {
            let (min_ms, max_ms) = range.unwrap_or((first_ms, last_ms));
            range = Some((min_ms.min(first_ms), max_ms.max(last_ms)));
        }
        for way in ways.iter_mut().filter(|way| way.labels.as_ref() == Some(&labels)) {
            way.advance(erased)?;
        }
    }
    Ok(range)
}

/// The first and the last time of a series' samples.
fn range_of(samples: &Samples) -> Option<(i64, i64)> {
    let (floats, histograms) = (&samples.timestamps, &samples.histograms);
    let first = floats
        .first()
        .into_iter()
        .chain(histograms.first().map(|(ms, _)| ms));
    let last = floats
        .last()
        .into_iter()
        .chain(histograms.last().map(|(ms, _)| ms));
    Some((*first.min()?, *last.max()?))
}

/// Merges samples of one series in time; at equal time the first source's stays, with the start it says.
pub(crate) fn merge_samples(sources: &[&Samples], into: &mut Samples) {
    into.clear();
    let with_starts = sources.iter().any(|s| !s.starts.is_empty());
    let mut starts: Vec<(i64, i64)> = Vec::new();
    let mut note_starts = |source: &Samples, times: &[i64]| {
        if with_starts {
            starts.extend(times.iter().map(|ms| (*ms, source.starts.at(*ms))));
        }
    };
    let floats: Vec<&[i64]> = sources.iter().map(|s| s.timestamps.as_slice()).collect();
    merge_times(&floats, |at, from, to| {
        let Some(source) = sources.get(at) else { return };
        let times = source.timestamps.get(from..to).unwrap_or_default();
        into.timestamps.extend_from_slice(times);
        into.values
            .extend_from_slice(source.values.get(from..to).unwrap_or_default());
        note_starts(source, times);
    });
    if sources.iter().any(|s| !s.histograms.is_empty()) {
        let times_of = |s: &&Samples| s.histograms.iter().map(|(ms, _)| *ms).collect();
        let columns: Vec<Vec<i64>> = sources.iter().map(times_of).collect();
        let columns: Vec<&[i64]> = columns.iter().map(Vec::as_slice).collect();
        merge_times(&columns, |at, from, to| {
            let Some(source) = sources.get(at) else { return };
            into.histograms
                .extend_from_slice(source.histograms.get(from..to).unwrap_or_default());
            let times = columns.get(at).and_then(|column| column.get(from..to));
            note_starts(source, times.unwrap_or_default());
        });
        starts.sort_by_key(|(ms, _)| *ms);
    }
    for (ms, start) in starts {
        into.starts.push(ms, start);
    }
}

/// Says which stretch of which column comes next. Stretches are as long as can be: columns that do not overlap are one
/// each.
fn merge_times(columns: &[&[i64]], mut take: impl FnMut(usize, usize, usize)) {
    let mut at = vec![0; columns.len()];
    loop {
        // The column with the earliest time is next, up to the earliest time of the others.
        let heads = || {
            columns
                .iter()
                .zip(&at)
                .map(|(column, at)| column.get(*at).copied())
        };
        let Some((ms, next)) = heads().enumerate().filter_map(|(i, ms)| Some((ms?, i))).min() else {
            return;
        };
        let others = heads().enumerate().filter(|(i, _)| *i != next);
        let until = others.filter_map(|(_, ms)| ms).min();
        let column = columns.get(next).copied().unwrap_or_default();
        let from = at.get(next).copied().unwrap_or(0);
        let to = match until {
            None => column.len(),
            Some(until) if until == ms => from + 1,
            Some(until) => {
                from + column
                    .get(from..)
                    .unwrap_or_default()
                    .partition_point(|ms| *ms < until)
            }
        };
        take(next, from, to);
        for (i, (column, at)) in columns.iter().zip(&mut at).enumerate() {
            if i == next {
                *at = to;
            } else if column.get(*at) == Some(&ms) {
                *at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests;
