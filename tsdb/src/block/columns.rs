//! Columns of timestamps, each kept once although many series have it: the series of one scrape share their times.
//!
//! Columns are numbered in the order in which they are met. A page of `index` holds as many as fit:
//!
//! ```text
//! varint   number of columns
//!   signed   first time
//!   varint   last time - first time
//!   varint   samples, at most 4096
//!   varint   length of its encoding
//! ...      the encodings, one after the other
//! ```

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::cache::Cached;
use crate::bytes::{Cursor, Malformed, put_signed, put_varint};
use crate::codec;

/// The most samples in a column, and so in a chunk.
pub(super) const MAX_SAMPLES: usize = 4096;

/// A page is closed once its encodings take so much.
const PAGE_BYTES: usize = 8 << 10;

/// So many columns are kept at first sight, whether they are ever met again or not.
const TRUSTED: u32 = 1024;

/// Fingerprints remembered in each of two generations: what a block with times of its own for each series costs.
const MEMORY: usize = 1 << 16;

/// A fingerprint that was seen, whose column is not in the table.
const SEEN: u32 = u32::MAX;

/// Finds columns that were met before, and gathers those that are kept.
pub(super) struct ColumnWriter {
    seed: u64,
    young: HashMap<u128, u32, FxBuildHasher>,
    old: HashMap<u128, u32, FxBuildHasher>,
    bytes: Vec<u8>,
    count: u32,
    hits: u64,
    page: PageInProgress,
}

#[derive(Default)]
struct PageInProgress {
    count: u64,
    heads: Vec<u8>,
    encodings: Vec<u8>,
}

impl ColumnWriter {
    pub(super) fn new() -> ColumnWriter {
        ColumnWriter {
            // Fingerprints stand for columns, so nobody outside may be able to make two meet.
            seed: RandomState::new().hash_one(0x636f_6c75u32),
            young: HashMap::default(),
            old: HashMap::default(),
            bytes: Vec::new(),
            count: 0,
            hits: 0,
            page: PageInProgress::default(),
        }
    }

    /// One more than the last number given.
    pub(super) fn count(&self) -> u64 {
        u64::from(self.count)
    }

    /// The number of a column, `None` where its series had better keep it: once columns turn out not to be shared, one
    /// is kept at the second sight only.
    pub(super) fn number(&mut self, timestamps: &[i64]) -> Option<u32> {
        self.bytes.clear();
        self.bytes
            .extend(timestamps.iter().flat_map(|ms| ms.to_le_bytes()));
        let fingerprint = xxh3_128_with_seed(&self.bytes, self.seed);
        let seen = self.young.get(&fingerprint).copied();
        let seen = seen.or_else(|| self.old.get(&fingerprint).copied());
        let number = match seen {
            Some(SEEN) => Some(self.keep(timestamps)),
            Some(number) => {
                self.hits += 1;
                Some(number)
            }
            None if self.count < TRUSTED || self.hits >= u64::from(self.count) => Some(self.keep(timestamps)),
            None => None,
        };
        self.remember(fingerprint, number.unwrap_or(SEEN));
        number
    }

    fn remember(&mut self, fingerprint: u128, number: u32) {
        if self.young.len() >= MEMORY {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(fingerprint, number);
    }

    fn keep(&mut self, timestamps: &[i64]) -> u32 {
        let (first, last) = match timestamps {
            [first, .., last] => (*first, *last),
            [only] => (*only, *only),
            [] => (0, 0),
        };
        let page = &mut self.page;
        let before = page.encodings.len();
        codec::encode_timestamps(timestamps, &mut page.encodings);
        put_signed(&mut page.heads, first);
        put_varint(&mut page.heads, last.wrapping_sub(first) as u64);
        put_varint(&mut page.heads, timestamps.len() as u64);
        put_varint(&mut page.heads, (page.encodings.len() - before) as u64);
        page.count += 1;
        self.count += 1;
        self.count - 1
    }

    /// Takes the page in progress, if it is full or `all`.
    pub(super) fn take_page(&mut self, all: bool) -> Option<Vec<u8>> {
        let full = self.page.encodings.len() + self.page.heads.len() >= PAGE_BYTES;
        if self.page.count == 0 || !(full || all) {
            return None;
        }
        let page = std::mem::take(&mut self.page);
        let mut out = Vec::new();
        put_varint(&mut out, page.count);
        out.extend_from_slice(&page.heads);
        out.extend_from_slice(&page.encodings);
        Some(out)
    }
}

/// What a column spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) min_ms: i64,
    pub(super) max_ms: i64,
    pub(super) count: u32,
}

