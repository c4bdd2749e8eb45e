//! Bits from the highest down, and the variable lengths that Prometheus makes of them.

use crate::bytes::Malformed;

/// A place in a stream of bits.
#[derive(Debug, Clone)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Bits<'a> {
        Bits { bytes, at: 0 }
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    pub(super) fn bit(&mut self) -> Result<bool, Malformed> {
        let byte = self.bytes.get(self.at / 8).ok_or(Malformed)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// The next `count` bits, at most 64, as a number.
    pub(super) fn bits(&mut self, count: u32) -> Result<u64, Malformed> {
        if count as usize > self.left() {
            return Err(Malformed);
        }
        let shift = (self.at % 8) as u32;
        let rest = self.bytes.get(self.at / 8..).ok_or(Malformed)?;
        self.at += count as usize;
        if let (Some(word), true) = (rest.first_chunk::<8>(), (1..=64 - shift).contains(&count)) {
            return Ok(u64::from_be_bytes(*word) << shift >> (64 - count));
        }
        let mut value: u128 = 0;
        let used = ((shift + count) as usize).div_ceil(8);
        for byte in rest.get(..used).ok_or(Malformed)? {
            value = value << 8 | u128::from(*byte);
        }
        let value = value >> (used as u32 * 8 - shift - count);
        Ok((value & ((1u128 << count) - 1)) as u64)
    }

    /// A LEB128 number in whole bytes, which need not be aligned.
    pub(super) fn uvarint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.bits(8)?;
            if shift == 63 && byte > 1 {
                return Err(Malformed);
            }
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// The same, zigzag coded.
    pub(super) fn varint(&mut self) -> Result<i64, Malformed> {
        let zigzag = self.uvarint()?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// How many ones come before a zero, at most `most`; with `most` of them there is no zero.
    pub(super) fn ones(&mut self, most: u32) -> Result<u32, Malformed> {
        let mut ones = 0;
        while ones < most && self.bit()? {
            ones += 1;
        }
        Ok(ones)
    }

    /// A number in as many bits as its size class has.
    pub(super) fn varbit_uint(&mut self) -> Result<u64, Malformed> {
        match self.varbit_width()? {
            0 => Ok(0),
            width => self.bits(width),
        }
    }

    /// A signed number in as many bits as its size class has.
    pub(super) fn varbit_int(&mut self) -> Result<i64, Malformed> {
        match self.varbit_width()? {
            0 => Ok(0),
            width => self.signed(width),
        }
    }

    fn varbit_width(&mut self) -> Result<u32, Malformed> {
        let widths = [0, 3, 6, 9, 12, 18, 25, 56, 64];
        widths.get(self.ones(8)? as usize).copied().ok_or(Malformed)
    }

    /// A number from `-2^(width-1) + 1` to `2^(width-1)`: one step above two's complement.
    pub(super) fn signed(&mut self, width: u32) -> Result<i64, Malformed> {
        let bits = self.bits(width)?;
        if width < 64 && bits > 1 << (width - 1) {
            return Ok((bits as i64).wrapping_sub(1 << width));
        }
        Ok(bits as i64)
    }

    /// A number from `-2^(width-1)` to `2^(width-1) - 1`.
    pub(super) fn twos_complement(&mut self, width: u32) -> Result<i64, Malformed> {
        let bits = self.bits(width)?;
        let unused = 64 - width;
        Ok((bits << unused) as i64 >> unused)
    }
}
