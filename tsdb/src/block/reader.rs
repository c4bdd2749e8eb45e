//! A block read from one end to the other, for merging and checking.
//!
//! Pages of series and chunks are read through large buffers and do not pass through the cache, so that a merge does
//! not drive out what queries need. Memory: two buffers, a page of series, a page of chunks.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use model::metrics::Samples;
use model::{Labels, StoreError};

use super::Block;
use super::chunk::{Chunk, all_of, clamp, read_chunk};
use super::entries::EntryPage;
use super::input::Sequential;
use super::labels::Texts;
use super::table::PageTable;

/// All series of a block in label order.
pub struct SeriesReader {
    block: Arc<Block>,
    table: Arc<PageTable>,
    texts: Texts,
    /// The next page of series.
    next_page: usize,
    index: Sequential,
    chunks: Sequential,
    /// What is left of the page of series.
    pending: std::vec::IntoIter<(Labels, Vec<Chunk>)>,
    /// Its pages of chunks, and which one is at hand.
    ranges: Vec<Range<u64>>,
    page: Option<(u32, Vec<u8>)>,
}

impl SeriesReader {
    /// Starts before the first series.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn new(block: Arc<Block>) -> Result<SeriesReader, StoreError> {
        Ok(SeriesReader {
            table: block.series_table()?,
            texts: Texts::new(&block)?,
            block,
            next_page: 0,
            index: Sequential::new(),
            chunks: Sequential::new(),
            pending: Vec::new().into_iter(),
            ranges: Vec::new(),
            page: None,
        })
    }

    /// Clears `into`, fills it with the next series' samples and gives its labels; `None` at the end.
    ///
    /// # Errors
    /// The disk failed or bytes are corrupt.
    pub fn next(&mut self, into: &mut Samples) -> Result<Option<Labels>, StoreError> {
        into.clear();
        let Some((labels, chunks)) = self.next_series()? else {
            return Ok(None);
        };
        let range = clamp(&chunks, i64::MIN..=i64::MAX, into);
        for chunk in &chunks {
            self.read(chunk, range.clone(), into)?;
        }
        Ok(Some(labels))
    }

    fn next_series(&mut self) -> Result<Option<(Labels, Vec<Chunk>)>, StoreError> {
        loop {
            if let Some(series) = self.pending.next() {
                return Ok(Some(series));
            }
            let Some(place) = self.table.get(self.next_page).copied() else {
                return Ok(None);
            };
            let block = &self.block;
            let content = self.index.page(&block.index, place.range())?;
            let bad = |detail: &str| block.index.corrupt(place.offset, detail);
            let entries = EntryPage::decode(content).map_err(|e| bad(&e.to_string()))?;
            if entries.count() != self.table.end_of(self.next_page) - place.first {
                return Err(bad("number of series differs from the table"));
            }
            self.ranges = entries.chunk_ranges().collect();
            self.page = None;
            self.texts.bound();
            self.pending = all_of(block, &self.texts, &entries, place.offset)?.into_iter();
            self.next_page += 1;
        }
    }

    fn read(
        &mut self,
        chunk: &Chunk,
        times: RangeInclusive<i64>,
        into: &mut Samples,
    ) -> Result<(), StoreError> {
        let range = self.ranges.get(chunk.page as usize).cloned().unwrap_or(0..0);
        let at_hand = self.page.take_if(|(page, _)| *page == chunk.page);
        let (page, content) = match at_hand {
            Some(at_hand) => at_hand,
            None => (chunk.page, self.chunks.page(&self.block.chunks, range.clone())?),
        };
        let column = |number| self.block.times(number);
        let done = read_chunk(&self.block, chunk, &content, range.start, times, column, into);
        self.page = Some((page, content));
        done
    }
}
