//! Writes a block: series come in label order and go to disk as they come.
//!
//! What stays in memory until the end: the texts of labels, and which series bear them. Cost beside the codec's: a hash
//! of the timestamps and a few table lookups a series.

mod labels;

use std::ops::Range;
use std::path::{Path, PathBuf};

use durable::{Fs, publish_dir};
use model::histogram::HistogramSample;
use model::metrics::Samples;
use model::{Labels, Starts, StoreError};

use super::columns::{ColumnWriter, MAX_SAMPLES, Span};
use super::entries::{ChunkEntry, ChunkPage, EntryWriter, Kind, Times};
use super::meta::{self, COLUMNS, Layout, NAMES, POSTINGS, SERIES, SYMBOLS};
use super::output::Output;
use super::page::Packer;
use super::table::PageTable;
use super::{BlockMeta, CHUNKS_FILE, CHUNKS_MAGIC, INDEX_FILE, INDEX_MAGIC, TMP_SUFFIX};
use crate::codec::histogram::encode_histograms;
use crate::codec::starts::encode_starts;
use crate::codec::{self, Effort};
use crate::error::{from_durable, io};
use labels::LabelWriter;

/// A page of chunks is closed once it takes so much: what is read for one chunk.
const CHUNK_PAGE_BYTES: usize = 4 << 10;

/// The same where pages are compressed, which small ones gain little from.
const PACKED_CHUNK_PAGE_BYTES: usize = 16 << 10;

/// zstd's level: on packed bits the third saves half a percent more and takes a nanosecond a sample longer.
const ZSTD_LEVEL: i32 = 1;

/// A block being written in a folder `ID.tmp`.
pub struct Writer<'a> {
    fs: &'a dyn Fs,
    tmp: PathBuf,
    effort: Effort,
    index: Output,
    chunks: Output,
    packer: Packer,
    labels: LabelWriter,
    columns: ColumnWriter,
    entries: EntryWriter,
    /// Encoded chunks that are not in a page yet.
    open_chunks: Vec<u8>,
    /// The chunks of the series being added.
    added: Vec<ChunkEntry>,
    /// Of series, columns, symbols and postings.
    tables: [PageTable; NAMES],
    series: u64,
    samples: u64,
    chunk_count: u64,
}

