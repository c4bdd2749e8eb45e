//! Reading selected series of a block: one reader a thread, which keeps at hand what neighbours share.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use model::StoreError;
use model::metrics::Samples;
use rustc_hash::FxHashMap;

use super::{BlockSelection, Group};
use crate::block::Block;
use crate::block::chunk::{Chunk, ChunkContent, clamp, own_times, read_chunk};
use crate::block::columns::Times;
use crate::block::entries::Kind;
use crate::block::index::CHUNK_PAGE;
use crate::codec;

/// Pages of chunks that lie side by side are read together up to this size.
const READ_BYTES: u64 = 64 << 10;

/// Columns of times that a reader holds on to: those of a scrape of all targets, for the most part.
const MAX_COLUMNS: usize = 1024;

/// See the module.
pub(crate) struct BlockReader<'a> {
    selection: &'a BlockSelection,
    /// The page of series at hand.
    group: Option<&'a Group>,
    /// The page of chunks at hand.
    page: Option<(u32, Arc<ChunkContent>)>,
    columns: Columns<'a>,
    values: Vec<f64>,
}

/// Columns of times at hand.
struct Columns<'a> {
    block: &'a Block,
    last: Option<(u32, Arc<Times>)>,
    known: FxHashMap<u32, Arc<Times>>,
}

impl Columns<'_> {
    fn get(&mut self, column: u32) -> Result<Arc<Times>, StoreError> {
        if let Some((last, times)) = &self.last
            && *last == column
        {
            return Ok(Arc::clone(times));
        }
        let times = match self.known.get(&column) {
            Some(times) => Arc::clone(times),
            None => {
                let times = self.block.times(column)?;
                if self.known.len() >= MAX_COLUMNS {
                    self.known.clear();
                }
                self.known.insert(column, Arc::clone(&times));
                times
            }
        };
        self.last = Some((column, Arc::clone(&times)));
        Ok(times)
    }
}

impl BlockSelection {
    /// A reader that has nothing at hand yet.
    pub(crate) fn reader(&self) -> BlockReader<'_> {
        BlockReader {
            selection: self,
            group: None,
            page: None,
            columns: Columns {
                block: &self.block,
                last: None,
                known: FxHashMap::default(),
            },
            values: Vec::new(),
        }
    }
}

impl<'a> BlockReader<'a> {
    /// Appends the samples of a series from `start_ms` to `end_ms`, both inclusive, as far as the selection covers these.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub(crate) fn read(
        &mut self,
        at: usize,
        start_ms: i64,
        end_ms: i64,
        into: &mut Samples,
    ) -> Result<(), StoreError> {
        let chunks = self.selection.chunks(at);
        let range = clamp(chunks, start_ms..=end_ms, into);
        for chunk in chunks.iter().filter(|chunk| chunk.concerns(start_ms, end_ms)) {
            self.read_one(chunk, range.clone(), into)?;
        }
        Ok(())
    }

    fn read_one(
        &mut self,
        chunk: &Chunk,
        range: RangeInclusive<i64>,
        into: &mut Samples,
    ) -> Result<(), StoreError> {
        let selection = self.selection;
        let offset = selection.offset(chunk);
        let content = content(&mut self.page, selection, chunk.page)?;
        let columns = &mut self.columns;
        let times = |column| columns.get(column);
        read_chunk(&selection.block, chunk, &content.0, offset, range, times, into)
    }

    /// The newest sample of a series in the range, where it is a float at the end of a chunk; `Ok(None)` says nothing.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub(crate) fn newest(
        &mut self,
        at: usize,
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Option<(i64, f64)>, StoreError> {
        let selection = self.selection;
        let [chunk] = selection.chunks(at) else {
            return Ok(None);
        };
        let newest_ms = chunk.span.max_ms;
        if chunk.kind != Kind::Floats || !(start_ms..=end_ms).contains(&newest_ms) {
            return Ok(None);
        }
        let group = self.group(at);
        let remembered = selection.series.get(at).filter(|series| series.ends);
        let remembered = remembered.and_then(|series| Some((group?.newest.as_ref()?, series.place as usize)));
        if let Some(value) = remembered.and_then(|(newest, place)| newest.get(place)) {
            return Ok(Some((newest_ms, value)));
        }
        let value = self.last_value(chunk)?;
        if let Some((newest, place)) = remembered {
            newest.set(place, value);
        }
        Ok(Some((newest_ms, value)))
    }

    fn group(&mut self, at: usize) -> Option<&'a Group> {
        let holds = |group: &&Group| (group.first as usize..(group.first + group.len) as usize).contains(&at);
        self.group = self.group.filter(holds).or_else(|| self.selection.group(at));
        self.group
    }

    fn last_value(&mut self, chunk: &Chunk) -> Result<f64, StoreError> {
        let selection = self.selection;
        let (block, offset) = (&selection.block, selection.offset(chunk));
        let content = content(&mut self.page, selection, chunk.page)?;
        let mut bytes = chunk.bytes(block, &content.0, offset)?;
        if chunk.column.is_none() {
            bytes = own_times(bytes, &chunk.span)
                .map_err(|_| chunk.malformed(block, offset))?
                .1;
        }
        self.values.clear();
        let used = codec::decode_values(bytes, chunk.span.count as usize, &mut self.values);
        let last = self.values.last().copied();
        match (used, last) {
            (Ok(used), Some(last)) if used == bytes.len() => Ok(last),
            _ => Err(chunk.malformed(block, offset)),
        }
    }
}

/// The content of a page of the selection, which is at hand afterwards.
fn content<'p>(
    at_hand: &'p mut Option<(u32, Arc<ChunkContent>)>,
    selection: &BlockSelection,
    page: u32,
) -> Result<&'p ChunkContent, StoreError> {
    if at_hand.as_ref().is_none_or(|(number, _)| *number != page) {
        *at_hand = Some((page, selection.content(page as usize)?));
    }
    let missing = || selection.block.chunks.corrupt(0, "a page of chunks is not known");
    at_hand
        .as_ref()
        .map(|(_, content)| &**content)
        .ok_or_else(missing)
}

impl BlockSelection {
    /// Where the page of a chunk lies in the file.
    fn offset(&self, chunk: &Chunk) -> u64 {
        self.pages.get(chunk.page as usize).map_or(0, |page| page.start)
    }

    /// A page of chunks; where it is not cached, those of its neighbours that the selection needs are read with it.
    fn content(&self, at: usize) -> Result<Arc<ChunkContent>, StoreError> {
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
