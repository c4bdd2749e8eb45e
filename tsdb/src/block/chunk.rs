//! Chunks: where they lie, and the samples in them.

use std::ops::RangeInclusive;
use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, Starts, StoreError};
use rustc_hash::FxHashMap;

use super::Block;
use super::cache::Cached;
use super::columns::{self, Span};
use super::entries::{EntryCursor, EntryPage, Kind, Times};
use super::labels::Texts;
use crate::bytes::Malformed;
use crate::codec;
use crate::codec::starts::decode_starts;

/// A chunk that can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) span: Span,
    /// The column of its times; `None` where it has its own.
    pub(super) column: Option<u32>,
    pub(super) kind: Kind,
    /// Which of the pages.
    pub(super) page: u32,
    /// Where in its content.
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Chunk {
    /// Whether it says anything of samples in the range.
    pub(super) fn concerns(&self, start_ms: i64, end_ms: i64) -> bool {
        match self.kind {
            // A start holds until the next one.
            Kind::Starts => self.span.min_ms <= end_ms,
            Kind::Floats | Kind::Histograms => self.span.overlaps(start_ms, end_ms),
        }
    }

    /// Its bytes in the content of its page, which lies at `offset`.
    pub(super) fn bytes<'a>(
        &self,
        block: &Block,
        content: &'a [u8],
        offset: u64,
    ) -> Result<&'a [u8], StoreError> {
        let start = self.start as usize;
        let bytes = content.get(start..start.saturating_add(self.len as usize));
        bytes.ok_or_else(|| self.malformed(block, offset))
    }

    pub(super) fn malformed(&self, block: &Block, offset: u64) -> StoreError {
        let start = self.start;
        block
            .chunks
            .corrupt(offset, &format!("chunk at byte {start} of the page is malformed"))
    }
}

/// The content of a page of chunks.
pub(super) struct ChunkContent(pub(super) Vec<u8>);

impl Cached for ChunkContent {
    fn bytes(&self) -> usize {
        self.0.len()
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

/// Appends the samples of a chunk that lie in the range; `offset` is where its page lies, for errors, and `times` gives the
/// column of a number.
pub(super) fn read_chunk(
    block: &Block,
    chunk: &Chunk,
    content: &[u8],
    offset: u64,
    range: RangeInclusive<i64>,
    times: impl FnOnce(u32) -> Result<Arc<columns::Times>, StoreError>,
    into: &mut Samples,
) -> Result<(), StoreError> {
    let malformed = |_| chunk.malformed(block, offset);
    let bytes = chunk.bytes(block, content, offset)?;
    match (chunk.kind, chunk.column) {
        (Kind::Starts, _) => read_starts(bytes, &chunk.span, &range, into).map_err(malformed),
        (Kind::Histograms, _) => read_histograms(bytes, &chunk.span, range, into).map_err(malformed),
        (Kind::Floats, Some(column)) => {
            let times = times(column)?;
            read_floats(bytes, &times.0, range, into).map_err(malformed)
        }
        (Kind::Floats, None) => {
            let (times, values) = own_times(bytes, &chunk.span).map_err(malformed)?;
            read_floats(values, &times, range, into).map_err(malformed)
        }
    }
}

/// The times that lie in front of a chunk's values, and the bytes of these.
pub(super) fn own_times<'a>(bytes: &'a [u8], span: &Span) -> Result<(Vec<i64>, &'a [u8]), Malformed> {
    let mut times = Vec::new();
    let used = codec::decode_timestamps(bytes, span.count as usize, &mut times)?;
    columns::check_times(&times, span)?;
    Ok((times, bytes.get(used..).unwrap_or_default()))
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

/// Appends the chunks of the series a cursor stands at. Times must rise over the chunks of one kind.
pub(super) fn chunks_of(
    block: &Block,
    cursor: &EntryCursor<'_>,
    spans: &mut Spans,
    chunks: &mut Vec<Chunk>,
) -> Result<(), StoreError> {
    let before = chunks.len();
    for placed in &cursor.chunks {
        let entry = placed.entry;
        let (span, column) = match entry.times {
            Times::Own(span) => (span, None),
            Times::Column(column) => (spans.of(block, column)?, Some(column)),
        };
        let known = chunks.get(before..).unwrap_or_default();
        let last = known.last().filter(|last| last.kind == entry.kind);
        if last.is_some_and(|last| last.span.max_ms >= span.min_ms) {
            return Err(block.missing(super::meta::SERIES, "chunks of a series are not in order"));
        }
        chunks.push(Chunk {
            span,
            column,
            kind: entry.kind,
            page: placed.page as u32,
            start: placed.start,
            len: entry.len,
        });
    }
    Ok(())
}

/// What columns span, for one reader, who meets the same few over and over.
#[derive(Default)]
pub(super) struct Spans {
    last: Option<(u32, Span)>,
    known: FxHashMap<u32, Span>,
}

/// Spans that one reader holds on to.
const MAX_SPANS: usize = 1 << 16;

impl Spans {
    fn of(&mut self, block: &Block, column: u32) -> Result<Span, StoreError> {
        if let Some((_, span)) = self.last.filter(|(last, _)| *last == column) {
            return Ok(span);
        }
        let span = match self.known.get(&column) {
            Some(span) => *span,
            None => {
                let (page, place) = block.column_page(column)?;
                let missing = || block.missing(super::meta::COLUMNS, "a column of times is not in its page");
                let span = page.span(place).ok_or_else(missing)?;
                if self.known.len() >= MAX_SPANS {
                    self.known.clear();
                }
                self.known.insert(column, span);
                span
            }
        };
        self.last = Some((column, span));
        Ok(span)
    }
}

/// All series of a page, for those who read from one end to the other.
pub(super) fn all_of(
    block: &Block,
    texts: &Texts,
    entries: &EntryPage,
    offset: u64,
) -> Result<Vec<(Labels, Vec<Chunk>)>, StoreError> {
    let mut all = Vec::new();
    let mut spans = Spans::default();
    let mut cursor = entries.cursor();
    while cursor
        .advance()
        .map_err(|e| block.index.corrupt(offset, &e.to_string()))?
    {
        let mut chunks = Vec::with_capacity(cursor.chunks.len());
        chunks_of(block, &cursor, &mut spans, &mut chunks)?;
        all.push((texts.labels(&cursor.pairs)?, chunks));
    }
    Ok(all)
}
