//! The texts of a block, each once: label names and values by number.

use rustc_hash::FxHashMap;

use crate::bytes::{Cursor, Malformed, put_text, put_varint};

/// The symbols of a block open for reading: one text and where each symbol ends.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    text: String,
    ends: Vec<u32>,
}

impl Symbols {
    pub(super) fn decode(payload: &[u8]) -> Result<Symbols, Malformed> {
        let mut cursor = Cursor::new(payload);
        let count = cursor.count()?;
        let mut symbols = Symbols {
            text: String::with_capacity(payload.len()),
            ends: Vec::with_capacity(count),
        };
        for _ in 0..count {
            symbols.text.push_str(cursor.text()?);
            symbols
                .ends
                .push(u32::try_from(symbols.text.len()).map_err(|_| Malformed)?);
        }
        if cursor.is_empty() {
            Ok(symbols)
        } else {
            Err(Malformed)
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(super) fn get(&self, symbol: u32) -> Option<&str> {
        let i = symbol as usize;
        let start = match i.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.text.get(start..*self.ends.get(i)? as usize)
    }
}

/// The symbols of a block being written, numbered as they come.
#[derive(Debug, Default)]
pub(super) struct SymbolsBuilder {
    numbers: FxHashMap<Box<str>, u32>,
    payload: Vec<u8>,
}

impl SymbolsBuilder {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.into(), number);
        put_text(&mut self.payload, text);
        number
    }

    /// The texts by number.
    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts = vec![""; self.numbers.len()];
        for (text, number) in &self.numbers {
            if let Some(place) = texts.get_mut(*number as usize) {
                *place = text;
            }
        }
        texts
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.payload.len() + 5);
        put_varint(&mut out, self.numbers.len() as u64);
        out.extend_from_slice(&self.payload);
        out
    }
}
