//! The labels of a block being written: texts as symbols, and which series bear which pair.

use std::collections::BTreeMap;

use model::{Labels, StoreError};
use rustc_hash::FxHashMap;

use super::{POSTINGS, Writer};
use crate::block::postings::{ListBuilder, PAGE_BYTES};
use crate::block::symbols::SymbolWriter;
use crate::block::values::{self, Name, Names, PART_BYTES, PART_VALUES, PartAt};

/// A name with a value, and the series that have it.
struct Pair {
    name: u32,
    value: u32,
    list: ListBuilder,
}

#[derive(Default)]
pub(super) struct LabelWriter {
    symbols: SymbolWriter,
    /// Symbols of name and value → place in `pairs`.
    places: FxHashMap<(u32, u32), u32>,
    pairs: Vec<Pair>,
    /// The series added last: its labels, and for each its symbols and its place in `pairs`.
    last: Option<Labels>,
    last_symbols: Vec<(u32, u32)>,
    last_places: Vec<u32>,
}

impl LabelWriter {
    /// The symbols of the series added last.
    pub(super) fn symbols(&self) -> &[(u32, u32)] {
        &self.last_symbols
    }

    pub(super) fn take_symbols(&mut self, all: bool) -> Option<(Vec<u8>, u64)> {
        self.symbols.take_page(all)
    }

    /// Adds a series, which must follow the one before in label order.
    pub(super) fn add(&mut self, series: u32, labels: &Labels) -> Result<(), StoreError> {
        let mut shared = 0;
        if let Some(last) = &self.last {
            if last >= labels {
                return Err(StoreError::Invalid(format!(
                    "series out of order: {labels} after {last}"
                )));
            }
            shared = last.iter().zip(labels.iter()).take_while(|(a, b)| a == b).count();
        }
        let before = self.last.replace(labels.clone()).unwrap_or_default();
        let mut before = before.iter().skip(shared);
        for (i, (name, value)) in labels.iter().enumerate().skip(shared) {
            // What follows the first difference is often the same nevertheless: job after instance.
            let same = before.next() == Some((name, value));
            if !(same && i < self.last_symbols.len()) {
                let symbols = (self.symbols.number(name), self.symbols.number(value));
                let place = self.place(symbols);
                match (self.last_symbols.get_mut(i), self.last_places.get_mut(i)) {
                    (Some(s), Some(p)) => (*s, *p) = (symbols, place),
                    _ => {
                        self.last_symbols.push(symbols);
                        self.last_places.push(place);
                    }
                }
            }
        }
        self.last_symbols.truncate(labels.len());
        self.last_places.truncate(labels.len());
        for &place in &self.last_places {
            if let Some(pair) = self.pairs.get_mut(place as usize) {
                pair.list.push(series);
            }
        }
        Ok(())
    }

    fn place(&mut self, (name, value): (u32, u32)) -> u32 {
        *self.places.entry((name, value)).or_insert_with(|| {
            let list = ListBuilder::default();
            self.pairs.push(Pair { name, value, list });
            self.pairs.len() as u32 - 1
        })
    }
}

impl Writer<'_> {
    /// Writes postings and values of all labels.
    pub(super) fn write_labels(&mut self) -> Result<Names, StoreError> {
        let labels = std::mem::take(&mut self.labels);
        let symbols = labels.symbols;
        let mut by_name: BTreeMap<&str, Vec<Pair>> = BTreeMap::new();
        for pair in labels.pairs {
            by_name.entry(symbols.text(pair.name)).or_default().push(pair);
        }
        let mut names = Names::default();
        let mut lists = Vec::new();
        let mut place = 0u64;
        for (name, mut pairs) in by_name {
            pairs.sort_unstable_by_key(|pair| symbols.text(pair.value));
            let mut values = Vec::with_capacity(pairs.len());
            for pair in &mut pairs {
                values.push((symbols.text(pair.value), place + lists.len() as u64));
                pair.list.append_to(&mut lists);
                if lists.len() >= PAGE_BYTES {
                    place += lists.len() as u64;
                    self.write_page(POSTINGS, &lists, place)?;
                    lists.clear();
                }
            }
            let name_entry = self.write_values(&values)?;
            names.0.insert(name.into(), name_entry);
        }
        if !lists.is_empty() {
            self.write_page(POSTINGS, &lists, place + lists.len() as u64)?;
        }
        Ok(names)
    }

    fn write_values(&mut self, mut values: &[(&str, u64)]) -> Result<Name, StoreError> {
        let mut name = Name {
            values: values.len() as u64,
            parts: Vec::new(),
        };
        while let Some((first, _)) = values.first() {
            let mut bytes = 0;
            let fits = |(value, _): &&(&str, u64)| {
                bytes += value.len();
                bytes <= PART_BYTES
            };
            let count = values.iter().take(PART_VALUES).take_while(fits).count().max(1);
            let (part, rest) = values.split_at_checked(count).unwrap_or((values, &[]));
            let content =
                values::encode(part).map_err(|e| self.index.error("encode", std::io::Error::other(e)))?;
            let range = self.write_index(&content, true)?;
            name.parts.push(PartAt {
                first: (*first).into(),
                offset: range.start,
                len: (range.end - range.start) as u32,
            });
            values = rest;
        }
        Ok(name)
    }
}
