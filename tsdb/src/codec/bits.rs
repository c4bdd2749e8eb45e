//! Bits in bytes, lowest first: writing them, and reading them from bytes that may end too early.

use crate::bytes::Malformed;

/// At most this many bits are read in one step.
pub(super) const STEP_BITS: u32 = 56;

/// The lowest `bits` (0 to 64) set.
pub(super) fn mask(bits: u32) -> u64 {
    if bits == 0 { 0 } else { u64::MAX >> (64 - bits) }
}

/// Appends bits to a vector of bytes.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        BitWriter {
            out,
            pending: 0,
            pending_bits: 0,
        }
    }

    /// Appends the lowest `bits` (at most 64) of `value`, which has no others set.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u64, bits: u32) {
        self.pending |= value << self.pending_bits;
        let filled = self.pending_bits + bits;
        if filled < 64 {
            self.pending_bits = filled;
            return;
        }
        self.out.extend_from_slice(&self.pending.to_le_bytes());
        // Twice, as all 64 places may be gone.
        self.pending = (value >> 1) >> (63 - self.pending_bits);
        self.pending_bits = filled - 64;
    }

    /// Fills the last byte up with zeros.
    pub(super) fn finish(self) {
        let bytes = self.pending.to_le_bytes();
        self.out
            .extend_from_slice(&bytes[..self.pending_bits.div_ceil(8) as usize]);
    }
}

/// Reads bits; beyond the end there are zeros, and [`BitReader::finish`] says whether that happened.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BitReader { bytes, at: 0 }
    }

    /// At least [`STEP_BITS`] bits from the present place on, without moving.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        let byte = self.at >> 3;
        let word = match self.bytes.get(byte..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => self.last_word(byte),
        };
        word >> (self.at & 7)
    }

    #[cold]
    fn last_word(&self, byte: usize) -> u64 {
        let rest = self.bytes.get(byte..).unwrap_or_default();
        rest.iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.at += bits as usize;
    }

    /// The next `bits`, at most 64.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u64 {
        if bits <= STEP_BITS {
            return self.take_step(bits);
        }
        let low = self.take_step(STEP_BITS);
        low | self.take_step(bits - STEP_BITS) << STEP_BITS
    }

    /// The next `bits`, at most [`STEP_BITS`].
    #[inline(always)]
    pub(super) fn take_step(&mut self, bits: u32) -> u64 {
        let value = self.peek() & ((1 << bits) - 1);
        self.skip(bits);
        value
    }

    /// How many bytes were touched, if there were as many.
    pub(super) fn finish(&self) -> Result<usize, Malformed> {
        let used = self.at.div_ceil(8);
        if used > self.bytes.len() {
            Err(Malformed)
        } else {
            Ok(used)
        }
    }
}
