//! The values of one label, sorted, each with the place of its postings list, in parts that fit a page.
//!
//! Few values are a list, front-coded; many are a finite state transducer, which regular expressions walk together
//! with their automaton. A part is a page of `index`:
//!
//! ```text
//! u8       form: 0 list, 1 transducer
//! list:    varint number of values
//!            varint   bytes shared with the value before
//!            text     the rest
//!            varint   place of the postings - place of those before (the first: - 0)
//! transducer: as the crate `fst` lays it out, value to place
//! ```

use std::collections::BTreeMap;

use fst::{Automaton, IntoStreamer, Streamer};

use super::cache::Cached;
use crate::bytes::{Cursor, Malformed, put_text, put_varint};

/// From so many values on a part is a transducer.
const TRANSDUCER_MIN: usize = 256;

/// A part is closed once it has so many values or their texts so many bytes: what is read to find one of them.
pub(super) const PART_VALUES: usize = 4096;
pub(super) const PART_BYTES: usize = 64 << 10;

const LIST: u8 = 0;
const TRANSDUCER: u8 = 1;

/// A part of values, which must be sorted, with ascending places.
pub(super) fn encode(values: &[(&str, u64)]) -> Result<Vec<u8>, fst::Error> {
    if values.len() >= TRANSDUCER_MIN {
        let mut builder = fst::MapBuilder::new(vec![TRANSDUCER])?;
        for (value, place) in values {
            builder.insert(value, *place)?;
        }
        return builder.into_inner();
    }
    let mut out = vec![LIST];
    put_varint(&mut out, values.len() as u64);
    let (mut before, mut before_place) = ("", 0);
    for (value, place) in values {
        let shared = before
            .bytes()
            .zip(value.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        put_varint(&mut out, shared as u64);
        let rest = value.as_bytes().get(shared..).unwrap_or_default();
        put_varint(&mut out, rest.len() as u64);
        out.extend_from_slice(rest);
        put_varint(&mut out, place - before_place);
        (before, before_place) = (value, *place);
    }
    Ok(out)
}

/// A part as it was read.
pub(super) enum Part {
    /// The values with their places, sorted.
    List(Vec<(Box<str>, u64)>),
    /// The bytes of a transducer.
    Transducer(fst::Map<Vec<u8>>),
}

impl Part {
    pub(super) fn decode(bytes: &[u8]) -> Result<Part, Malformed> {
        match bytes.split_first() {
            Some((&TRANSDUCER, rest)) => {
                let map = fst::Map::new(rest.to_vec()).map_err(|_| Malformed)?;
                map.as_fst().verify().map_err(|_| Malformed)?;
                Ok(Part::Transducer(map))
            }
            Some((&LIST, rest)) => Ok(Part::List(decode_list(rest)?)),
            _ => Err(Malformed),
        }
    }

    /// The place of a value's postings.
    pub(super) fn get(&self, value: &str) -> Option<u64> {
        match self {
            Part::List(values) => {
                let at = values.binary_search_by(|(v, _)| (**v).cmp(value)).ok()?;
                values.get(at).map(|(_, place)| *place)
            }
            Part::Transducer(map) => map.get(value),
        }
    }

    /// Gives every value with its place to `found`, in order.
    pub(super) fn each<E: From<Malformed>>(
        &self,
        found: &mut impl FnMut(&str, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.search(fst::automaton::AlwaysMatch, |_| true, found)
    }

    /// Gives those that match to `found`: a list asks `matches`, a transducer the automaton.
    pub(super) fn search<A: Automaton, E: From<Malformed>>(
        &self,
        automaton: A,
        matches: impl Fn(&str) -> bool,
        found: &mut impl FnMut(&str, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Part::List(values) => {
                for (value, place) in values.iter().filter(|(value, _)| matches(value)) {
                    found(value, *place)?;
                }
            }
            Part::Transducer(map) => {
                let mut stream = map.search(automaton).into_stream();
                while let Some((value, place)) = stream.next() {
                    found(std::str::from_utf8(value).map_err(|_| Malformed)?, place)?;
                }
            }
        }
        Ok(())
    }
}

fn decode_list(bytes: &[u8]) -> Result<Vec<(Box<str>, u64)>, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut values: Vec<(Box<str>, u64)> = Vec::with_capacity(cursor.clone().count()?);
    let (mut value, mut place) = (Vec::new(), 0u64);
    for _ in 0..cursor.count()? {
        let shared = usize::try_from(cursor.varint()?).map_err(|_| Malformed)?;
        if shared > value.len() {
            return Err(Malformed);
        }
        value.truncate(shared);
        let len = cursor.count()?;
        value.extend_from_slice(cursor.bytes(len)?);
        place = place.checked_add(cursor.varint()?).ok_or(Malformed)?;
        let text = std::str::from_utf8(&value).map_err(|_| Malformed)?;
        if values.last().is_some_and(|(last, _)| **last >= *text) {
            return Err(Malformed);
        }
        values.push((text.into(), place));
    }
    if cursor.is_empty() {
        Ok(values)
    } else {
        Err(Malformed)
    }
}

impl Cached for Part {
    fn bytes(&self) -> usize {
        match self {
            Part::List(values) => values.iter().map(|(value, _)| value.len() + 24).sum(),
            Part::Transducer(map) => map.as_fst().as_bytes().len(),
        }
    }
}

/// A part's place: the first value in it, and where its page lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartAt {
    pub(super) first: Box<str>,
    pub(super) offset: u64,
    pub(super) len: u32,
}

