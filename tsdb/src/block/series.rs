//! Series of a block: found, with the places of their chunks, and read when asked for.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, Starts, StoreError};
use roaring::RoaringBitmap;

use super::Block;
use super::cache::Cached;
use super::columns::{self, Span};
use super::entries::{EntryCursor, EntryPage, Kind, Times};
use super::index::CHUNK_PAGE;
use super::labels::Texts;
use crate::bytes::Malformed;
use crate::codec;
use crate::codec::starts::decode_starts;

/// Pages of chunks that lie side by side are read together up to this size.
const READ_BYTES: u64 = 64 << 10;

/// A series of a block: its labels and where its samples lie.
#[derive(Debug, Clone)]
pub struct BlockSeries {
    /// All labels.
    pub labels: Labels,
    block: Arc<Block>,
    /// The pages of chunks that the whole selection needs, ascending: who reads one can read the next ones too.
    pages: Arc<[Range<u64>]>,
    chunks: Box<[Chunk]>,
}

/// A chunk that can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) kind: Kind,
    pub(super) times: Times,
    pub(super) span: Span,
    /// Which of the pages.
    pub(super) page: usize,
    /// Where in its content.
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Chunk {
    /// Whether it says anything of samples in the range.
    fn concerns(&self, start_ms: i64, end_ms: i64) -> bool {
        match self.kind {
            // A start holds until the next one.
            Kind::Starts => self.span.min_ms <= end_ms,
            Kind::Floats | Kind::Histograms => self.span.overlaps(start_ms, end_ms),
        }
    }
}

/// The range cut to where the series has samples, so that what is said of these is said of no others. A start of samples
/// that `into` has already ends where these begin.
pub(super) fn clamp(chunks: &[Chunk], range: RangeInclusive<i64>, into: &mut Samples) -> RangeInclusive<i64> {
    let samples = || chunks.iter().filter(|c| c.kind != Kind::Starts).map(|c| c.span);
    let first_ms = samples().map(|span| span.min_ms).min().unwrap_or(i64::MIN);
    let last_ms = samples().map(|span| span.max_ms).max().unwrap_or(i64::MAX);
    let (start_ms, end_ms) = (first_ms.max(*range.start()), last_ms.min(*range.end()));
    if !into.starts.is_empty() && chunks.iter().all(|c| c.kind != Kind::Starts) {
        into.starts.push(start_ms, Starts::UNKNOWN);
    }
    start_ms..=end_ms
}

impl BlockSeries {
    /// Appends the samples from `start_ms` to `end_ms`, both inclusive.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn read(&self, start_ms: i64, end_ms: i64, into: &mut Samples) -> Result<(), StoreError> {
        let range = clamp(&self.chunks, start_ms..=end_ms, into);
        for chunk in self
            .chunks
            .iter()
            .filter(|chunk| chunk.concerns(start_ms, end_ms))
        {
            let content = self.page(chunk.page)?;
            let offset = self.pages.get(chunk.page).map_or(0, |page| page.start);
            read_chunk(&self.block, chunk, &content.0, offset, range.clone(), into)?;
        }
        Ok(())
    }

    /// The first and last time of its chunks, which is that of its samples, and how many samples these hold.
    pub fn span(&self) -> Option<(i64, i64, u64)> {
        let samples = || self.chunks.iter().filter(|c| c.kind != Kind::Starts);
        let min_ms = samples().map(|c| c.span.min_ms).min()?;
        let max_ms = samples().map(|c| c.span.max_ms).max()?;
        Some((min_ms, max_ms, samples().map(|c| u64::from(c.span.count)).sum()))
    }

    /// Bytes of its chunks before they are packed into pages.
    pub fn chunk_bytes(&self) -> u64 {
        self.chunks.iter().map(|c| u64::from(c.len)).sum()
    }

    /// A page of chunks; where it is not cached, those of its neighbours that the selection needs are read with it.
    fn page(&self, at: usize) -> Result<Arc<ChunkContent>, StoreError> {
        let block = &self.block;
        let missing = || block.chunks.corrupt(0, "a page of chunks is not known");
        let first = self.pages.get(at).ok_or_else(missing)?;
        let key = |page: &Range<u64>| block.key(CHUNK_PAGE, page.start);
        if let Some(content) = block.cache.get(key(first)) {
            return Ok(content);
        }
        let mut end = first.end;
        let mut neighbours = 1;
        for next in self.pages.get(at + 1..).unwrap_or_default() {
            if next.start != end || next.end - first.start > READ_BYTES {
                break;
            }
            end = next.end;
            neighbours += 1;
        }
        let bytes = block.chunks.bytes(first.start..end)?;
        let mut wanted = None;
        for page in self.pages.iter().skip(at).take(neighbours) {
            let range = (page.start - first.start) as usize..(page.end - first.start) as usize;
            let unpacked = block
                .chunks
                .unpack(bytes.get(range).unwrap_or_default(), page.start);
            // A bad neighbour is an error when it is asked for itself.
            let content = match (unpacked, &wanted) {
                (Ok(content), _) => Arc::new(ChunkContent(content)),
                (Err(error), None) => return Err(error),
                (Err(_), Some(_)) => break,
            };
            block.cache.put(key(page), Arc::clone(&content));
            wanted.get_or_insert(content);
        }
        wanted.ok_or_else(missing)
    }
}

