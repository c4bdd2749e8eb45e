//! A Bloom filter of the terms in a group: services, operations, and tags as key and text.
//!
//! 10 bits a term and 7 probes answer "may be here" wrongly about once in a hundred. The probes follow from one
//! 64-bit hash by double hashing (Kirsch, Mitzenmacher: Less Hashing, Same Performance, 2006). The hash is XXH3,
//! whose values are fixed by its specification and so may be on disk.

use std::fmt::Write;

use model::spans::{Span, Tag};
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_64_with_seed;

const BITS_A_TERM: usize = 10;
const PROBES: u64 = 7;

/// Seeds keep a service apart from an operation of the same name.
const SEED_SERVICE: u64 = 1;
const SEED_OPERATION: u64 = 2;
const SEED_TAG_KEY: u64 = 3;

/// The term of a service.
pub(crate) fn service(name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), SEED_SERVICE)
}

/// The term of an operation.
pub(crate) fn operation(name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), SEED_OPERATION)
}

/// The term of a tag by the text of its value.
pub(crate) fn tag(key: &str, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), xxh3_64_with_seed(key.as_bytes(), SEED_TAG_KEY))
}

/// Collects terms.
#[derive(Default)]
pub(crate) struct FilterBuilder {
    terms: FxHashSet<u64>,
    text: String,
}

impl FilterBuilder {
    /// Adds all terms by which a search may ask for the span.
    pub(crate) fn add(&mut self, span: &Span) {
        self.terms.insert(service(&span.process.service));
        self.terms.insert(operation(&span.operation));
        self.add_tags(&span.tags);
        self.add_tags(&span.process.tags);
        span.logs.iter().for_each(|log| self.add_tags(&log.fields));
        span.references
            .iter()
            .for_each(|reference| self.add_tags(&reference.tags));
    }

    fn add_tags(&mut self, tags: &[Tag]) {
        for Tag { key, value } in tags {
            self.text.clear();
            // Writing to a string does not fail.
            let _ = write!(self.text, "{value}");
            self.terms.insert(tag(key, &self.text));
        }
    }

    /// The filter's bytes; the builder starts anew.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let mut bytes = vec![0u8; (self.terms.len() * BITS_A_TERM).div_ceil(8).max(8)];
        let bits = bytes.len() as u64 * 8;
        for term in self.terms.drain() {
            for bit in probes(term, bits) {
                if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
        bytes
    }
}

/// Whether the term may be in the filter; false is certain.
pub(crate) fn may_contain(filter: &[u8], term: u64) -> bool {
    let bits = filter.len() as u64 * 8;
    let set = |bit: u64| {
        filter
            .get((bit / 8) as usize)
            .is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
    };
    probes(term, bits).all(set)
}

fn probes(term: u64, bits: u64) -> impl Iterator<Item = u64> {
    let step = term.rotate_left(32) | 1;
    (0..PROBES).map(move |i| term.wrapping_add(step.wrapping_mul(i)) % bits.max(1))
}
