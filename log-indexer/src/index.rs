//! The words of a day's blocks in tantivy: one document a block, nothing stored, neither positions nor frequencies.
//!
//! Derived from the lines file: each commit says up to which byte of it the index reaches, and [`BlockIndex::extend`]
//! goes on from there, so a crash between the two costs nothing but that work again. An index that cannot be opened is
//! made anew. The stream of a block is a column with a dictionary: what streams a day has is in there as well.
//! Cost: some 35 MB of text a second and core, some 16 % of the text on disk.

use std::path::Path;

use durable::ReadFile;
use tantivy::indexer::IndexWriterOptions;
use tantivy::schema::{BytesOptions, FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use crate::block::{self, Block};
use crate::codec::put_labels;
use crate::lines::{self, Locator};
use crate::options::IndexPlace;
use crate::words::WordTokenizer;

/// What the writer gathers in memory before it makes a segment: tantivy's least, for its tables are made in proportion
/// and most cuts are small, and more where a whole file is indexed anew.
const WRITER_BYTES: usize = 15_000_000;
const LARGE_WRITER_BYTES: usize = 64 << 20;

/// From so many compressed bytes on there is much to index.
const MUCH_TO_INDEX: u64 = 8 << 20;

/// The name of our tokenizer in the schema.
const TOKENIZER: &str = "words";

/// Put before the position in a commit's payload; another version is another format and means a new index.
const PAYLOAD_PREFIX: &str = "masthead-logs-1 ";

/// Names of columns, for the reader.
pub(crate) const FIRST_NS: &str = "first_ns";
pub(crate) const LAST_NS: &str = "last_ns";
pub(crate) const OFFSET: &str = "offset";
pub(crate) const LEN: &str = "len";
pub(crate) const COUNT: &str = "count";
pub(crate) const STREAM: &str = "stream";

/// See the module.
pub(crate) struct BlockIndex {
    index: Index,
    reader: IndexReader,
    fields: Fields,
}

#[derive(Clone, Copy)]
struct Fields {
    words: Field,
    first_ns: Field,
    last_ns: Field,
    offset: Field,
    len: Field,
    count: Field,
    stream: Field,
}

/// Runs what reads an index's files. tantivy panics on some files that were cut or overwritten; to us that is an index
/// that does not open, not the end of a request or of the process.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, TantivyError>) -> Result<T, TantivyError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(TantivyError::InternalError(
            "its files do not check out".to_owned(),
        ))
    })
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let words = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let fields = Fields {
        words: schema.add_text_field("words", TextOptions::default().set_indexing_options(words)),
        first_ns: schema.add_i64_field(FIRST_NS, FAST),
        last_ns: schema.add_i64_field(LAST_NS, FAST),
        offset: schema.add_u64_field(OFFSET, FAST),
        len: schema.add_u64_field(LEN, FAST),
        count: schema.add_u64_field(COUNT, FAST),
        stream: schema.add_bytes_field(STREAM, BytesOptions::default().set_fast()),
    };
    (schema.build(), fields)
}

impl BlockIndex {
    /// Opens the index in `dir`, an existing folder.
    ///
    /// # Errors
    /// There is none, it is of another format, or it does not open: [`BlockIndex::create`] one in its place.
    pub(crate) fn open(dir: &Path) -> Result<BlockIndex, TantivyError> {
        let (schema, fields) = schema();
        let index = Index::open_in_dir(dir)?;
        if index.schema() != schema {
            return Err(TantivyError::SchemaError("of another version".to_owned()));
        }
        Self::new(index, fields)
    }

    /// A new, empty index; `dir` is an existing, empty folder.
    pub(crate) fn create(place: IndexPlace, dir: &Path) -> Result<BlockIndex, TantivyError> {
        let (schema, fields) = schema();
        let index = match place {
            IndexPlace::Disk => Index::create_in_dir(dir, schema)?,
            IndexPlace::Memory => Index::create_in_ram(schema),
        };
        Self::new(index, fields)
    }

    fn new(index: Index, fields: Fields) -> Result<BlockIndex, TantivyError> {
        index.tokenizers().register(TOKENIZER, WordTokenizer::default());
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(BlockIndex {
            index,
            reader,
            fields,
        })
    }

    /// Up to which byte of the lines file the index reaches; `None` where it does not say so in our way.
    pub(crate) fn covered(&self) -> Result<Option<u64>, TantivyError> {
        let metas = self.index.load_metas()?;
        Ok(match metas.payload {
            Some(payload) => payload.strip_prefix(PAYLOAD_PREFIX).and_then(|p| p.parse().ok()),
            None if metas.segments.is_empty() => Some(0),
            None => None,
        })
    }

    /// Indexes the blocks of `file` that lie between what is covered and `until`.
    pub(crate) fn extend(
        &self,
        file: &dyn ReadFile,
        until: u64,
        mut damaged: impl FnMut(String),
    ) -> Result<(), TantivyError> {
        let from = self.covered()?.unwrap_or_default();
        if from >= until {
            return Ok(());
        }
        let much = until - from >= MUCH_TO_INDEX;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(if much { LARGE_WRITER_BYTES } else { WRITER_BYTES })
            .build();
        let mut writer = self.index.writer_with_options::<TantivyDocument>(options)?;
        let mut broken = Vec::new();
        let mut failed = None;
        let add = |at: Locator, payload: &[u8]| match block::decode(payload) {
            Some(block) if failed.is_none() => failed = writer.add_document(self.document(&block, at)).err(),
            Some(_) => {}
            None => broken.push(format!("block at byte {} makes no sense", at.offset)),
        };
        lines::scan(file, from, until, add, &mut damaged);
        broken.into_iter().for_each(damaged);
        if let Some(error) = failed {
            return Err(error);
        }
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&format!("{PAYLOAD_PREFIX}{until}"));
        commit.commit()?;
        writer.wait_merging_threads()?;
        self.reader.reload()
    }

    fn document(&self, block: &Block, at: Locator) -> TantivyDocument {
        let mut stream = Vec::new();
        put_labels(&mut stream, &block.header.stream);
        let mut beside = String::new();
        for line in block.lines() {
            let extras = line.extras();
            for (_, value) in extras.metadata.iter() {
                beside.push_str(value);
                beside.push('\n');
            }
            if let Some(id) = extras.trace_id {
                beside.push_str(&id.to_string());
                beside.push('\n');
            }
        }
        let fields = self.fields;
        let mut document = TantivyDocument::default();
        document.add_text(fields.words, block.text());
        document.add_text(fields.words, beside);
        document.add_i64(fields.first_ns, block.header.first_ns);
        document.add_i64(fields.last_ns, block.header.last_ns);
        document.add_u64(fields.offset, at.offset);
        document.add_u64(fields.len, at.len);
        document.add_u64(fields.count, block.header.count);
        document.add_bytes(fields.stream, &stream);
        document
    }

    /// The index as of the last [`BlockIndex::extend`].
    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// The term that stands for a folded word.
    pub(crate) fn term(&self, word: &str) -> Term {
        Term::from_field_text(self.fields.words, word)
    }
}
