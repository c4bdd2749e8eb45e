//! Chunks: a run of samples of one series, of one kind. Decoding appends to columns; any bytes are safe to give.
//! Encoding is [beside it](encode).
//!
//! Also what a remote read streams, so this part of the reader is public.

mod bits;
pub(super) mod encode;
mod histogram;
mod starts;
mod xor;
mod xor2;

use model::metrics::Samples;

pub(super) use histogram::absolute;

use crate::bytes::Malformed;

/// How a chunk is encoded, by Prometheus' numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 1: floats, after Facebook's Gorilla.
    Xor,
    /// 2: native histograms with whole counts.
    Histogram,
    /// 3: native histograms with float counts.
    FloatHistogram,
    /// 4: floats with start timestamps.
    Xor2,
    /// 5: native histograms with whole counts and start timestamps.
    HistogramSt,
    /// 6: native histograms with float counts and start timestamps.
    FloatHistogramSt,
}

impl Encoding {
    /// The number of an encoding.
    pub fn as_u8(self) -> u8 {
        match self {
            Encoding::Xor => 1,
            Encoding::Histogram => 2,
            Encoding::FloatHistogram => 3,
            Encoding::Xor2 => 4,
            Encoding::HistogramSt => 5,
            Encoding::FloatHistogramSt => 6,
        }
    }

    /// The encoding of a number.
    ///
    /// # Errors
    /// It is none that is known.
    pub fn from_u8(number: u8) -> Result<Encoding, String> {
        Ok(match number {
            1 => Encoding::Xor,
            2 => Encoding::Histogram,
            3 => Encoding::FloatHistogram,
            4 => Encoding::Xor2,
            5 => Encoding::HistogramSt,
            6 => Encoding::FloatHistogramSt,
            _ => return Err(format!("chunk encoding {number} is not known")),
        })
    }
}

/// Why a chunk is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedChunk;

impl From<Malformed> for MalformedChunk {
    fn from(_: Malformed) -> Self {
        MalformedChunk
    }
}

impl std::fmt::Display for MalformedChunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("does not decode")
    }
}

impl std::error::Error for MalformedChunk {}

/// Appends a chunk's samples to `out`, in the order of the chunk, whatever their times are: foreign chunks need not be
/// in order. Histograms are as the chunk says, valid or not.
///
/// # Errors
/// The bytes are no such chunk; `out` may hold a part of it.
pub fn decode(encoding: Encoding, data: &[u8], out: &mut Samples) -> Result<(), MalformedChunk> {
    match encoding {
        Encoding::Xor => xor::decode(data, out)?,
        Encoding::Xor2 => xor2::decode(data, out)?,
        Encoding::Histogram => histogram::decode::<histogram::Whole>(data, false, out)?,
        Encoding::HistogramSt => histogram::decode::<histogram::Whole>(data, true, out)?,
        Encoding::FloatHistogram => histogram::decode::<xor::Xor>(data, false, out)?,
        Encoding::FloatHistogramSt => histogram::decode::<xor::Xor>(data, true, out)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
