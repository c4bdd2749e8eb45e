//! Chunks of floats, see [the reader](super::super::xor).

use super::bits::{BitWriter, signed_width};
use super::{EncodedChunk, Encoding};

/// The last value, and the window in which its XOR with the one before had its bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct XorColumn {
    bits: u64,
    window: Option<(u32, u32)>,
}

impl XorColumn {
    /// Writes the first value, whole.
    pub(super) fn first(value: f64, out: &mut BitWriter) -> XorColumn {
        out.bits(value.to_bits(), 64);
        XorColumn {
            bits: value.to_bits(),
            window: None,
        }
    }

    /// Writes the next value.
    pub(super) fn next(&mut self, value: f64, out: &mut BitWriter) {
        let xor = self.bits ^ value.to_bits();
        self.bits = value.to_bits();
        out.bit(xor != 0);
        if xor == 0 {
            return;
        }
        let (leading, trailing) = (xor.leading_zeros().min(31), xor.trailing_zeros());
        let (leading, trailing) = match self.window {
            Some(window) if leading >= window.0 && trailing >= window.1 => {
                out.bit(false);
                window
            }
            _ => {
                out.bit(true);
                out.bits(u64::from(leading), 5);
                // Six bits hold no 64, which is written as 0.
                out.bits(u64::from(64 - leading - trailing), 6);
                self.window = Some((leading, trailing));
                (leading, trailing)
            }
        };
        out.bits(xor >> trailing, 64 - leading - trailing);
    }
}

/// A chunk in the making.
#[derive(Debug, Default)]
pub(super) struct XorChunk {
    out: BitWriter,
    count: u16,
    first_ms: i64,
    last_ms: i64,
    delta: i64,
    value: Option<XorColumn>,
}

impl XorChunk {
    pub(super) fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Appends a sample that is not older than the one before.
    pub(super) fn push(&mut self, ms: i64, value: f64) {
        let delta = ms.wrapping_sub(self.last_ms);
        match (&mut self.value, self.count) {
            (Some(column), 1) => {
                self.out.uvarint(delta.cast_unsigned());
                column.next(value, &mut self.out);
            }
            (Some(column), _) => {
                time(&mut self.out, delta.wrapping_sub(self.delta));
                column.next(value, &mut self.out);
            }
            (None, _) => {
                self.out = BitWriter::behind(&[0, 0]);
                self.out.varint(ms);
                self.value = Some(XorColumn::first(value, &mut self.out));
                self.first_ms = ms;
            }
        }
        self.delta = if self.count == 0 { 0 } else { delta };
        self.last_ms = ms;
        self.count += 1;
    }

    pub(super) fn finish(mut self) -> EncodedChunk {
        if let Some(head) = self.out.bytes_mut().first_chunk_mut::<2>() {
            *head = self.count.to_be_bytes();
        }
        EncodedChunk {
            encoding: Encoding::Xor,
            min_ms: self.first_ms,
            max_ms: self.last_ms,
            data: self.out.finish(),
        }
    }
}

/// A delta of delta in one of five widths.
fn time(out: &mut BitWriter, change: i64) {
    let (prefix, ones, width) = match signed_width(change) {
        0 => (0, 1, 0),
        1..=14 => (0b10, 2, 14),
        15..=17 => (0b110, 3, 17),
        18..=20 => (0b1110, 4, 20),
        _ => (0b1111, 4, 64),
    };
    out.bits(prefix, ones);
    out.bits(change.cast_unsigned(), width);
}
