//! Columns of numbers as bytes: values and timestamps of one series.
//!
//! Pure functions without state. An encoding describes itself given the number of numbers in it, which the
//! caller keeps (a block's chunk index, a sealed run). Every bit pattern of a value comes back as it was, so
//! stale markers, other NaN payloads, -0.0 and infinities survive. Decoders take any bytes: they fail, or fill
//! `count` numbers, and never panic. `docs/format/codec.md` draws the bytes.
//!
//! Values become integers ([`decimal`], [`values`]), integers become small residuals ([`integers`]), residuals
//! become bits ([`packed`] or [`entropy`]).

mod bits;
mod decimal;
mod entropy;
mod exceptions;
mod integers;
mod packed;
mod scratch;
#[cfg(test)]
mod tests;
mod values;

pub mod histogram;
pub mod starts;

pub use crate::bytes::Malformed;

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
    scratch::with(|scratch| values::encode(values, effort, scratch, out));
}

/// Appends the `count` values encoded at the beginning of `bytes` to `out` and returns how many bytes they took.
/// After an error the length of `out` is as before.
pub fn decode_values(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<usize, Malformed> {
    let before = out.len();
    let result = scratch::with(|scratch| values::decode(bytes, count, scratch, out));
    if result.is_err() {
        out.truncate(before);
    }
    result
}

/// Appends a column of timestamps to `out`: any order and distance is taken, rising in even steps is what is short.
pub fn encode_timestamps(timestamps: &[i64], out: &mut Vec<u8>) {
    encode_integers(timestamps, Effort::Best, out);
}

/// Appends the `count` timestamps encoded at the beginning of `bytes` to `out` and returns how many bytes they took.
/// After an error the length of `out` is as before.
pub fn decode_timestamps(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Result<usize, Malformed> {
    decode_integers(bytes, count, out)
}

/// Appends a column of integers to `out`.
pub(crate) fn encode_integers(column: &[i64], effort: Effort, out: &mut Vec<u8>) {
    scratch::with(|scratch| integers::encode(column, effort, &mut scratch.residuals, out));
}

/// Appends the `count` integers encoded at the beginning of `bytes` to `out` and returns how many bytes they took.
/// After an error the length of `out` is as before.
pub(crate) fn decode_integers(bytes: &[u8], count: usize, out: &mut Vec<i64>) -> Result<usize, Malformed> {
    let before = out.len();
    let mut cursor = crate::bytes::Cursor::new(bytes);
    match scratch::with(|scratch| integers::decode(&mut cursor, count, &mut scratch.table, out)) {
        Ok(()) => Ok(bytes.len() - cursor.rest().len()),
        Err(malformed) => {
            out.truncate(before);
            Err(malformed)
        }
    }
}
