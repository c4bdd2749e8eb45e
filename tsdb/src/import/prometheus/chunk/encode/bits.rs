//! Writes what [`Bits`](super::super::bits::Bits) reads.

/// Bits from the highest down.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// How many of the last byte are not used yet.
    free: u32,
}

impl BitWriter {
    /// Behind a header of whole bytes.
    pub(super) fn behind(header: &[u8]) -> BitWriter {
        BitWriter {
            bytes: header.to_vec(),
            free: 0,
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// The bytes so far, whose header can still change.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    pub(super) fn bit(&mut self, bit: bool) {
        self.bits(u64::from(bit), 1);
    }

    /// The lowest `count` bits of `value`, at most 64.
    pub(super) fn bits(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let now = left.min(self.free);
            let piece = (value >> (left - now)) & ((1 << now) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (piece as u8) << (self.free - now);
            }
            self.free -= now;
            left -= now;
        }
    }

    /// LEB128 in whole bytes, which need not be aligned.
    pub(super) fn uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bits(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.bits(value, 8);
    }

    /// The same, zigzag coded.
    pub(super) fn varint(&mut self, value: i64) {
        self.uvarint(((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    /// So many ones, then a zero.
    fn ones(&mut self, count: u32) {
        self.bits(u64::MAX << 1, count + 1);
    }

    /// A number in as many bits as its size class has.
    pub(super) fn varbit_uint(&mut self, value: u64) {
        self.varbit(value, 64 - value.leading_zeros());
    }

    /// A signed number in as many bits as its size class has.
    pub(super) fn varbit_int(&mut self, value: i64) {
        self.varbit(value.cast_unsigned(), signed_width(value));
    }

    fn varbit(&mut self, value: u64, width: u32) {
        let widths = [0, 3, 6, 9, 12, 18, 25, 56];
        match widths.iter().position(|w| *w >= width) {
            Some(class) => {
                self.ones(class as u32);
                self.bits(value, widths[class]);
            }
            None => {
                self.bits(0xff, 8);
                self.bits(value, 64);
            }
        }
    }
}

/// The bits that `value` needs, where `n` bits hold `-2^(n-1) + 1` to `2^(n-1)`; 0 needs none.
pub(super) fn signed_width(value: i64) -> u32 {
    match value {
        0 => 0,
        // As one less in two's complement; of negative numbers, as they are but one more.
        1.. => 65 - (value - 1).leading_zeros(),
        _ => 65 - value.unsigned_abs().leading_zeros(),
    }
}