impl Span {
    /// From a first time, a distance and a number of samples; `None` if no chunk can be so.
    pub(super) fn new(min_ms: i64, width: u64, count: u64) -> Option<Span> {
        let max_ms = min_ms.checked_add_unsigned(width)?;
        let count = u32::try_from(count).ok()?;
        (count > 0).then_some(Span {
            min_ms,
            max_ms,
            count,
        })
    }

    pub(super) fn overlaps(&self, start_ms: i64, end_ms: i64) -> bool {
        self.min_ms <= end_ms && self.max_ms >= start_ms
    }
}

/// A page of columns as it was read.
pub(super) struct ColumnPage {
    columns: Vec<(Span, usize)>,
    bytes: Vec<u8>,
}

impl ColumnPage {
    pub(super) fn decode(bytes: Vec<u8>) -> Result<ColumnPage, Malformed> {
        let mut cursor = Cursor::new(&bytes);
        let mut columns = Vec::with_capacity(cursor.clone().count()?);
        let mut ends = 0usize;
        for _ in 0..cursor.count()? {
            let (first, width, count) = (cursor.signed()?, cursor.varint()?, cursor.varint()?);
            let span = Span::new(first, width, count).ok_or(Malformed)?;
            if span.count as usize > MAX_SAMPLES {
                return Err(Malformed);
            }
            columns.push((span, ends));
            let len = usize::try_from(cursor.varint()?).map_err(|_| Malformed)?;
            ends = ends.checked_add(len).ok_or(Malformed)?;
        }
        let heads = bytes.len() - cursor.rest().len();
        if ends != cursor.rest().len() {
            return Err(Malformed);
        }
        for (_, start) in &mut columns {
            *start += heads;
        }
        Ok(ColumnPage { columns, bytes })
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// What the column at a place spans.
    pub(super) fn span(&self, place: usize) -> Option<Span> {
        self.columns.get(place).map(|(span, _)| *span)
    }

    /// The timestamps of the column at a place.
    pub(super) fn times(&self, place: usize) -> Result<Times, Malformed> {
        let (span, start) = self.columns.get(place).ok_or(Malformed)?;
        let mut times = Vec::with_capacity(span.count as usize);
        let bytes = self.bytes.get(*start..).ok_or(Malformed)?;
        codec::decode_timestamps(bytes, span.count as usize, &mut times)?;
        check_times(&times, span)?;
        Ok(Times(times.into()))
    }
}

/// Whether timestamps rise and span what was said of them.
pub(super) fn check_times(times: &[i64], span: &Span) -> Result<(), Malformed> {
    let rise = times.windows(2).all(|pair| pair[0] < pair[1]);
    let ends = times.first() == Some(&span.min_ms) && times.last() == Some(&span.max_ms);
    if rise && ends && times.len() == span.count as usize {
        Ok(())
    } else {
        Err(Malformed)
    }
}

impl Cached for ColumnPage {
    fn bytes(&self) -> usize {
        self.bytes.len() + self.columns.len() * size_of::<(Span, usize)>()
    }
}

/// A column decoded.
#[derive(Clone)]
pub(super) struct Times(pub(super) Arc<[i64]>);

impl Cached for Times {
    fn bytes(&self) -> usize {
        self.0.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_columns_are_kept_once_and_come_back() {
        let mut writer = ColumnWriter::new();
        let column = |i: i64| -> Vec<i64> { (0..100).map(|k| i * 7 + k * 15_000).collect() };
        for round in 0..3 {
            for i in 0..5 {
                assert_eq!(writer.number(&column(i)), Some(i as u32), "round {round}");
            }
        }
        let page = ColumnPage::decode(writer.take_page(true).unwrap()).unwrap();
        assert_eq!(page.len(), 5);
        for i in 0..5 {
            assert_eq!(&*page.times(i).unwrap().0, column(i as i64));
        }
    }

    #[test]
    fn columns_of_one_series_each_stay_with_their_series_until_met_again() {
        let mut writer = ColumnWriter::new();
        for i in 0..i64::from(TRUSTED) {
            assert_eq!(writer.number(&[i]), Some(i as u32));
        }
        assert_eq!(writer.number(&[-1]), None);
        assert_eq!(writer.number(&[-2]), None);
        assert_eq!(writer.number(&[-1]), Some(TRUSTED));
        assert_eq!(writer.number(&[-1]), Some(TRUSTED));
        assert_eq!(writer.number(&[3]), Some(3));
    }
}
