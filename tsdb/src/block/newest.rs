//! The newest value of each series of a page, remembered once somebody decoded it.
//!
//! Whoever asks what is the case now asks every series for its last value, over and over; that is at the very end of a
//! chunk which has to be decoded as a whole. A kilobyte a page of series, in the cache like everything else.

use std::sync::atomic::{AtomicU64, Ordering};

use super::cache::Cached;
use super::entries::PAGE_SERIES;

const SERIES: usize = PAGE_SERIES as usize;

/// See the module.
pub(super) struct Newest {
    /// A bit for each series whose value is there.
    known: [AtomicU64; SERIES.div_ceil(64)],
    bits: [AtomicU64; SERIES],
}

impl Default for Newest {
    fn default() -> Self {
        Newest {
            known: std::array::from_fn(|_| AtomicU64::new(0)),
            bits: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Newest {
    /// The last float of the series at a place of the page.
    pub(super) fn get(&self, place: usize) -> Option<f64> {
        let known = self.known.get(place / 64)?.load(Ordering::Acquire);
        let bits = self.bits.get(place)?.load(Ordering::Relaxed);
        (known >> (place % 64) & 1 == 1).then(|| f64::from_bits(bits))
    }

    /// Remembers it.
    pub(super) fn set(&self, place: usize, value: f64) {
        if let (Some(known), Some(bits)) = (self.known.get(place / 64), self.bits.get(place)) {
            bits.store(value.to_bits(), Ordering::Relaxed);
            known.fetch_or(1 << (place % 64), Ordering::Release);
        }
    }
}

impl Cached for Newest {
    fn bytes(&self) -> usize {
        size_of::<Newest>()
    }
}
