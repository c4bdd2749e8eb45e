//! The labels of a page in two allocations.
//!
//! Every distinct pair of the page is written once, sorted by name and value; a series is the list of its pairs'
//! numbers, rising, as varints of the distances. A page of 500 series takes about 35 bytes a series this way, and two
//! of its series compare as their lists of numbers do. Immutable.

use std::cmp::Ordering;

use model::Labels;
use rustc_hash::FxHashMap;

use crate::bytes::{Cursor, put_varint};
use crate::identity;

/// See the module.
#[derive(Debug)]
pub(crate) struct LabelArena {
    /// All names, then all values.
    text: Box<str>,
    /// Little-endian numbers of 2 or 4 bytes: where each name ends in `text`; the first pair of each name; where each
    /// pair's value ends; where each series' list begins, and where the last ends. Then the lists.
    index: Box<[u8]>,
    names: u32,
    pairs: u32,
    width: u16,
    wide: bool,
}

/// A page's labels while they are taken apart.
#[derive(Default)]
pub(crate) struct ArenaBuilder<'a> {
    numbers: FxHashMap<(&'a str, &'a str), u32>,
    pairs: Vec<(&'a str, &'a str)>,
    /// The pairs of all series, one series after the other.
    lists: Vec<u32>,
    ends: Vec<usize>,
}

impl<'a> ArenaBuilder<'a> {
    /// Adds the next series; its pairs are sorted by name.
    pub(crate) fn push(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        for pair in pairs {
            let next = self.pairs.len() as u32;
            let number = *self.numbers.entry(pair).or_insert(next);
            if number == next {
                self.pairs.push(pair);
            }
            self.lists.push(number);
        }
        self.ends.push(self.lists.len());
    }

    /// The finished arena, and for each pair in order the slots that have it.
    pub(crate) fn finish(mut self) -> (LabelArena, Vec<Vec<u16>>) {
        let mut by_pair: Vec<u32> = (0..self.pairs.len() as u32).collect();
        by_pair.sort_unstable_by_key(|&number| self.pairs[number as usize]);
        let mut rank = vec![0u32; self.pairs.len()];
        for (place, &number) in by_pair.iter().enumerate() {
            rank[number as usize] = place as u32;
        }
        for number in &mut self.lists {
            *number = rank[*number as usize];
        }
        let mut bearers = vec![Vec::new(); self.pairs.len()];
        let mut lists = Vec::new();
        let mut starts = vec![0];
        let mut start = 0;
        for (slot, &end) in self.ends.iter().enumerate() {
            let mut previous = 0;
            for &number in &self.lists[start..end] {
                put_varint(&mut lists, u64::from(number.wrapping_sub(previous)));
                previous = number;
                bearers[number as usize].push(slot as u16);
            }
            starts.push(lists.len() as u32);
            start = end;
        }
        self.pairs.sort_unstable();
        (LabelArena::assemble(&self.pairs, &starts, &lists), bearers)
    }
}

