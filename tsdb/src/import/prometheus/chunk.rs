//! Chunks: a run of samples of one series, of one kind. Decoding appends to columns; any bytes are safe to give.
//!
//! Also what a remote read streams, so this part of the reader is public.

mod bits;
mod histogram;
mod xor;

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
}

impl Encoding {
    /// The encoding of a number.
    ///
    /// # Errors
    /// It is none, or one that is not read: the sentence says which.
    pub fn from_u8(number: u8) -> Result<Encoding, String> {
        let name = match number {
            1 => return Ok(Encoding::Xor),
            2 => return Ok(Encoding::Histogram),
            3 => return Ok(Encoding::FloatHistogram),
            4 => "XOR2",
            5 => "histogramST",
            6 => "floathistogramST",
            _ => return Err(format!("chunk encoding {number} is not known")),
        };
        Err(format!(
            "chunk encoding {name} ({number}), with start timestamps, is not read; those written without that feature are"
        ))
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
        Encoding::Histogram => histogram::decode::<histogram::Whole>(data, out)?,
        Encoding::FloatHistogram => histogram::decode::<xor::Xor>(data, out)?,
    }
    Ok(())
}
