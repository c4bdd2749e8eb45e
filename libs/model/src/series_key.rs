//! The identity of a series as 128 bits, so that a store finds it without looking at a letter of its labels.
//!
//! A [`SeriesKey`] is XXH3-128 over the *encoded labels*: each pair in order of name as the field `labels` of
//! `prometheus.TimeSeries` in remote write 1.0 (`0a` length, `0a` length name, `12` length value). A sender of remote
//! write ships exactly these bytes, so its key costs one pass of the hash and no decoding.
//!
//! The hash is seeded with a number of this process: nobody outside can construct two label sets that meet, and by
//! chance two of a billion series do so once in 10^20 processes. Never written to disk.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::Labels;

static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0x6d61_7374u32));

/// Which series: a hash of its labels, see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey(pub u128);

impl SeriesKey {
    /// The key of labels that are encoded already, sorted by name, without empty values.
    pub fn of_encoded(bytes: &[u8]) -> SeriesKey {
        SeriesKey(xxh3_128_with_seed(bytes, *SEED))
    }

    /// The key of a label set; `scratch` is emptied and used.
    pub fn of(labels: &Labels, scratch: &mut Vec<u8>) -> SeriesKey {
        scratch.clear();
        encode_labels(labels.iter(), scratch);
        SeriesKey::of_encoded(scratch)
    }
}

/// Appends pairs, which must be sorted by name and have no empty value, as keys are made of.
pub fn encode_labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, out: &mut Vec<u8>) {
    for (name, value) in pairs {
        let len = 2 + varint_len(name.len()) + varint_len(value.len()) + name.len() + value.len();
        out.push(0x0a);
        put_varint(out, len);
        out.push(0x0a);
        put_varint(out, name.len());
        out.extend_from_slice(name.as_bytes());
        out.push(0x12);
        put_varint(out, value.len());
        out.extend_from_slice(value.as_bytes());
    }
}

fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_remote_write() {
        let labels = Labels::from_pairs([("job", "node"), ("__name__", "up")]);
        let mut bytes = Vec::new();
        encode_labels(labels.iter(), &mut bytes);
        assert_eq!(
            bytes,
            b"\x0a\x0e\x0a\x08__name__\x12\x02up\x0a\x0b\x0a\x03job\x12\x04node"
        );
        assert_eq!(
            SeriesKey::of(&labels, &mut Vec::new()),
            SeriesKey::of_encoded(&bytes)
        );
    }

    #[test]
    fn long_values_have_lengths_of_several_bytes() {
        let long = "x".repeat(300);
        let labels = Labels::from_pairs([("a", long.as_str())]);
        let mut bytes = Vec::new();
        encode_labels(labels.iter(), &mut bytes);
        assert_eq!(&bytes[..9], b"\x0a\xb2\x02\x0a\x01a\x12\xac\x02");
        assert_eq!(bytes.len(), 3 + 306);
    }

    #[test]
    fn other_labels_have_other_keys() {
        let key = |pairs: &[(&str, &str)]| {
            SeriesKey::of(&Labels::from_pairs(pairs.iter().copied()), &mut Vec::new())
        };
        assert_ne!(key(&[("a", "bc")]), key(&[("ab", "c")]));
        assert_ne!(key(&[("a", "b")]), key(&[("a", "b"), ("c", "d")]));
    }
}
