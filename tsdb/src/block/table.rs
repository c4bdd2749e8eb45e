//! Where the pages of one kind lie: a sorted list from the first number in each page to its place in the file.

use std::ops::Range;

use super::cache::Cached;
use crate::bytes::{Cursor, Malformed, put_varint};

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageAt {
    /// Number of the first thing in it: a series, a column, a symbol, a byte of postings.
    pub(super) first: u64,
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl PageAt {
    pub(super) fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(u64::from(self.len))
    }
}

/// All pages of one kind, by what is in them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PageTable {
    pages: Vec<PageAt>,
    /// One more than the last number.
    end: u64,
}

impl PageTable {
    /// Adds the page that lies at `offset` and holds all numbers from the end on up to `end`.
    pub(super) fn push(&mut self, end: u64, offset: u64, len: u32) {
        let first = self.end;
        self.pages.push(PageAt { first, offset, len });
        self.end = end;
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }

    pub(super) fn get(&self, page: usize) -> Option<&PageAt> {
        self.pages.get(page)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &PageAt> {
        self.pages.iter()
    }

    /// One more than the last number in a page.
    pub(super) fn end_of(&self, page: usize) -> u64 {
        self.pages.get(page + 1).map_or(self.end, |next| next.first)
    }

    /// Which page holds `number`.
    pub(super) fn find(&self, number: u64) -> Option<usize> {
        if number >= self.end {
            return None;
        }
        self.pages
            .partition_point(|page| page.first <= number)
            .checked_sub(1)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.pages.len() as u64);
        let mut at = 0;
        for (i, page) in self.pages.iter().enumerate() {
            put_varint(out, self.end_of(i) - page.first);
            put_varint(out, page.offset - at);
            put_varint(out, u64::from(page.len));
            at = page.range().end;
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<PageTable, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut table = PageTable::default();
        let mut at = 0u64;
        for _ in 0..cursor.count()? {
            let end = table.end.checked_add(cursor.varint()?).ok_or(Malformed)?;
            let offset = at.checked_add(cursor.varint()?).ok_or(Malformed)?;
            let len = cursor.u32_varint()?;
            at = offset.checked_add(u64::from(len)).ok_or(Malformed)?;
            table.push(end, offset, len);
        }
        if cursor.is_empty() {
            Ok(table)
        } else {
            Err(Malformed)
        }
    }
}

impl Cached for PageTable {
    fn bytes(&self) -> usize {
        self.pages.len() * size_of::<PageAt>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_in_their_pages() {
        let mut table = PageTable::default();
        table.push(10, 8, 100);
        table.push(25, 200, 50);
        table.push(26, 250, 1);
        let mut bytes = Vec::new();
        table.encode(&mut bytes);
        assert_eq!(PageTable::decode(&bytes).unwrap(), table);
        let found: Vec<Option<usize>> = [0, 9, 10, 24, 25, 26].map(|n| table.find(n)).to_vec();
        assert_eq!(found, [Some(0), Some(0), Some(1), Some(1), Some(2), None]);
        assert_eq!(table.end_of(0), 10);
        assert!(PageTable::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
