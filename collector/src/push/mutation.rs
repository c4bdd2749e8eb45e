//! Valid inputs with random damage, from a seed: decoders must answer, whatever it is, and never panic.

/// xorshift64*, enough to choose places and bytes.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn seeded(seed: u64) -> Rng {
        Rng(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Calls `decode` with `rounds` damaged copies of `valid`: flipped bits, extreme bytes, cuts, repetitions.
pub(crate) fn over(valid: &[u8], rounds: usize, mut decode: impl FnMut(&[u8])) {
    let mut rng = Rng::seeded(0x5eed_0001);
    for _ in 0..rounds {
        let mut bytes = valid.to_vec();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len());
            match rng.below(5) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
                1 if !bytes.is_empty() => bytes[at] = [0x00, 0x7f, 0x80, 0xff][rng.below(4)],
                2 => bytes.truncate(at),
                3 => bytes.insert(at, rng.next() as u8),
                _ => {
                    let end = at + rng.below(bytes.len() - at + 1);
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        decode(&bytes);
    }
}
