//! Bits in bytes, lowest first: writing them, and reading them from bytes that may end too early.

use crate::bytes::Malformed;

/// At most this many bits are written or read in one step.
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
    pub(super) fn put(&mut self, value: u64, bits: u32) {
        if bits > STEP_BITS {
            self.put_step(value & mask(STEP_BITS), STEP_BITS);
            self.put_step(value >> STEP_BITS, bits - STEP_BITS);
        } else {
            self.put_step(value, bits);
        }
    }

    fn put_step(&mut self, value: u64, bits: u32) {
        self.pending |= value << self.pending_bits;
        self.pending_bits += bits;
        let whole = self.pending_bits / 8;
        self.out
            .extend_from_slice(&self.pending.to_le_bytes()[..whole as usize]);
        self.pending = if whole == 8 {
            0
        } else {
            self.pending >> (whole * 8)
        };
        self.pending_bits -= whole * 8;
    }

    /// Fills the last byte up with zeros.
    pub(super) fn finish(self) {
        if self.pending_bits > 0 {
            self.out.push(self.pending as u8);
        }
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
            let value = self.peek() & mask(bits);
            self.skip(bits);
            value
        } else {
            let low = self.take(STEP_BITS);
            low | self.take(bits - STEP_BITS) << STEP_BITS
        }
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
