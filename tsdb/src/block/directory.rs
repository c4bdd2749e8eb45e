//! The directory of a block's index: where each page of series and each postings list lies.

use std::ops::Range;

use super::symbols::Symbols;
use crate::bytes::{Cursor, Malformed, put_varint};

/// A label value and where its postings lie.
#[derive(Debug, Clone)]
pub(super) struct ValueEntry {
    pub(super) symbol: u32,
    pub(super) postings: Range<u64>,
}

/// Label names and, within each, values are sorted by their text.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) series: u32,
    pages: Vec<Range<u64>>,
    names: Vec<(u32, Range<usize>)>,
    values: Vec<ValueEntry>,
}

impl Directory {
    pub(super) fn push_page(&mut self, page: Range<u64>) {
        self.pages.push(page);
    }

    pub(super) fn push_name(&mut self, symbol: u32, values: impl IntoIterator<Item = ValueEntry>) {
        let from = self.values.len();
        self.values.extend(values);
        self.names.push((symbol, from..self.values.len()));
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, u64::from(self.series));
        put_varint(&mut out, self.pages.len() as u64);
        let mut end = 0;
        for page in &self.pages {
            put_range(&mut out, &mut end, page);
        }
        put_varint(&mut out, self.names.len() as u64);
        let mut end = 0;
        for (name, values) in &self.names {
            put_varint(&mut out, u64::from(*name));
            put_varint(&mut out, values.len() as u64);
            for value in self.values.get(values.clone()).unwrap_or_default() {
                put_varint(&mut out, u64::from(value.symbol));
                put_range(&mut out, &mut end, &value.postings);
            }
        }
        out
    }

    /// Reads a directory whose symbols are below `symbols`.
    pub(super) fn decode(payload: &[u8], symbols: u32) -> Result<Directory, Malformed> {
        let mut cursor = Cursor::new(payload);
        let symbol = |c: &mut Cursor<'_>| {
            c.u32_varint()
                .and_then(|s| if s < symbols { Ok(s) } else { Err(Malformed) })
        };
        let mut directory = Directory {
            series: cursor.u32_varint()?,
            ..Directory::default()
        };
        let mut end = 0;
        for _ in 0..cursor.count()? {
            directory.pages.push(get_range(&mut cursor, &mut end)?);
        }
        let mut end = 0;
        for _ in 0..cursor.count()? {
            let name = symbol(&mut cursor)?;
            let from = directory.values.len();
            for _ in 0..cursor.count()? {
                let value = symbol(&mut cursor)?;
                let postings = get_range(&mut cursor, &mut end)?;
                directory.values.push(ValueEntry {
                    symbol: value,
                    postings,
                });
            }
            directory.names.push((name, from..directory.values.len()));
        }
        if cursor.is_empty() {
            Ok(directory)
        } else {
            Err(Malformed)
        }
    }

    pub(super) fn page(&self, number: u32) -> Option<Range<u64>> {
        self.pages.get(number as usize).cloned()
    }

    /// The symbols of all label names.
    pub(super) fn names(&self) -> impl Iterator<Item = u32> {
        self.names.iter().map(|(name, _)| *name)
    }

    /// The values of a label, sorted by text.
    pub(super) fn values(&self, symbols: &Symbols, name: &str) -> &[ValueEntry] {
        let found = self
            .names
            .binary_search_by(|(symbol, _)| symbols.get(*symbol).unwrap_or("").cmp(name));
        let range = found
            .ok()
            .and_then(|i| self.names.get(i))
            .map(|(_, range)| range.clone());
        range.and_then(|range| self.values.get(range)).unwrap_or_default()
    }

    /// One value of a label.
    pub(super) fn value(&self, symbols: &Symbols, name: &str, value: &str) -> Option<&ValueEntry> {
        let values = self.values(symbols, name);
        let found = values.binary_search_by(|entry| symbols.get(entry.symbol).unwrap_or("").cmp(value));
        found.ok().and_then(|i| values.get(i))
    }
}

/// A range as the distance of its start from the end of the one before, and its length.
fn put_range(out: &mut Vec<u8>, end: &mut u64, range: &Range<u64>) {
    put_varint(out, range.start.wrapping_sub(*end));
    put_varint(out, range.end.wrapping_sub(range.start));
    *end = range.end;
}

fn get_range(cursor: &mut Cursor<'_>, end: &mut u64) -> Result<Range<u64>, Malformed> {
    let start = end.checked_add(cursor.varint()?).ok_or(Malformed)?;
    *end = start.checked_add(cursor.varint()?).ok_or(Malformed)?;
    Ok(start..*end)
}
