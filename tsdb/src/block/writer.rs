//! Writes a block: series by series in label order into a temporary folder, then published under its name.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use durable::{Fs, WriteFile, frame, publish_dir};
use model::{Labels, StoreError};
use roaring::RoaringBitmap;

use super::directory::{Directory, ValueEntry};
use super::meta::{self, BlockMeta};
use super::symbols::SymbolsBuilder;
use super::{CHUNKS_MAGIC, DIRECTORY, INDEX_MAGIC, PAGE_SERIES, POSTINGS, SERIES_PAGE, SYMBOLS};
use crate::bytes::{put_signed, put_varint};
use crate::error::{from_durable, io};
use crate::view::Floor;

pub(super) const INDEX_FILE: &str = "index";
pub(super) const CHUNKS_FILE: &str = "chunks";

/// The end of the name of a folder that is not finished.
pub(crate) const TMP_SUFFIX: &str = ".tmp";

/// Bytes are handed to the file system in pieces of about this size.
const WRITE_BYTES: usize = 1 << 20;

/// A file written front to back through a buffer.
struct Output {
    path: PathBuf,
    file: Box<dyn WriteFile>,
    buffer: Vec<u8>,
    flushed: u64,
}

impl Output {
    fn create(fs: &dyn Fs, path: PathBuf, magic: &[u8]) -> Result<Output, StoreError> {
        let file = fs.create(&path).map_err(|e| io("create", &path, e))?;
        Ok(Output {
            path,
            file,
            buffer: magic.to_vec(),
            flushed: 0,
        })
    }

    fn len(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    fn flush(&mut self, at_least: usize) -> Result<(), StoreError> {
        if self.buffer.len() >= at_least {
            self.file
                .write_all(&self.buffer)
                .map_err(|e| io("write", &self.path, e))?;
            self.flushed += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> Result<Range<u64>, StoreError> {
        if payload.len() > frame::MAX_PAYLOAD {
            return Err(StoreError::Limit {
                what: "bytes of a block's index",
                limit: frame::MAX_PAYLOAD as u64,
            });
        }
        let start = self.len();
        frame::encode(kind, payload, &mut self.buffer);
        self.flush(WRITE_BYTES)?;
        Ok(start..self.len())
    }

    /// Writes out and syncs what is left; gives the file's length.
    fn finish(mut self) -> Result<u64, StoreError> {
        self.flush(1)?;
        self.file.sync().map_err(|e| io("sync", &self.path, e))?;
        Ok(self.flushed)
    }
}

/// A chunk on its way into a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkToWrite<'a> {
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) count: u32,
    pub(crate) bytes: &'a [u8],
}

/// A block being written. Dropped unfinished it leaves a temporary folder, which the next open removes.
pub(crate) struct Writer<'a> {
    fs: &'a dyn Fs,
    tmp: PathBuf,
    index: Output,
    chunks: Output,
    symbols: SymbolsBuilder,
    directory: Directory,
    page: Vec<u8>,
    postings: BTreeMap<(u32, u32), RoaringBitmap>,
    samples: u64,
    chunk_count: u64,
}