impl<'a> Writer<'a> {
    /// Starts a block in `blocks_dir`; a folder left over from an attempt before is replaced.
    ///
    /// # Errors
    /// The disk refused.
    pub fn create(
        fs: &'a dyn Fs,
        blocks_dir: &Path,
        id: u64,
        effort: Effort,
    ) -> Result<Writer<'a>, StoreError> {
        let tmp = blocks_dir.join(format!("{id:010}{TMP_SUFFIX}"));
        if fs.exists(&tmp) {
            fs.remove_dir_all(&tmp).map_err(|e| io("remove", &tmp, e))?;
        }
        fs.create_dir_all(&tmp).map_err(|e| io("create", &tmp, e))?;
        let outputs = || {
            let mut index = Output::create(fs, tmp.join(INDEX_FILE))?;
            let mut chunks = Output::create(fs, tmp.join(CHUNKS_FILE))?;
            index.buffer.extend_from_slice(INDEX_MAGIC);
            chunks.buffer.extend_from_slice(CHUNKS_MAGIC);
            let packer = Packer::new(ZSTD_LEVEL).map_err(|e| index.error("pack", e))?;
            Ok((index, chunks, packer))
        };
        let (index, chunks, packer) = outputs().inspect_err(|_| {
            let _ = fs.remove_dir_all(&tmp);
        })?;
        Ok(Writer {
            fs,
            tmp,
            effort,
            index,
            chunks,
            packer,
            labels: LabelWriter::default(),
            columns: ColumnWriter::new(),
            entries: EntryWriter::default(),
            open_chunks: Vec::new(),
            added: Vec::new(),
            tables: Default::default(),
            series: 0,
            samples: 0,
            chunk_count: 0,
        })
    }

    /// Adds a series; series must come in label order, one without samples is passed over.
    ///
    /// # Errors
    /// The order is not kept, or the disk refused: the block can only be abandoned then.
    pub fn add(&mut self, labels: &Labels, samples: &Samples) -> Result<(), StoreError> {
        if samples.is_empty() {
            return Ok(());
        }
        let series = u32::try_from(self.series).map_err(|_| StoreError::Limit {
            what: "series of a block",
            limit: u64::from(u32::MAX),
        })?;
        let floats = samples.timestamps.len();
        let columns_fit = samples.values.len() == floats;
        let histograms_rise = samples.histograms.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !(columns_fit && histograms_rise && rises(&samples.timestamps)) {
            return Err(StoreError::Invalid(format!(
                "samples of {labels} are not in order of time"
            )));
        }
        self.labels.add(series, labels)?;
        self.added.clear();
        for range in even_parts(floats) {
            let times = samples.timestamps.get(range.clone()).unwrap_or_default();
            let values = samples.values.get(range).unwrap_or_default();
            self.add_floats(times, values)?;
        }
        self.add_histograms(&samples.histograms)?;
        self.add_starts(&samples.starts)?;
        self.entries.push(self.labels.symbols(), &self.added);
        self.series += 1;
        self.samples += samples.len() as u64;
        self.chunk_count += self.added.len() as u64;
        self.write_full_pages(false)
    }

    fn add_floats(&mut self, timestamps: &[i64], values: &[f64]) -> Result<(), StoreError> {
        let start = self.open_chunks.len();
        let times = match (self.columns.number(timestamps), timestamps) {
            (Some(column), _) => Times::Column(column),
            (None, [first, ..]) => {
                codec::encode_timestamps(timestamps, &mut self.open_chunks);
                let last = timestamps.last().unwrap_or(first);
                Times::Own(Span {
                    min_ms: *first,
                    max_ms: *last,
                    count: timestamps.len() as u32,
                })
            }
            (None, []) => return Ok(()),
        };
        codec::encode_values(values, self.effort, &mut self.open_chunks);
        self.push_chunk(Kind::Floats, times, start)
    }

    fn add_histograms(&mut self, mut histograms: &[HistogramSample]) -> Result<(), StoreError> {
        while let Some((first, _)) = histograms.first() {
            let start = self.open_chunks.len();
            let taken = encode_histograms(histograms, self.effort, &mut self.open_chunks).max(1);
            let (chunk, rest) = histograms.split_at_checked(taken).unwrap_or((histograms, &[]));
            let times = Times::Own(Span {
                min_ms: *first,
                max_ms: chunk.last().map_or(*first, |(ms, _)| *ms),
                count: chunk.len() as u32,
            });
            self.push_chunk(Kind::Histograms, times, start)?;
            histograms = rest;
        }
        Ok(())
    }

    fn add_starts(&mut self, starts: &Starts) -> Result<(), StoreError> {
        let ([(first, _), ..], [.., (last, _)]) = (starts.changes(), starts.changes()) else {
            return Ok(());
        };
        let times = Times::Own(Span {
            min_ms: *first,
            max_ms: *last,
            count: u32::try_from(starts.changes().len()).unwrap_or(u32::MAX),
        });
        let start = self.open_chunks.len();
        encode_starts(starts, *first, &mut self.open_chunks);
        self.push_chunk(Kind::Starts, times, start)
    }

    /// Notes the chunk that begins at `start` of the open ones.
    fn push_chunk(&mut self, kind: Kind, times: Times, start: usize) -> Result<(), StoreError> {
        let len = (self.open_chunks.len() - start) as u32;
        self.added.push(ChunkEntry { kind, times, len });
        let full = match self.effort {
            Effort::Fast => CHUNK_PAGE_BYTES,
            Effort::Best => PACKED_CHUNK_PAGE_BYTES,
        };
        if self.open_chunks.len() >= full {
            self.close_chunks()?;
        }
        Ok(())
    }

    fn close_chunks(&mut self) -> Result<(), StoreError> {
        if self.open_chunks.is_empty() {
            return Ok(());
        }
        let offset = self.chunks.offset();
        let compress = self.effort == Effort::Best;
        self.packer
            .append(&self.open_chunks, compress, &mut self.chunks.buffer)
            .map_err(|e| self.chunks.error("pack", e))?;
        let page = ChunkPage {
            len: (self.chunks.offset() - offset) as u32,
            content: self.open_chunks.len() as u32,
        };
        self.entries.push_chunk_page(offset, page);
        self.open_chunks.clear();
        self.chunks.settle()
    }

    /// Writes the pages that are full, or all there is.
    fn write_full_pages(&mut self, all: bool) -> Result<(), StoreError> {
        if self.entries.is_full() || (all && self.entries.count() > 0) {
            self.close_chunks()?;
            let content = self.entries.take();
            self.write_page(SERIES, &content, self.series)?;
        }
        if let Some(content) = self.columns.take_page(all) {
            self.write_page(COLUMNS, &content, self.columns.count())?;
        }
        if let Some((content, end)) = self.labels.take_symbols(all) {
            self.write_page(SYMBOLS, &content, end)?;
        }
        Ok(())
    }

    /// Writes a page that holds what is numbered up to `end`, and notes it in a table.
    fn write_page(&mut self, table: usize, content: &[u8], end: u64) -> Result<(), StoreError> {
        let range = self.write_index(content, true)?;
        if let Some(table) = self.tables.get_mut(table) {
            table.push(end, range.start, (range.end - range.start) as u32);
        }
        Ok(())
    }

    fn write_index(&mut self, content: &[u8], compress: bool) -> Result<Range<u64>, StoreError> {
        let start = self.index.offset();
        self.packer
            .append(content, compress, &mut self.index.buffer)
            .map_err(|e| self.index.error("pack", e))?;
        let range = start..self.index.offset();
        self.index.settle()?;
        Ok(range)
    }

    /// Removes what was written, as far as the disk allows.
    pub fn abandon(self) {
        let _ = self.fs.remove_dir_all(&self.tmp);
    }

    /// Finishes the files and publishes the folder; gives its path. Of `meta`, the counts and `bytes` are filled in
    /// here. After an error nothing is left behind, as far as the disk allows; what stays ends in `.tmp`.
    ///
    /// # Errors
    /// The disk refused.
    pub fn finish(self, meta: BlockMeta) -> Result<PathBuf, StoreError> {
        let (fs, tmp) = (self.fs, self.tmp.clone());
        self.publish(meta).inspect_err(|_| {
            let _ = fs.remove_dir_all(&tmp);
        })
    }

    fn publish(mut self, meta: BlockMeta) -> Result<PathBuf, StoreError> {
        self.write_full_pages(true)?;
        let names = self.write_labels()?;
        let mut layout = Layout::default();
        let tables = std::mem::take(&mut self.tables);
        for (table, range) in tables.iter().zip(&mut layout.tables) {
            let mut content = Vec::new();
            table.encode(&mut content);
            *range = self.write_index(&content, true)?;
        }
        let mut content = Vec::new();
        names.encode(&mut content);
        layout.tables[NAMES] = self.write_index(&content, true)?;
        layout.index_len = self.index.finish()?;
        layout.chunks_len = self.chunks.finish()?;
        let meta = BlockMeta {
            series: self.series,
            samples: self.samples,
            chunks: self.chunk_count,
            ..meta
        };
        let mut file = Output::create(self.fs, self.tmp.join(meta::FILE))?;
        file.buffer = meta::encode(&meta, &layout);
        file.finish()?;
        let path = self.tmp.with_file_name(meta.dir_name());
        if self.fs.exists(&path) {
            return Err(StoreError::Invalid(format!(
                "block {} is there already",
                path.display()
            )));
        }
        publish_dir(self.fs, &self.tmp, &path).map_err(|error| {
            // The rename may have happened and only its sync failed.
            let _ = self.fs.remove_dir_all(&path);
            from_durable(error)
        })?;
        Ok(path)
    }
}

fn rises(timestamps: &[i64]) -> bool {
    let later = timestamps.get(1..).unwrap_or_default();
    timestamps.iter().zip(later).all(|(a, b)| a < b)
}

/// Cuts a number of samples into parts of like size, none of them too large for a chunk.
fn even_parts(samples: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = samples.div_ceil(MAX_SAMPLES);
    (0..parts).map(move |i| samples * i / parts..samples * (i + 1) / parts)
}
