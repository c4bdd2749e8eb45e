//! Postings lists: which series bear a label, as runs of series' numbers.
//!
//! ```text
//! varint   number of runs
//!   varint   distance from the end of the run before × 2, + 1 if the run has two series or more
//!   varint   length of the run - 2    } only then
//! ```
//! Series lie in the order of their labels, so metric names are one run each and an instance has the same distances
//! as all others: lists lie side by side in compressed pages, where like distances cost next to nothing.

use roaring::RoaringBitmap;

use super::cache::Cached;
use crate::bytes::{Cursor, Malformed, put_varint};

/// A page of lists is closed once it takes so much.
pub(super) const PAGE_BYTES: usize = 16 << 10;

/// A list that grows.
#[derive(Debug, Default)]
pub(super) struct ListBuilder {
    bytes: Vec<u8>,
    runs: u32,
    /// Where the run before the open one ends.
    end: u32,
    start: u32,
    len: u32,
}

impl ListBuilder {
    /// Adds a series, numbered higher than all before.
    pub(super) fn push(&mut self, series: u32) {
        if self.len > 0 && series == self.start + self.len {
            self.len += 1;
            return;
        }
        self.close();
        self.start = series;
        self.len = 1;
    }

    fn close(&mut self) {
        if self.len == 0 {
            return;
        }
        let distance = u64::from(self.start - self.end) << 1;
        if self.len == 1 {
            put_varint(&mut self.bytes, distance);
        } else {
            put_varint(&mut self.bytes, distance | 1);
            put_varint(&mut self.bytes, u64::from(self.len - 2));
        }
        self.runs += 1;
        self.end = self.start + self.len;
        self.len = 0;
    }

    pub(super) fn append_to(&mut self, out: &mut Vec<u8>) {
        self.close();
        put_varint(out, u64::from(self.runs));
        out.extend_from_slice(&self.bytes);
    }
}

/// The union of lists, as it grows.
#[derive(Default)]
pub(super) struct Union {
    runs: RoaringBitmap,
    /// Sorted at the end at one go: much faster than one insertion after another.
    singles: Vec<u32>,
}

/// So many singles are gathered before they are put into the bitmap.
const MAX_SINGLES: usize = 1 << 20;

impl Union {
    /// Adds the list at the start of `bytes`; no series is numbered `series` or higher.
    pub(super) fn add(&mut self, bytes: &[u8], series: u32) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut end = 0u32;
        for _ in 0..cursor.count()? {
            let head = cursor.varint()?;
            let distance = u32::try_from(head >> 1).map_err(|_| Malformed)?;
            let start = end.checked_add(distance).ok_or(Malformed)?;
            let len = if head & 1 == 1 {
                cursor.u32_varint()?.checked_add(2).ok_or(Malformed)?
            } else {
                1
            };
            end = start
                .checked_add(len)
                .filter(|end| *end <= series)
                .ok_or(Malformed)?;
            if len == 1 {
                self.singles.push(start);
            } else {
                self.runs.insert_range(start..end);
            }
        }
        if self.singles.len() >= MAX_SINGLES {
            self.settle();
        }
        Ok(())
    }

    fn settle(&mut self) {
        self.singles.sort_unstable();
        self.singles.dedup();
        // They are sorted, so none is refused.
        if let Ok(singles) = RoaringBitmap::from_sorted_iter(self.singles.drain(..)) {
            self.runs |= singles;
        }
    }

    pub(super) fn finish(mut self) -> RoaringBitmap {
        self.settle();
        self.runs
    }
}

/// A page of lists as it was read.
pub(super) struct ListPage(pub(super) Vec<u8>);

impl Cached for ListPage {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn lists_come_back_and_stay_within_their_series() {
        let mut random = Random::new(5);
        for round in 0..200 {
            let density = 1 + random.below(20);
            let numbers: Vec<u32> = (0..500).filter(|_| random.below(20) < density).collect();
            let mut builder = ListBuilder::default();
            numbers.iter().for_each(|n| builder.push(*n));
            let mut bytes = Vec::new();
            builder.append_to(&mut bytes);
            let mut found = Union::default();
            found.add(&bytes, 500).unwrap();
            assert_eq!(
                found.finish().iter().collect::<Vec<_>>(),
                numbers,
                "round {round}"
            );
            if let Some(last) = numbers.last() {
                assert!(Union::default().add(&bytes, *last).is_err());
            }
        }
    }
}