/// The names of all labels with the parts of their values.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Names(pub(super) BTreeMap<Box<str>, Name>);

/// What is known of one label.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Name {
    /// How many values it has.
    pub(super) values: u64,
    pub(super) parts: Vec<PartAt>,
}

impl Name {
    /// The part that holds `value`, if any does.
    pub(super) fn part_of(&self, value: &str) -> Option<&PartAt> {
        let after = self.parts.partition_point(|part| *part.first <= *value);
        self.parts.get(after.checked_sub(1)?)
    }
}

impl Names {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        let mut at = 0;
        for (text, name) in &self.0 {
            put_text(out, text);
            put_varint(out, name.values);
            put_varint(out, name.parts.len() as u64);
            for part in &name.parts {
                put_text(out, &part.first);
                put_varint(out, part.offset - at);
                put_varint(out, u64::from(part.len));
                at = part.offset + u64::from(part.len);
            }
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Names, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let mut names = Names::default();
        let mut at = 0u64;
        for _ in 0..cursor.count()? {
            let text = cursor.text()?;
            let mut name = Name {
                values: cursor.varint()?,
                parts: Vec::new(),
            };
            for _ in 0..cursor.count()? {
                let first = cursor.text()?.into();
                let offset = at.checked_add(cursor.varint()?).ok_or(Malformed)?;
                let len = cursor.u32_varint()?;
                at = offset.checked_add(u64::from(len)).ok_or(Malformed)?;
                name.parts.push(PartAt { first, offset, len });
            }
            names.0.insert(text.into(), name);
        }
        if cursor.is_empty() {
            Ok(names)
        } else {
            Err(Malformed)
        }
    }
}

impl Cached for Names {
    fn bytes(&self) -> usize {
        let parts = |name: &Name| -> usize {
            let bytes = |part: &PartAt| part.first.len() + size_of::<PartAt>();
            name.parts.iter().map(bytes).sum()
        };
        let names = self.0.iter();
        names.map(|(text, name)| 64 + text.len() + parts(name)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<(String, u64)> {
        let mut values: Vec<String> = (0..count).map(|i| format!("host-{}ä{}", i % 17, i)).collect();
        values.sort();
        values.into_iter().zip((0..).step_by(3)).collect()
    }

    #[test]
    fn values_are_found_in_both_forms() {
        for count in [0, 1, 100, TRANSDUCER_MIN, 2000] {
            let values = values(count);
            let borrowed: Vec<(&str, u64)> = values.iter().map(|(v, p)| (&**v, *p)).collect();
            let part = Part::decode(&encode(&borrowed).unwrap()).unwrap();
            let mut all: Vec<(String, u64)> = Vec::new();
            part.each(&mut |value, place| {
                all.push((value.to_owned(), place));
                Ok::<(), Malformed>(())
            })
            .unwrap();
            assert_eq!(all, values);
            for (value, place) in &values {
                assert_eq!(part.get(value), Some(*place));
            }
            assert_eq!(part.get("nowhere"), None);
        }
    }

    #[test]
    fn names_come_back() {
        let part = |first: &str, offset| PartAt {
            first: first.into(),
            offset,
            len: 10,
        };
        let name = |values, parts| Name { values, parts };
        let names = Names(BTreeMap::from([
            ("a".into(), name(3, vec![part("x", 8)])),
            ("b".into(), name(9000, vec![part("k", 18), part("m", 40)])),
        ]));
        let mut bytes = Vec::new();
        names.encode(&mut bytes);
        assert_eq!(Names::decode(&bytes).unwrap(), names);
        let b = &names.0["b"];
        assert_eq!(b.part_of("a"), None);
        assert_eq!(b.part_of("k").unwrap().offset, 18);
        assert_eq!(b.part_of("z").unwrap().offset, 40);
    }
}
