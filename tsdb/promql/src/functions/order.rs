//! The order of the values in a window that moves over a series.
//!
//! All values of the series are ranked once; a window is a set of ranks, kept as bits. A sample comes or goes by flipping
//! a bit, and the k-th smallest value is found by counting bits, 64 at a time. So a window costs a few nanoseconds a
//! sample that changes and one for every 64 samples of the series, however many samples it has itself. Costs: sorting
//! the series once, 20 bytes a sample.

/// So many words are counted together, so that a search skips them at once.
const BLOCK: usize = 16;

/// The values of a series in order, and which of them are in the window.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    sorted: Vec<f64>,
    /// The place of each sample in `sorted`, none twice.
    ranks: Vec<u32>,
    present: Vec<u64>,
    /// Bits set in each [`BLOCK`] of words.
    counts: Vec<u32>,
    from: usize,
    to: usize,
}

impl Ordered {
    /// Of the values of a series, with an empty window. NaN are before all numbers.
    pub(super) fn of(values: &[f64]) -> Ordered {
        let mut keys: Vec<u64> = values.iter().map(|v| key(*v)).collect();
        keys.sort_unstable();
        let mut taken = vec![0u32; keys.len()];
        let rank = |value: &f64| {
            let key = key(*value);
            let first = keys.partition_point(|k| *k < key);
            // Equal values take the places of their run one after the other.
            let Some(taken) = taken.get_mut(first) else {
                return 0;
            };
            *taken += 1;
            first as u32 + *taken - 1
        };
        let ranks: Vec<u32> = values.iter().map(rank).collect();
        let mut sorted = vec![0.0; values.len()];
        for (value, rank) in values.iter().zip(&ranks) {
            if let Some(place) = sorted.get_mut(*rank as usize) {
                *place = *value;
            }
        }
        let words = values.len().div_ceil(64);
        Ordered {
            sorted,
            ranks,
            present: vec![0; words],
            counts: vec![0; words.div_ceil(BLOCK)],
            from: 0,
            to: 0,
        }
    }

    /// Moves the window; neither end goes back.
    pub(super) fn move_to(&mut self, from: usize, to: usize) {
        for i in self.from..from.min(self.to) {
            self.flip(i, false);
        }
        for i in self.to.max(from)..to {
            self.flip(i, true);
        }
        (self.from, self.to) = (from, to.max(self.to));
    }

    fn flip(&mut self, sample: usize, comes: bool) {
        let Some(rank) = self.ranks.get(sample) else {
            return;
        };
        let word = *rank as usize / 64;
        if let (Some(bits), Some(count)) = (self.present.get_mut(word), self.counts.get_mut(word / BLOCK)) {
            *bits ^= 1 << (rank % 64);
            *count = if comes {
                *count + 1
            } else {
                count.saturating_sub(1)
            };
        }
    }

    /// The place in order of the `k`-th smallest value of the window, from 0.
    fn place(&self, k: usize) -> usize {
        let mut left = k as u32;
        let mut word = 0;
        for count in &self.counts {
            if left < *count {
                break;
            }
            left -= count;
            word += BLOCK;
        }
        for bits in self.present.iter().skip(word) {
            let ones = bits.count_ones();
            if left < ones {
                return word * 64 + select(*bits, left) as usize;
            }
            left -= ones;
            word += 1;
        }
        self.sorted.len()
    }

    /// The place after `place` that is in the window.
    fn next_place(&self, place: usize) -> usize {
        let mut word = (place + 1) / 64;
        let mut bits = self.present.get(word).copied().unwrap_or(0) & (u64::MAX << ((place + 1) % 64));
        while bits == 0 {
            word += 1;
            match self.present.get(word) {
                Some(next) => bits = *next,
                None => return self.sorted.len(),
            }
        }
        word * 64 + bits.trailing_zeros() as usize
    }

    /// The `q`-quantile of the window, `q` from 0 to 1, by linear interpolation between the closest ranks. The window has
    /// `len` samples, at least one.
    pub(super) fn quantile(&self, q: f64, len: usize) -> f64 {
        let last = len.saturating_sub(1);
        let rank = q * last as f64;
        let lower = (rank.floor() as usize).min(last);
        let weight = rank - rank.floor();
        let place = self.place(lower);
        let at = |place: usize| self.sorted.get(place).copied().unwrap_or(f64::NAN);
        let upper = if lower < last {
            at(self.next_place(place))
        } else {
            at(place)
        };
        at(place) * (1.0 - weight) + upper * weight
    }

    /// The values of the window in order.
    pub(super) fn values(&self, into: &mut Vec<f64>) {
        into.clear();
        for (word, bits) in self.present.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                into.extend(self.sorted.get(word * 64 + bits.trailing_zeros() as usize));
                bits &= bits - 1;
            }
        }
    }
}

/// The place of the `k`-th bit that is set, from 0; there are more than `k`.
fn select(mut bits: u64, mut k: u32) -> u32 {
    let mut place = 0;
    for width in [32, 16, 8] {
        let below = (bits & ((1 << width) - 1)).count_ones();
        if k >= below {
            k -= below;
            bits >>= width;
            place += width;
        }
    }
    for _ in 0..k {
        bits &= bits.wrapping_sub(1);
    }
    place + bits.trailing_zeros()
}

/// A number that is ordered as the floats are: NaN first, the two zeros equal.
fn key(value: f64) -> u64 {
    if value.is_nan() {
        return 0;
    }
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}
