//! A block: all series of one time range, immutable, in a folder of its own.
//!
//! `meta` says what the block is, `index` leads from labels to series and from series to chunks, `chunks` holds the
//! samples. [`Writer`] is the only one to write them, [`Block`] the only one to read. All of `index` and `chunks` is
//! pages with a checksum each, read when asked for and kept in a cache that all blocks share: an idle block costs two
//! file handles and a few hundred bytes. Format: docs/format/block.md.

mod automaton;
mod cache;
mod chunk;
mod columns;
mod entries;
mod index;
mod input;
mod labels;
mod meta;
mod newest;
mod output;
mod page;
mod postings;
mod reader;
mod selection;
mod series;
mod symbols;
mod table;
mod values;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::Fs;
use model::{Matcher, StoreError};
use roaring::RoaringBitmap;

pub use cache::BlockCache;
pub use meta::BlockMeta;
pub(crate) use meta::TMP_SUFFIX;
pub use reader::SeriesReader;
pub(crate) use selection::{BlockReader, BlockSelection, Needs};
pub use series::BlockSeries;
pub use writer::Writer;

use crate::error::{corrupt, io};
use crate::postings::resolve;
use input::Input;
use meta::{BadMeta, Layout};

const INDEX_FILE: &str = "index";
const CHUNKS_FILE: &str = "chunks";

/// The first bytes of the files: magic and version.
const INDEX_MAGIC: &[u8; 8] = b"MHIDX\x00\x00\x02";
const CHUNKS_MAGIC: &[u8; 8] = b"MHCHK\x00\x00\x02";

/// A block open for reading.
pub struct Block {
    dir: PathBuf,
    meta: BlockMeta,
    layout: Layout,
    index: Input,
    chunks: Input,
    cache: Arc<BlockCache>,
    /// Its name in the cache.
    number: u64,
}

impl Block {
    /// Opens the block in `dir`: reads `meta` and checks that the other files begin and end as they should.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where the format's version is not known, [`StoreError::Corrupt`] where bytes do not
    /// check out, or the disk failed.
    pub fn open(fs: &dyn Fs, dir: &Path, cache: &Arc<BlockCache>) -> Result<Block, StoreError> {
        let path = dir.join(meta::FILE);
        let bytes = fs.read(&path).map_err(|e| io("read", &path, e))?;
        let (meta, layout) = meta::decode(&bytes).map_err(|bad| match bad {
            BadMeta::Corrupt(detail) => corrupt(path.display().to_string(), detail),
            BadMeta::Version(version) => StoreError::Invalid(format!(
                "block {} is written in version {version} of its format; this program reads version {}",
                dir.display(),
                meta::VERSION
            )),
        })?;
        Ok(Block {
            index: Input::open(fs, &dir.join(INDEX_FILE), INDEX_MAGIC, layout.index_len)?,
            chunks: Input::open(fs, &dir.join(CHUNKS_FILE), CHUNKS_MAGIC, layout.chunks_len)?,
            dir: dir.to_owned(),
            meta,
            layout,
            number: cache.register(),
            cache: Arc::clone(cache),
        })
    }

    /// What the block is.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The series that satisfy all matchers and have a chunk that overlaps the range, in label order. Ends inclusive.
    /// Costs in proportion to these series; of their chunks nothing is read yet.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn select(
        self: &Arc<Self>,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<BlockSeries>, StoreError> {
        series::all(self.selection(matchers, (start_ms, end_ms), Needs::default())?)
    }

    /// The same without their labels.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub(crate) fn selection(
        self: &Arc<Self>,
        matchers: &[Matcher],
        (start_ms, end_ms): (i64, i64),
        needs: Needs,
    ) -> Result<BlockSelection, StoreError> {
        let meets = start_ms < self.meta.max_ms && end_ms >= self.meta.min_ms;
        let wanted = match meets {
            true => resolve(&**self, matchers)?,
            false => RoaringBitmap::new(),
        };
        self.select_numbers(&wanted, (start_ms, end_ms), needs)
    }

    /// The names of all labels, sorted.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.names()?.0.keys().map(|name| name.to_string()).collect())
    }

    /// The values of one label, sorted; with a matcher (its own name does not matter) those that it accepts.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn label_values(&self, name: &str, matcher: Option<&Matcher>) -> Result<Vec<String>, StoreError> {
        self.values_where(name, matcher, true, |value, _| value.to_owned())
    }

    /// How many values a label has.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn label_cardinality(&self, name: &str) -> Result<u64, StoreError> {
        Ok(self.names()?.0.get(name).map_or(0, |name| name.values))
    }

    /// Reads everything and checks every checksum and that all parts fit together.
    ///
    /// # Errors
    /// The first thing that does not check out.
    pub fn verify(self: &Arc<Self>) -> Result<(), StoreError> {
        verify::verify(self)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.cache.forget(self.number);
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({})", self.dir.display())
    }
}

#[cfg(test)]
mod tests;
