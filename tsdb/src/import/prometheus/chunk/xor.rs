//! Chunks of floats: delta of delta for times, XOR with the value before for values.
//!
//! Pelkonen et al., "Gorilla: A Fast, Scalable, In-Memory Time Series Database", VLDB 2015, with Prometheus' widths.

use model::metrics::Samples;

use super::bits::Bits;
use crate::bytes::Malformed;

/// The last value, and where its XOR with the one before had its bits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Xor {
    bits: u64,
    leading: u32,
    trailing: u32,
}

impl Xor {
    /// The first value, whole.
    pub(super) fn first(bits: &mut Bits<'_>) -> Result<Xor, Malformed> {
        Ok(Xor {
            bits: bits.bits(64)?,
            ..Xor::default()
        })
    }

    pub(super) fn value(self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// The next value.
    pub(super) fn next(&mut self, bits: &mut Bits<'_>) -> Result<f64, Malformed> {
        if bits.bit()? {
            let new_window = bits.bit()?;
            return self.changed(new_window, bits);
        }
        Ok(self.value())
    }

    /// The next value, which differs from the last, in the same window of bits or in a new one.
    pub(super) fn changed(&mut self, new_window: bool, bits: &mut Bits<'_>) -> Result<f64, Malformed> {
        if new_window {
            self.leading = bits.bits(5)? as u32;
            // Of 64 bits only six are written.
            let significant = match bits.bits(6)? as u32 {
                0 => 64,
                n => n,
            };
            self.trailing = 64u32.checked_sub(self.leading + significant).ok_or(Malformed)?;
        }
        let significant = 64 - self.leading - self.trailing;
        self.bits ^= bits.bits(significant)? << self.trailing;
        Ok(self.value())
    }
}

pub(super) fn decode(data: &[u8], out: &mut Samples) -> Result<(), Malformed> {
    let (count, data) = data.split_first_chunk::<2>().ok_or(Malformed)?;
    let count = u16::from_be_bytes(*count);
    if count == 0 {
        return Ok(());
    }
    let mut bits = Bits::new(data);
    let mut time = bits.varint()?;
    let mut value = Xor::first(&mut bits)?;
    out.push(time, value.value());
    let mut delta = 0i64;
    for i in 1..count {
        if i == 1 {
            delta = bits.uvarint()? as i64;
        } else {
            let widths = [0, 14, 17, 20, 64];
            let width = *widths.get(bits.ones(4)? as usize).ok_or(Malformed)?;
            if width > 0 {
                delta = delta.wrapping_add(bits.signed(width)?);
            }
        }
        time = time.wrapping_add(delta);
        out.push(time, value.next(&mut bits)?);
    }
    Ok(())
}