impl<'a> Writer<'a> {
    /// Starts the block `id` under `blocks_dir`.
    pub(crate) fn create(fs: &'a dyn Fs, blocks_dir: &Path, id: u64) -> Result<Writer<'a>, StoreError> {
        let tmp = blocks_dir.join(format!("{id:010}{TMP_SUFFIX}"));
        fs.create_dir_all(&tmp).map_err(|e| io("create", &tmp, e))?;
        Ok(Writer {
            fs,
            index: Output::create(fs, tmp.join(INDEX_FILE), INDEX_MAGIC)?,
            chunks: Output::create(fs, tmp.join(CHUNKS_FILE), CHUNKS_MAGIC)?,
            tmp,
            symbols: SymbolsBuilder::default(),
            directory: Directory::default(),
            page: Vec::new(),
            postings: BTreeMap::new(),
            samples: 0,
            chunk_count: 0,
        })
    }

    /// Adds a series, in the order of labels, with its chunks in the order of time.
    pub(crate) fn add(&mut self, labels: &Labels, chunks: &[ChunkToWrite<'_>]) -> Result<(), StoreError> {
        let mut entry = Vec::with_capacity(16 + labels.len() * 4 + chunks.len() * 12);
        put_varint(&mut entry, labels.len() as u64);
        for (name, value) in labels.iter() {
            let (name, value) = (self.symbols.number(name), self.symbols.number(value));
            put_varint(&mut entry, u64::from(name));
            put_varint(&mut entry, u64::from(value));
            self.postings
                .entry((name, value))
                .or_default()
                .insert(self.directory.series);
        }
        put_varint(&mut entry, chunks.len() as u64);
        let (mut last_ms, mut end) = (0i64, 0u64);
        for chunk in chunks {
            put_signed(&mut entry, chunk.min_ms.wrapping_sub(last_ms));
            put_varint(&mut entry, chunk.max_ms.wrapping_sub(chunk.min_ms) as u64);
            put_varint(&mut entry, u64::from(chunk.count));
            put_varint(&mut entry, self.chunks.len() - end);
            put_varint(&mut entry, chunk.bytes.len() as u64);
            self.chunks
                .buffer
                .extend_from_slice(&crc32c::crc32c(chunk.bytes).to_le_bytes());
            self.chunks.buffer.extend_from_slice(chunk.bytes);
            (last_ms, end) = (chunk.max_ms, self.chunks.len());
            self.samples += u64::from(chunk.count);
        }
        self.chunk_count += chunks.len() as u64;
        self.chunks.flush(WRITE_BYTES)?;
        put_varint(&mut self.page, entry.len() as u64);
        self.page.extend_from_slice(&entry);
        self.directory.series += 1;
        if self.directory.series.is_multiple_of(PAGE_SERIES) {
            self.close_page()?;
        }
        Ok(())
    }

    fn close_page(&mut self) -> Result<(), StoreError> {
        if !self.page.is_empty() {
            let range = self.index.frame(SERIES_PAGE, &self.page)?;
            self.directory.push_page(range);
            self.page.clear();
        }
        Ok(())
    }

    fn write_postings(&mut self) -> Result<(), StoreError> {
        let texts = self.symbols.texts();
        let text = |symbol: u32| texts.get(symbol as usize).copied().unwrap_or("");
        let mut pairs: Vec<((u32, u32), RoaringBitmap)> =
            std::mem::take(&mut self.postings).into_iter().collect();
        pairs.sort_by_key(|((name, value), _)| (text(*name), text(*value)));
        let mut bytes = Vec::new();
        for group in pairs.chunk_by(|a, b| a.0.0 == b.0.0) {
            let mut values = Vec::with_capacity(group.len());
            for ((_, value), series) in group {
                bytes.clear();
                series
                    .serialize_into(&mut bytes)
                    .map_err(|e| io("encode", &self.index.path, e))?;
                let postings = self.index.frame(POSTINGS, &bytes)?;
                values.push(ValueEntry {
                    symbol: *value,
                    postings,
                });
            }
            if let Some(((name, _), _)) = group.first() {
                self.directory.push_name(*name, values);
            }
        }
        Ok(())
    }

    /// Finishes the files and publishes the folder; gives its path. After an error nothing is left behind, as far
    /// as the disk allows; what stays is taken away by the next open.
    pub(crate) fn finish(self, origin: Origin) -> Result<PathBuf, StoreError> {
        let (fs, tmp) = (self.fs, self.tmp.clone());
        let id = origin.id;
        self.publish(origin).inspect_err(|error| {
            tracing::warn!(block = id, %error, "a block could not be published");
            let _ = fs.remove_dir_all(&tmp);
        })
    }

    fn publish(mut self, origin: Origin) -> Result<PathBuf, StoreError> {
        self.close_page()?;
        self.write_postings()?;
        let symbols = self.index.frame(SYMBOLS, &self.symbols.encode())?;
        let directory = self.index.frame(DIRECTORY, &self.directory.encode())?;
        let meta = BlockMeta {
            id: origin.id,
            min_ms: origin.min_ms,
            max_ms: origin.max_ms,
            level: origin.level,
            sources: origin.sources,
            floor: origin.floor,
            series: u64::from(self.directory.series),
            samples: self.samples,
            chunks: self.chunk_count,
            index_bytes: self.index.finish()?,
            chunks_bytes: self.chunks.finish()?,
            symbols,
            directory,
        };
        let mut file = Output::create(self.fs, self.tmp.join(meta::FILE), &meta::encode(&meta))?;
        file.flush(1)?;
        file.finish()?;
        let path = self.tmp.with_file_name(meta.dir_name());
        publish_dir(self.fs, &self.tmp, &path).map_err(|error| {
            // The rename may have happened and only its sync failed.
            let _ = self.fs.remove_dir_all(&path);
            from_durable(error)
        })?;
        Ok(path)
    }

    /// Removes what was written.
    pub(crate) fn abandon(self) -> Result<(), StoreError> {
        self.fs
            .remove_dir_all(&self.tmp)
            .map_err(|e| io("remove", &self.tmp, e))
    }
}

/// What the author of a block says of it.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) id: u64,
    pub(crate) min_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) level: u32,
    pub(crate) sources: Vec<u64>,
    pub(crate) floor: Floor,
}
