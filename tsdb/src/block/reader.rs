//! The series of a block one after the other, in label order.

use std::sync::Arc;

use model::StoreError;
use roaring::RoaringBitmap;

use super::{Block, BlockSeries, PAGE_SERIES, SERIES_PAGE};
use crate::bytes::{Cursor, Malformed};

/// Reads the series with the given numbers; a page that holds several of them is read once.
pub(crate) struct SeriesReader {
    block: Arc<Block>,
    numbers: roaring::bitmap::IntoIter,
    page: Option<Page>,
}

struct Page {
    number: u32,
    bytes: Vec<u8>,
    /// Where in `bytes` each series begins and ends.
    entries: Vec<(usize, usize)>,
}

impl SeriesReader {
    pub(crate) fn new(block: Arc<Block>, numbers: RoaringBitmap) -> Self {
        SeriesReader {
            block,
            numbers: numbers.into_iter(),
            page: None,
        }
    }

    /// The next series, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<BlockSeries>, StoreError> {
        let Some(number) = self.numbers.next() else {
            return Ok(None);
        };
        let page = match self.page.take() {
            Some(page) if page.number == number / PAGE_SERIES => page,
            _ => self.read_page(number / PAGE_SERIES)?,
        };
        let page = self.page.insert(page);
        let entry = page.entries.get((number % PAGE_SERIES) as usize);
        let entry = entry
            .and_then(|&(from, to)| page.bytes.get(from..to))
            .ok_or(Malformed);
        let series = entry.and_then(|entry| self.block.decode_series(entry));
        series.map(Some).map_err(|e| self.block.bad_index("series", e))
    }

    fn read_page(&self, number: u32) -> Result<Page, StoreError> {
        let range = self.block.directory.page(number);
        let range = range.ok_or_else(|| self.block.bad_index("series pages", Malformed))?;
        let bytes = self.block.frame(SERIES_PAGE, range)?;
        let entries = split(&bytes).map_err(|e| self.block.bad_index("series page", e))?;
        Ok(Page {
            number,
            bytes,
            entries,
        })
    }
}

fn split(bytes: &[u8]) -> Result<Vec<(usize, usize)>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut entries = Vec::with_capacity(PAGE_SERIES as usize);
    while !cursor.is_empty() {
        let len = cursor.count()?;
        let from = bytes.len() - cursor.rest().len();
        cursor.bytes(len)?;
        entries.push((from, from + len));
    }
    Ok(entries)
}
