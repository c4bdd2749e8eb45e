//! Symbols: the texts of labels by number, in the order in which they were first met.
//!
//! A page of `index` holds the next ones, each as a text: varint length, bytes.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use super::cache::Cached;
use crate::bytes::{Cursor, Malformed, put_text};

/// A page is closed once its texts take so much.
const PAGE_BYTES: usize = 4 << 10;

/// Numbers texts, and gathers them for pages.
#[derive(Default)]
pub(super) struct SymbolWriter {
    text: String,
    /// Where each text ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    /// The first symbol that is not in a page yet.
    first_open: u32,
}

fn hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl SymbolWriter {
    pub(super) fn text(&self, symbol: u32) -> &str {
        piece(&self.text, &self.ends, symbol as usize).unwrap_or("")
    }

    /// The number of a text, a new one where it was not met before.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        let hash_of = hash(text);
        let same = |&symbol: &u32| piece(&self.text, &self.ends, symbol as usize) == Some(text);
        if let Some(&symbol) = self.numbers.find(hash_of, same) {
            return symbol;
        }
        let symbol = self.ends.len() as u32;
        self.text.push_str(text);
        self.ends.push(self.text.len());
        let rehash = |&symbol: &u32| hash(piece(&self.text, &self.ends, symbol as usize).unwrap_or(""));
        self.numbers.insert_unique(hash_of, symbol, rehash);
        symbol
    }

    /// The content of the next page with the number after its last symbol, if there is enough for one or `all`.
    pub(super) fn take_page(&mut self, all: bool) -> Option<(Vec<u8>, u64)> {
        let start = match self.first_open.checked_sub(1) {
            Some(before) => *self.ends.get(before as usize)?,
            None => 0,
        };
        let open = self.ends.len() as u32 - self.first_open;
        if open == 0 || !(all || self.text.len() - start >= PAGE_BYTES) {
            return None;
        }
        let mut out = Vec::with_capacity(self.text.len() - start + 2 * open as usize);
        for symbol in self.first_open..self.first_open + open {
            put_text(&mut out, self.text(symbol));
        }
        self.first_open += open;
        Some((out, u64::from(self.first_open)))
    }
}

fn piece<'a>(text: &'a str, ends: &[usize], at: usize) -> Option<&'a str> {
    let start = match at.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    text.get(start..*ends.get(at)?)
}

/// A page of symbols as it was read.
pub(super) struct SymbolPage {
    text: String,
    ends: Vec<usize>,
}

impl SymbolPage {
    /// Reads a page that must hold `count` texts.
    pub(super) fn decode(bytes: &[u8], count: u64) -> Result<SymbolPage, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut page = SymbolPage {
            text: String::with_capacity(bytes.len()),
            ends: Vec::new(),
        };
        while !cursor.is_empty() {
            page.text.push_str(cursor.text()?);
            page.ends.push(page.text.len());
        }
        if page.ends.len() as u64 == count {
            Ok(page)
        } else {
            Err(Malformed)
        }
    }

    pub(super) fn text(&self, place: usize) -> Option<&str> {
        piece(&self.text, &self.ends, place)
    }
}

impl Cached for SymbolPage {
    fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_one_number_each_and_come_back_by_pages() {
        let mut writer = SymbolWriter::default();
        let texts: Vec<String> = (0..5000).map(|i| format!("text {}", i % 2500)).collect();
        let mut pages = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            assert_eq!(writer.number(text) as usize, i % 2500);
            pages.extend(writer.take_page(false));
        }
        pages.extend(writer.take_page(true));
        assert!(writer.take_page(true).is_none());
        assert!(pages.len() > 3);
        let mut number = 0;
        for (bytes, end) in pages {
            let page = SymbolPage::decode(&bytes, end - number as u64).unwrap();
            let mut place = 0;
            while number < end as usize {
                assert_eq!(page.text(place), Some(&*texts[number]));
                (place, number) = (place + 1, number + 1);
            }
            assert!(SymbolPage::decode(&bytes, end + 1).is_err());
        }
        assert_eq!(number, 2500);
    }
}
