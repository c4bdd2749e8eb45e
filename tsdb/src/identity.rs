//! Which series, as a number that memtables and blocks make of their labels without putting them together.
//!
//! The sum of a 128-bit hash of each pair, modulo 2^128: a series whose labels differ from those of the one before in a
//! pair costs the hash of that pair, and a pair can be taken out again. The hashes are seeded with a number of this process, so
//! that nobody outside can construct two series that meet; by chance two of a billion do so once in 10^20 processes. Never
//! written to disk. (Series in memory are found by [`model::SeriesKey`], which is made of encoded labels at one go.)

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0x6964_656eu32));

/// A name as [`value`] wants it.
pub(crate) fn name(name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), *SEED)
}

/// What a value of a label adds to the identity of its series.
pub(crate) fn value(name: u64, value: &str) -> u128 {
    xxh3_128_with_seed(value.as_bytes(), name)
}

/// What a pair adds to the identity of its series.
pub(crate) fn pair(name: &str, value: &str) -> u128 {
    self::value(self::name(name), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_labels_have_equal_identities_and_others_have_others() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| pair(name, value));
            pairs.fold(0u128, u128::wrapping_add)
        };
        assert_eq!(of(&[("a", "x"), ("b", "y")]), of(&[("b", "y"), ("a", "x")]));
        assert_ne!(of(&[("a", "x"), ("b", "y")]), of(&[("a", "y"), ("b", "x")]));
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", "b")]), of(&[("a", "b"), ("c", "d")]));
        let without = of(&[("a", "x"), ("b", "y")]).wrapping_sub(pair("b", "y"));
        assert_eq!(without, of(&[("a", "x")]));
    }
}
