//! The order of the values in a window that moves over a series.
//!
//! The values of a stretch of the series are ranked once; a window is a set of ranks, kept as bits. A sample comes or
//! goes by flipping a bit, and the k-th smallest value is found by counting bits, 64 at a time. So a window costs a few
//! nanoseconds a sample that changes and one for every 64 samples of the stretch, however many samples it has itself.
//! Costs: sorting the samples once, or twice where stretches overlap; 36 bytes for each sample of a stretch.

/// So many words are counted together, so that a search skips them at once.
const BLOCK: usize = 16;

/// A stretch is so many times as long as the window that it begins with, so that few samples are sorted twice.
const STRETCH: usize = 4;

/// No stretch is shorter; it fits into the nearest cache.
const SHORTEST_STRETCH: usize = 1024;

/// The values of a stretch of a series in order, and which of them are in the window.
#[derive(Debug)]
pub(super) struct Ordered<'a> {
    values: &'a [f64],
    /// The stretch, and the window, by the samples that they begin and end with.
    stretch: (usize, usize),
    window: (usize, usize),
    sorted: Vec<f64>,
    /// The place in `sorted` of each sample of the stretch.
    ranks: Vec<u32>,
    present: Vec<u64>,
    /// Bits set in each [`BLOCK`] of words.
    counts: Vec<u32>,
    /// Kept for the next stretch.
    keys: Vec<(u64, u32)>,
}

impl<'a> Ordered<'a> {
    /// Of the values of a series, with an empty window. NaN are before all numbers.
    pub(super) fn of(values: &'a [f64]) -> Ordered<'a> {
        Ordered {
            values,
            stretch: (0, 0),
            window: (0, 0),
            sorted: Vec::new(),
            ranks: Vec::new(),
            present: Vec::new(),
            counts: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Moves the window; neither end goes back.
    pub(super) fn move_to(&mut self, from: usize, to: usize) {
        if to > self.stretch.1 {
            self.rank(from, to);
        }
        for sample in self.window.0..from.min(self.window.1) {
            self.flip(sample, false);
        }
        for sample in self.window.1.max(from)..to {
            self.flip(sample, true);
        }
        self.window = (from, to.max(self.window.1));
    }

    /// Begins a new stretch with the window, which is empty then.
    fn rank(&mut self, from: usize, to: usize) {
        let len = (STRETCH * (to - from)).max(SHORTEST_STRETCH);
        let end = (from + len).min(self.values.len()).max(to);
        let values = self.values.get(from..end).unwrap_or_default();
        self.keys.clear();
        self.keys
            .extend(values.iter().zip(0..).map(|(v, i)| (key(*v), i)));
        self.keys.sort_unstable();
        self.ranks.clear();
        self.ranks.resize(values.len(), 0);
        self.sorted.clear();
        for ((_, sample), rank) in self.keys.iter().zip(0..) {
            self.sorted.extend(values.get(*sample as usize));
            if let Some(place) = self.ranks.get_mut(*sample as usize) {
                *place = rank;
            }
        }
        let words = values.len().div_ceil(64);
        self.present.clear();
        self.present.resize(words, 0);
        self.counts.clear();
        self.counts.resize(words.div_ceil(BLOCK), 0);
        self.stretch = (from, end);
        self.window = (from, from);
    }

    fn flip(&mut self, sample: usize, comes: bool) {
        let in_stretch = sample.checked_sub(self.stretch.0);
        let Some(rank) = in_stretch.and_then(|i| self.ranks.get(i)) else {
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