/// The content of a page of chunks.
pub(super) struct ChunkContent(pub(super) Vec<u8>);

impl Cached for ChunkContent {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// Appends the samples of a chunk that lie in the range; `offset` is where its page lies, for errors.
pub(super) fn read_chunk(
    block: &Block,
    chunk: &Chunk,
    content: &[u8],
    offset: u64,
    range: RangeInclusive<i64>,
    into: &mut Samples,
) -> Result<(), StoreError> {
    let start = chunk.start as usize;
    let bytes = content.get(start..start.saturating_add(chunk.len as usize));
    let malformed = |_| {
        block
            .chunks
            .corrupt(offset, &format!("chunk at byte {start} of the page is malformed"))
    };
    let bytes = bytes.ok_or(Malformed).map_err(malformed)?;
    match (chunk.kind, chunk.times) {
        (Kind::Starts, _) => read_starts(bytes, &chunk.span, &range, into).map_err(malformed),
        (Kind::Histograms, _) => read_histograms(bytes, &chunk.span, range, into).map_err(malformed),
        (Kind::Floats, Times::Column(column)) => {
            let times = block.times(column)?;
            read_floats(bytes, &times.0, range, into).map_err(malformed)
        }
        (Kind::Floats, Times::Own(span)) => {
            let count = span.count as usize;
            let mut times = Vec::new();
            let used = codec::decode_timestamps(bytes, count, &mut times).map_err(malformed)?;
            columns::check_times(&times, &span).map_err(malformed)?;
            let values = bytes.get(used..).unwrap_or_default();
            read_floats(values, &times, range, into).map_err(malformed)
        }
    }
}

fn read_floats(
    bytes: &[u8],
    times: &[i64],
    range: RangeInclusive<i64>,
    into: &mut Samples,
) -> Result<(), Malformed> {
    let before = into.values.len();
    let used = codec::decode_values(bytes, times.len(), &mut into.values)?;
    if used != bytes.len() || into.values.len() - before != times.len() {
        into.values.truncate(before);
        return Err(Malformed);
    }
    let from = times.partition_point(|ms| ms < range.start());
    let to = times.partition_point(|ms| ms <= range.end()).max(from);
    into.values.truncate(before + to);
    into.values.drain(before..before + from);
    into.timestamps
        .extend_from_slice(times.get(from..to).unwrap_or_default());
    Ok(())
}

fn read_histograms(
    bytes: &[u8],
    span: &Span,
    range: RangeInclusive<i64>,
    into: &mut Samples,
) -> Result<(), Malformed> {
    let mut found = Vec::new();
    let used = codec::histogram::decode_histograms(bytes, span.count as usize, &mut found)?;
    let times: Vec<i64> = found.iter().map(|(ms, _)| *ms).collect();
    columns::check_times(&times, span)?;
    if used != bytes.len() {
        return Err(Malformed);
    }
    into.histograms
        .extend(found.into_iter().filter(|(ms, _)| range.contains(ms)));
    Ok(())
}

fn read_starts(
    bytes: &[u8],
    span: &Span,
    range: &RangeInclusive<i64>,
    into: &mut Samples,
) -> Result<(), Malformed> {
    let mut starts = Starts::default();
    let used = decode_starts(bytes, span.min_ms, &mut starts)?;
    if used != bytes.len() || starts.changes().len() != span.count as usize {
        return Err(Malformed);
    }
    starts.copy_range(*range.start(), *range.end(), &mut into.starts);
    Ok(())
}

/// The chunks of the series a cursor stands at, their pages counted from `first_page`. Times must rise over the chunks
/// of one kind.
pub(super) fn chunks_of(
    block: &Block,
    cursor: &EntryCursor<'_>,
    first_page: usize,
) -> Result<Vec<Chunk>, StoreError> {
    let mut chunks: Vec<Chunk> = Vec::with_capacity(cursor.chunks.len());
    for placed in &cursor.chunks {
        let entry = placed.entry;
        let span = match entry.times {
            Times::Own(span) => span,
            Times::Column(column) => {
                let (page, place) = block.column_page(column)?;
                page.span(place).ok_or_else(|| {
                    block.missing(super::meta::COLUMNS, "a column of times is not in its page")
                })?
            }
        };
        let last = chunks.last().filter(|last| last.kind == entry.kind);
        if last.is_some_and(|last| last.span.max_ms >= span.min_ms) {
            return Err(block.missing(super::meta::SERIES, "chunks of a series are not in order"));
        }
        chunks.push(Chunk {
            kind: entry.kind,
            times: entry.times,
            span,
            page: first_page + placed.page,
            start: placed.start,
            len: entry.len,
        });
    }
    Ok(chunks)
}

/// The series numbered so, those that have a chunk which overlaps the range.
pub(super) fn select(
    block: &Arc<Block>,
    wanted: &RoaringBitmap,
    start_ms: i64,
    end_ms: i64,
) -> Result<Vec<BlockSeries>, StoreError> {
    let mut found = Vec::new();
    let mut pages: Vec<Range<u64>> = Vec::new();
    let mut texts = Texts::new(block)?;
    let table = block.series_table()?;
    let mut numbers = wanted.iter().map(u64::from).peekable();
    while let Some(&number) = numbers.peek() {
        let missing = || block.missing(super::meta::SERIES, "a series is not in the table");
        let at = table.find(number).ok_or_else(missing)?;
        let place = table.get(at).ok_or_else(missing)?;
        let end = table.end_of(at);
        let entries = block.entries(*place, end - place.first)?;
        let bad = |e: Malformed| block.index.corrupt(place.offset, &e.to_string());
        let ranges: Vec<Range<u64>> = entries.chunk_ranges().collect();
        let mut cursor = entries.cursor();
        let mut next = place.first;
        while let Some(number) = numbers.next_if(|number| *number < end) {
            while next <= number {
                if !cursor.advance().map_err(bad)? {
                    return Err(missing());
                }
                next += 1;
            }
            let mut chunks = chunks_of(block, &cursor, 0)?;
            chunks.retain(|chunk| chunk.concerns(start_ms, end_ms));
            if chunks.iter().all(|chunk| chunk.kind == Kind::Starts) {
                continue;
            }
            for chunk in &mut chunks {
                chunk.page = note_page(&mut pages, ranges.get(chunk.page).cloned().unwrap_or(0..0));
            }
            found.push((texts.labels(&cursor.pairs)?, chunks.into_boxed_slice()));
        }
    }
    let pages: Arc<[Range<u64>]> = pages.into();
    let series = found.into_iter().map(|(labels, chunks)| BlockSeries {
        labels,
        block: Arc::clone(block),
        pages: Arc::clone(&pages),
        chunks,
    });
    Ok(series.collect())
}

/// The place of a page in the list, at whose end it is or will be.
fn note_page(pages: &mut Vec<Range<u64>>, page: Range<u64>) -> usize {
    if pages.last() != Some(&page) {
        pages.push(page);
    }
    pages.len() - 1
}

/// All series of a page, for those who read from one end to the other.
pub(super) fn all_of(
    block: &Block,
    texts: &mut Texts<'_>,
    entries: &EntryPage,
    offset: u64,
) -> Result<Vec<(Labels, Vec<Chunk>)>, StoreError> {
    let mut all = Vec::new();
    let mut cursor = entries.cursor();
    while cursor
        .advance()
        .map_err(|e| block.index.corrupt(offset, &e.to_string()))?
    {
        all.push((texts.labels(&cursor.pairs)?, chunks_of(block, &cursor, 0)?));
    }
    Ok(all)
}