impl LabelArena {
    fn assemble(pairs: &[(&str, &str)], starts: &[u32], lists: &[u8]) -> LabelArena {
        let (mut text, mut values) = (String::new(), String::new());
        let (mut name_ends, mut firsts, mut value_ends) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (name, value)) in pairs.iter().enumerate() {
            if number == 0 || pairs[number - 1].0 != *name {
                text.push_str(name);
                name_ends.push(text.len() as u32);
                firsts.push(number as u32);
            }
            values.push_str(value);
            value_ends.push(values.len() as u32);
        }
        let names_len = text.len() as u32;
        value_ends.iter_mut().for_each(|end| *end += names_len);
        text.push_str(&values);
        let wide = text.len().max(lists.len()).max(pairs.len()) > usize::from(u16::MAX);
        let numbers = [&name_ends, &firsts, &value_ends, starts].map(|part: &[u32]| part);
        let count: usize = numbers.iter().map(|part| part.len()).sum();
        let mut index = Vec::with_capacity(count * if wide { 4 } else { 2 } + lists.len());
        for number in numbers.into_iter().flatten() {
            match wide {
                true => index.extend_from_slice(&number.to_le_bytes()),
                false => index.extend_from_slice(&(*number as u16).to_le_bytes()),
            }
        }
        index.extend_from_slice(lists);
        LabelArena {
            text: text.into_boxed_str(),
            index: index.into_boxed_slice(),
            names: name_ends.len() as u32,
            pairs: pairs.len() as u32,
            width: starts.len().saturating_sub(1) as u16,
            wide,
        }
    }

    fn number(&self, at: u32) -> usize {
        let at = at as usize;
        if self.wide {
            let bytes = self.index.get(4 * at..).and_then(|b| b.first_chunk::<4>());
            bytes.map_or(0, |b| u32::from_le_bytes(*b) as usize)
        } else {
            let bytes = self.index.get(2 * at..).and_then(|b| b.first_chunk::<2>());
            bytes.map_or(0, |b| usize::from(u16::from_le_bytes(*b)))
        }
    }

    /// How many series there are.
    pub(crate) fn width(&self) -> usize {
        usize::from(self.width)
    }

    /// How many distinct names.
    pub(crate) fn names(&self) -> u32 {
        self.names
    }

    /// The name with this number.
    pub(crate) fn name(&self, name: u32) -> &str {
        let start = if name == 0 { 0 } else { self.number(name - 1) };
        self.text.get(start..self.number(name)).unwrap_or_default()
    }

    /// The first pair of a name; for the number behind the last name, the number of pairs.
    pub(crate) fn first_pair(&self, name: u32) -> u32 {
        if name >= self.names {
            return self.pairs;
        }
        self.number(self.names + name) as u32
    }

    /// The value of the pair with this number.
    pub(crate) fn value(&self, pair: u32) -> &str {
        let ends = 2 * self.names;
        let start = match pair {
            0 => self.names.checked_sub(1).map_or(0, |last| self.number(last)),
            _ => self.number(ends + pair - 1),
        };
        self.text.get(start..self.number(ends + pair)).unwrap_or_default()
    }

    /// The numbers of a series' pairs, rising.
    pub(crate) fn list(&self, slot: usize) -> impl Iterator<Item = u32> + '_ {
        let starts = 2 * self.names + self.pairs;
        let lists = (starts as usize + self.width() + 1) * if self.wide { 4 } else { 2 };
        let range = match slot < self.width() {
            true => lists + self.number(starts + slot as u32)..lists + self.number(starts + slot as u32 + 1),
            false => 0..0,
        };
        let mut cursor = Cursor::new(self.index.get(range).unwrap_or_default());
        let mut previous = 0u32;
        std::iter::from_fn(move || {
            previous = previous.wrapping_add(cursor.u32_varint().ok()?);
            Some(previous)
        })
    }

    /// The pairs of a series, in order of name.
    pub(crate) fn series(&self, slot: usize) -> impl Iterator<Item = (&str, &str)> {
        let mut name = 0;
        self.list(slot).map(move |pair| {
            while self.first_pair(name + 1) <= pair && name + 1 < self.names {
                name += 1;
            }
            (self.name(name), self.value(pair))
        })
    }

    /// What each pair adds to the identity of its series, by number.
    pub(crate) fn identities(&self) -> Vec<u128> {
        let mut identities = Vec::with_capacity(self.pairs as usize);
        for name in 0..self.names {
            let hash = identity::name(self.name(name));
            let pairs = self.first_pair(name)..self.first_pair(name + 1);
            identities.extend(pairs.map(|pair| identity::value(hash, self.value(pair))));
        }
        identities
    }

    /// The labels of a series.
    pub(crate) fn labels(&self, slot: usize) -> Labels {
        let pairs: Vec<(&str, &str)> = self.series(slot).collect();
        Labels::from_sorted(&pairs)
    }

    /// Compares two series of this page by their labels.
    pub(crate) fn compare(&self, a: usize, b: usize) -> Ordering {
        self.list(a).cmp(self.list(b))
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.index.len()
    }
}

#[cfg(test)]
mod tests;
