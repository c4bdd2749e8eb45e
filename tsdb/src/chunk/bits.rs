//! Bits in bytes, most significant first.

use crate::bytes::Malformed;

/// Appends bits behind the bytes it starts from.
pub(super) struct BitWriter {
    out: Vec<u8>,
    /// Bits not yet written out, at the low end.
    pending: u64,
    /// How many they are, below 8 between calls.
    count: u32,
}

impl BitWriter {
    pub(super) fn new(out: Vec<u8>) -> Self {
        BitWriter {
            out,
            pending: 0,
            count: 0,
        }
    }

    /// Appends the `width` (up to 64) low bits of `value`; higher bits must be 0.
    pub(super) fn put(&mut self, value: u64, width: u32) {
        if width > 32 {
            self.put_short(value >> 32, width - 32);
            self.put_short(value & 0xffff_ffff, 32);
        } else {
            self.put_short(value, width);
        }
    }

    fn put_short(&mut self, value: u64, width: u32) {
        self.pending = (self.pending << width) | value;
        self.count += width;
        while self.count >= 8 {
            self.count -= 8;
            self.out.push((self.pending >> self.count) as u8);
        }
        self.pending &= (1 << self.count) - 1;
    }

    /// The bytes, the last one filled up with zero bits.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.out.push((self.pending << (8 - self.count)) as u8);
        }
        self.out
    }
}

/// Reads bits from foreign bytes.
pub(super) struct BitReader<'a> {
    rest: &'a [u8],
    /// Bits read ahead, at the low end.
    ahead: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BitReader {
            rest: bytes,
            ahead: 0,
            count: 0,
        }
    }

    pub(super) fn bit(&mut self) -> Result<bool, Malformed> {
        self.get_short(1).map(|bit| bit == 1)
    }

    /// The next `width` (1 to 64) bits.
    pub(super) fn get(&mut self, width: u32) -> Result<u64, Malformed> {
        if width > 32 {
            let high = self.get_short(width - 32)?;
            return Ok((high << 32) | self.get_short(32)?);
        }
        self.get_short(width)
    }

    fn get_short(&mut self, width: u32) -> Result<u64, Malformed> {
        if self.count < width {
            self.refill();
            if self.count < width {
                return Err(Malformed);
            }
        }
        self.count -= width;
        Ok((self.ahead >> self.count) & ((1 << width) - 1))
    }

    /// Fewer than 32 bits are left when this is called, so four bytes always fit.
    fn refill(&mut self) {
        if let Some((head, rest)) = self.rest.split_first_chunk::<4>() {
            self.ahead = (self.ahead << 32) | u64::from(u32::from_be_bytes(*head));
            self.count += 32;
            self.rest = rest;
            return;
        }
        for byte in self.rest {
            self.ahead = (self.ahead << 8) | u64::from(*byte);
            self.count += 8;
        }
        self.rest = &[];
    }
}
