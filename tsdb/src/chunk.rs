//! A chunk: a run of samples of one series, compressed.
//!
//! This is the codec's boundary: columns in, bytes out, and back. Today's only codec is the one of Facebook's
//! Gorilla paper (Pelkonen et al., VLDB 2015): timestamps as deltas of deltas in the bit widths Prometheus uses,
//! values as XOR with their predecessor. It is exact for every float64, NaN payloads included, and for every
//! strictly increasing run of i64 timestamps. Cost: a few shifts a sample each way, measured by the bench
//! `engine`; two bits a sample where nothing changes, below two bytes on typical series. Format:
//! docs/format/block.md, "Chunk".

mod bits;

use model::metrics::Samples;

use crate::bytes::{Cursor, Malformed, put_signed, put_varint};
use bits::{BitReader, BitWriter};

/// A series' open buffer is sealed into a chunk at this many samples: two chunks an hour at a 15 s interval, and
/// where the codec has found its pace.
pub const CHUNK_SAMPLES: usize = 120;

/// No chunk holds more: a larger count is corruption.
const MAX_SAMPLES: u64 = 1 << 16;

/// The codec's number, the first byte of each chunk.
const GORILLA: u8 = 1;

/// Widths in bits of a delta of deltas, tried in order, behind prefixes `10`, `110`, `1110`; `0` says none and
/// `1111` all 64.
const WIDTHS: [u32; 3] = [14, 17, 20];

/// Compresses columns of equal length with strictly increasing timestamps; at most `u16::MAX` samples.
pub fn encode(timestamps: &[i64], values: &[f64]) -> Vec<u8> {
    let count = timestamps.len().min(values.len()).min(MAX_SAMPLES as usize);
    let mut head = Vec::with_capacity(24 + count * 2);
    head.push(GORILLA);
    put_varint(&mut head, count as u64);
    let mut columns = timestamps.iter().zip(values).take(count);
    let Some((&first_ts, first_value)) = columns.next() else {
        return head;
    };
    put_signed(&mut head, first_ts);
    head.extend_from_slice(&first_value.to_bits().to_le_bytes());
    let mut bits = BitWriter::new(head);
    let (mut ts, mut delta) = (first_ts, 0i64);
    let mut xor = Xor::new(first_value.to_bits());
    for (&next_ts, value) in columns {
        let next_delta = next_ts.wrapping_sub(ts);
        put_delta2(&mut bits, next_delta.wrapping_sub(delta));
        xor.put(&mut bits, value.to_bits());
        (ts, delta) = (next_ts, next_delta);
    }
    bits.finish()
}

/// Decompresses the first `take` samples and appends those from `start_ms` to `end_ms` (inclusive) to `out`.
///
/// # Errors
/// The bytes are no chunk of a known codec. `out` may have grown.
pub(crate) fn decode_into(
    bytes: &[u8],
    take: usize,
    start_ms: i64,
    end_ms: i64,
    out: &mut Samples,
) -> Result<(), Malformed> {
    let mut cursor = Cursor::new(bytes);
    if cursor.u8()? != GORILLA {
        return Err(Malformed);
    }
    let count = cursor.varint()?;
    // Each sample after the first takes two bits at least.
    if count > MAX_SAMPLES || count > 1 + 4 * bytes.len() as u64 {
        return Err(Malformed);
    }
    let take = (count as usize).min(take);
    if take == 0 {
        return Ok(());
    }
    let mut ts = cursor.signed()?;
    let mut xor = Xor::new(cursor.u64_le()?);
    let mut bits = BitReader::new(cursor.rest());
    let mut delta = 0i64;
    for i in 0..take {
        if i > 0 {
            delta = delta.wrapping_add(delta2(&mut bits)?);
            let next = ts.wrapping_add(delta);
            if next <= ts {
                return Err(Malformed);
            }
            ts = next;
            xor.read(&mut bits)?;
        }
        if ts > end_ms {
            break;
        }
        if ts >= start_ms {
            out.push(ts, f64::from_bits(xor.value));
        }
    }
    Ok(())
}

/// How many samples a chunk says it has.
pub(crate) fn count(bytes: &[u8]) -> Result<u32, Malformed> {
    let mut cursor = Cursor::new(bytes);
    cursor.u8()?;
    cursor.u32_varint()
}

/// Decompresses a whole chunk.
///
/// # Errors
/// The bytes are no chunk, as text to show.
pub fn decode(bytes: &[u8], out: &mut Samples) -> Result<(), String> {
    decode_into(bytes, usize::MAX, i64::MIN, i64::MAX, out).map_err(|e| e.to_string())
}

fn put_delta2(bits: &mut BitWriter, delta2: i64) {
    if delta2 == 0 {
        return bits.put(0, 1);
    }
    for (i, width) in WIDTHS.into_iter().enumerate() {
        let half = 1i64 << (width - 1);
        if (1 - half..=half).contains(&delta2) {
            let ones = i as u32 + 1;
            bits.put(((1 << ones) - 1) << 1, ones + 1);
            return bits.put(delta2 as u64 & ((1 << width) - 1), width);
        }
    }
    bits.put(0b1111, 4);
    bits.put(delta2 as u64, 64);
}

fn delta2(bits: &mut BitReader<'_>) -> Result<i64, Malformed> {
    if !bits.bit()? {
        return Ok(0);
    }
    for width in WIDTHS {
        if !bits.bit()? {
            let raw = bits.get(width)? as i64;
            let half = 1i64 << (width - 1);
            return Ok(if raw > half { raw - (1 << width) } else { raw });
        }
    }
    Ok(bits.get(64)? as i64)
}

/// The predecessor's bits and the window of meaningful bits that its XOR used.
struct Xor {
    value: u64,
    leading: u32,
    len: u32,
}

impl Xor {
    fn new(value: u64) -> Self {
        Xor {
            value,
            leading: 0,
            len: 0,
        }
    }

    fn put(&mut self, bits: &mut BitWriter, value: u64) {
        let xor = self.value ^ value;
        self.value = value;
        if xor == 0 {
            return bits.put(0, 1);
        }
        // Five bits hold the leading zeros: 31 at most.
        let leading = xor.leading_zeros().min(31);
        let trailing = xor.trailing_zeros();
        if self.len > 0 && leading >= self.leading && trailing >= 64 - self.leading - self.len {
            bits.put(0b10, 2);
            return bits.put(xor >> (64 - self.leading - self.len), self.len);
        }
        self.leading = leading;
        self.len = 64 - leading - trailing;
        bits.put(0b11, 2);
        bits.put(u64::from(leading), 5);
        bits.put(u64::from(self.len - 1), 6);
        bits.put(xor >> trailing, self.len);
    }

    fn read(&mut self, bits: &mut BitReader<'_>) -> Result<(), Malformed> {
        if !bits.bit()? {
            return Ok(());
        }
        if bits.bit()? {
            self.leading = bits.get(5)? as u32;
            self.len = bits.get(6)? as u32 + 1;
        }
        if self.len == 0 || self.leading + self.len > 64 {
            return Err(Malformed);
        }
        self.value ^= bits.get(self.len)? << (64 - self.leading - self.len);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
