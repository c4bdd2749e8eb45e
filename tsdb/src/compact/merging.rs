//! Writes several blocks as one, series by series.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::Fs;
use model::metrics::Samples;
use model::{Labels, StoreError};

use crate::block::{Block, BlockSeries, ChunkToWrite, Origin, SeriesReader, Writer};
use crate::chunk::{self, CHUNK_SAMPLES};
use crate::error::corrupt;
use crate::merge::{self, Part};
use crate::postings::LabelIndex;
use crate::view::Floor;

/// Adds a series to a block, its samples in chunks of the usual size.
pub(crate) fn write_samples(
    writer: &mut Writer<'_>,
    labels: &Labels,
    samples: &Samples,
) -> Result<(), StoreError> {
    let columns = samples
        .timestamps
        .chunks(CHUNK_SAMPLES)
        .zip(samples.values.chunks(CHUNK_SAMPLES));
    let encoded: Vec<(i64, i64, u32, Vec<u8>)> = columns
        .filter_map(|(ts, values)| {
            Some((
                *ts.first()?,
                *ts.last()?,
                ts.len() as u32,
                chunk::encode(ts, values),
            ))
        })
        .collect();
    let chunks: Vec<ChunkToWrite<'_>> = encoded
        .iter()
        .map(|(min_ms, max_ms, count, bytes)| ChunkToWrite {
            min_ms: *min_ms,
            max_ms: *max_ms,
            count: *count,
            bytes,
        })
        .collect();
    if chunks.is_empty() {
        Ok(())
    } else {
        writer.add(labels, &chunks)
    }
}

/// Merges blocks, which must ascend by id, into the block `id` and publishes it; gives its folder.
pub(crate) fn merge_blocks(
    fs: &dyn Fs,
    blocks_dir: &Path,
    id: u64,
    sources: &[Arc<Block>],
) -> Result<PathBuf, StoreError> {
    let mut writer = Writer::create(fs, blocks_dir, id)?;
    match merge_series(&mut writer, sources) {
        Ok(()) => writer.finish(origin(id, sources)),
        Err(error) => {
            let _ = writer.abandon();
            Err(error)
        }
    }
}

fn origin(id: u64, sources: &[Arc<Block>]) -> Origin {
    let metas = || sources.iter().map(|b| b.meta());
    let mut ids: Vec<u64> = metas()
        .flat_map(|m| m.sources.iter().copied().chain([m.id]))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Origin {
        id,
        min_ms: metas().map(|m| m.min_ms).min().unwrap_or(0),
        max_ms: metas().map(|m| m.max_ms).max().unwrap_or(0),
        level: metas().map(|m| m.level).max().unwrap_or(0).saturating_add(1),
        sources: ids,
        floor: metas()
            .map(|m| m.floor)
            .max_by_key(|f| (f.batch, f.floor_ms))
            .unwrap_or(Floor::NONE),
    }
}

/// One block's place in the merge.
struct Source {
    reader: SeriesReader,
    next: Option<BlockSeries>,
}

fn merge_series(writer: &mut Writer<'_>, sources: &[Arc<Block>]) -> Result<(), StoreError> {
    let mut heads = Vec::with_capacity(sources.len());
    for block in sources {
        let mut reader = SeriesReader::new(Arc::clone(block), block.all()?.into_owned());
        let next = reader.next()?;
        heads.push(Source { reader, next });
    }
    while let Some(labels) = heads
        .iter()
        .filter_map(|h| h.next.as_ref().map(|s| &s.labels))
        .min()
        .cloned()
    {
        let mut parts = Vec::with_capacity(heads.len());
        for (head, block) in heads.iter_mut().zip(sources) {
            if let Some(series) = head.next.take_if(|s| s.labels == labels) {
                parts.push(block.load(&series.chunks, i64::MIN, i64::MAX)?);
                head.next = head.reader.next()?;
            }
        }
        write_parts(writer, &labels, &parts)?;
    }
    Ok(())
}

/// Chunks that do not overlap are taken over as they are.
fn write_parts(writer: &mut Writer<'_>, labels: &Labels, sources: &[Vec<Part>]) -> Result<(), StoreError> {
    let bad = |e: crate::bytes::Malformed| corrupt(format!("chunk of {labels}"), e.to_string());
    let parts = merge::in_sequence(sources);
    let chunks = parts.and_then(|parts| parts.into_iter().map(as_is).collect::<Option<Vec<_>>>());
    if let Some(chunks) = chunks {
        return writer.add(labels, &chunks);
    }
    let mut samples = Samples::default();
    merge::read(sources, i64::MIN, i64::MAX, &mut samples).map_err(bad)?;
    write_samples(writer, labels, &samples)
}

/// A chunk that can be written as it stands.
fn as_is(part: &Part) -> Option<ChunkToWrite<'_>> {
    match part {
        Part::Chunk {
            buffer,
            range,
            min_ms,
            max_ms,
        } => {
            let bytes = buffer.get(range.clone())?;
            let count = chunk::count(bytes).ok()?;
            Some(ChunkToWrite {
                min_ms: *min_ms,
                max_ms: *max_ms,
                count,
                bytes,
            })
        }
        Part::Raw(_) => None,
    }
}
