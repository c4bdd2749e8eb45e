//! The pages of `index`, through the cache.

use std::ops::Range;
use std::sync::Arc;

use model::StoreError;

use super::Block;
use super::cache::{Cached, Key};
use super::columns::{ColumnPage, Times};
use super::entries::EntryPage;
use super::meta::{COLUMNS, NAMES, POSTINGS, SERIES, SYMBOLS};
use super::postings::ListPage;
use super::symbols::SymbolPage;
use super::table::{PageAt, PageTable};
use super::values::{Names, Part, PartAt};
use crate::bytes::Malformed;

/// Kinds of entries in the cache.
const TABLE: u8 = 0;
const ENTRIES: u8 = 1;
const COLUMN_PAGE: u8 = 2;
const TIMES: u8 = 3;
const SYMBOL_PAGE: u8 = 4;
const LISTS: u8 = 5;
const PART: u8 = 6;
pub(super) const CHUNK_PAGE: u8 = 7;
pub(super) const NEWEST: u8 = 8;

impl Block {
    pub(super) fn key(&self, kind: u8, at: u64) -> Key {
        Key {
            block: self.number,
            kind,
            at,
        }
    }

    /// A page of `index`, decoded.
    fn load<T: Cached>(
        &self,
        key: Key,
        range: Range<u64>,
        decode: impl FnOnce(Vec<u8>) -> Result<T, Malformed>,
    ) -> Result<Arc<T>, StoreError> {
        self.cache.get_or_load(key, || {
            let start = range.start;
            decode(self.index.page(range)?).map_err(|e| self.index.corrupt(start, &e.to_string()))
        })
    }

    fn table_range(&self, table: usize) -> Range<u64> {
        self.layout.tables.get(table).cloned().unwrap_or(0..0)
    }

    pub(super) fn table(&self, table: usize) -> Result<Arc<PageTable>, StoreError> {
        self.load(self.key(TABLE, table as u64), self.table_range(table), |bytes| {
            PageTable::decode(&bytes)
        })
    }

    /// An error about something that must be in a table and is not.
    pub(super) fn missing(&self, table: usize, what: &str) -> StoreError {
        self.index.corrupt(self.table_range(table).start, what)
    }

    pub(super) fn names(&self) -> Result<Arc<Names>, StoreError> {
        self.load(self.key(TABLE, NAMES as u64), self.table_range(NAMES), |bytes| {
            Names::decode(&bytes)
        })
    }

    /// The number of series, as positions in postings.
    pub(super) fn series(&self) -> u32 {
        u32::try_from(self.meta.series).unwrap_or(u32::MAX)
    }

    /// A page of series, which must hold as many as its table says.
    pub(super) fn entries(&self, page: PageAt, count: u64) -> Result<Arc<EntryPage>, StoreError> {
        self.load(self.key(ENTRIES, page.offset), page.range(), |bytes| {
            EntryPage::decode(bytes).and_then(|entries| {
                if entries.count() == count {
                    Ok(entries)
                } else {
                    Err(Malformed)
                }
            })
        })
    }

    /// The page that holds a column, and the column's place in it.
    pub(super) fn column_page(&self, column: u32) -> Result<(Arc<ColumnPage>, usize), StoreError> {
        let table = self.table(COLUMNS)?;
        let missing = || self.missing(COLUMNS, "a column of times is not in the table");
        let at = table.find(u64::from(column)).ok_or_else(missing)?;
        let page = table.get(at).ok_or_else(missing)?;
        let decoded = self.load(
            self.key(COLUMN_PAGE, page.offset),
            page.range(),
            ColumnPage::decode,
        )?;
        let place = u64::from(column) - page.first;
        if place >= decoded.len() as u64 {
            return Err(self.index.corrupt(page.offset, "too few columns of times"));
        }
        Ok((decoded, place as usize))
    }

    /// A column of times.
    pub(super) fn times(&self, column: u32) -> Result<Arc<Times>, StoreError> {
        self.cache.get_or_load(self.key(TIMES, u64::from(column)), || {
            let (page, place) = self.column_page(column)?;
            let what = || format!("column of times {column}: malformed");
            page.times(place).map_err(|_| self.missing(COLUMNS, &what()))
        })
    }

    /// The page at a place of the table of symbols.
    pub(super) fn symbol_page(&self, table: &PageTable, at: usize) -> Result<Arc<SymbolPage>, StoreError> {
        let missing = || self.missing(SYMBOLS, "a symbol is not in the table");
        let page = table.get(at).ok_or_else(missing)?;
        let count = table.end_of(at) - page.first;
        self.load(self.key(SYMBOL_PAGE, page.offset), page.range(), |bytes| {
            SymbolPage::decode(&bytes, count)
        })
    }

    /// The page of postings lists that holds a place, and how far into it that is.
    pub(super) fn lists(&self, place: u64) -> Result<(Arc<ListPage>, Range<u64>), StoreError> {
        let table = self.table(POSTINGS)?;
        let missing = || self.missing(POSTINGS, "a postings list is not in the table");
        let at = table.find(place).ok_or_else(missing)?;
        let page = table.get(at).ok_or_else(missing)?;
        let lists = self.load(self.key(LISTS, page.offset), page.range(), |bytes| {
            Ok(ListPage(bytes))
        })?;
        Ok((lists, page.first..table.end_of(at)))
    }

    pub(super) fn part(&self, part: &PartAt) -> Result<Arc<Part>, StoreError> {
        let end = part.offset.saturating_add(u64::from(part.len));
        self.load(self.key(PART, part.offset), part.offset..end, |bytes| {
            Part::decode(&bytes)
        })
    }

    /// All pages of series with how many each holds, and where the first number lies.
    pub(super) fn series_table(&self) -> Result<Arc<PageTable>, StoreError> {
        let table = self.table(SERIES)?;
        if table.end() == self.meta.series {
            Ok(table)
        } else {
            Err(self.missing(SERIES, "number of series differs from meta"))
        }
    }
}
