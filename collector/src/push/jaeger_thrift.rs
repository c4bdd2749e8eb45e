//! What Jaeger's own clients send: a `jaeger.thrift` batch, bare over HTTP (`POST /api/traces`, binary
//! protocol) or as the call `emitBatch` in a datagram (compact on port 6831, binary on 6832).
//!
//! Both protocols are read by hand, without copies but those the spans keep, and without generated code. IDL:
//! <https://github.com/jaegertracing/jaeger-idl/blob/main/thrift/jaeger.thrift>. Times are microseconds there.

mod batch;
mod binary;
mod compact;
mod protocol;

use model::spans::Span;

use super::{Decoded, PushError};
use binary::Binary;
use compact::Compact;
use protocol::{Protocol, ThriftError};

/// More spans than this in one batch are refused.
pub const MAX_SPANS: usize = 200_000;

/// The two encodings of Thrift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `TBinaryProtocol`, with or without its strict header.
    Binary,
    /// `TCompactProtocol`
    Compact,
}

/// Reads a batch, as HTTP brings it.
///
/// # Errors
/// [`PushError::Malformed`] where the bytes are no batch, [`PushError::TooLarge`] beyond [`MAX_SPANS`].
pub fn decode_batch(encoding: Encoding, bytes: &[u8]) -> Result<Decoded<Vec<Span>>, PushError> {
    match encoding {
        Encoding::Binary => batch::batch(&mut Binary::new(bytes)),
        Encoding::Compact => batch::batch(&mut Compact::new(bytes)),
    }
    .map_err(push_error)
}

/// Reads the call `emitBatch` with its batch, as a datagram brings it.
///
/// # Errors
/// As for [`decode_batch`], and where it is another call.
pub fn decode_emit_batch(encoding: Encoding, bytes: &[u8]) -> Result<Decoded<Vec<Span>>, PushError> {
    match encoding {
        Encoding::Binary => emit_batch(&mut Binary::new(bytes)),
        Encoding::Compact => emit_batch(&mut Compact::new(bytes)),
    }
    .map_err(push_error)
}

/// `oneway void emitBatch(1: Batch batch)`
fn emit_batch<'a>(protocol: &mut impl Protocol<'a>) -> Result<Decoded<Vec<Span>>, ThriftError> {
    let name = protocol.message()?;
    if name != b"emitBatch" {
        let shown = String::from_utf8_lossy(name.get(..64).unwrap_or(name)).into_owned();
        return Err(ThriftError::Method(shown));
    }
    let mut decoded = Decoded::all(Vec::new());
    protocol.fields(|protocol, id, kind| match id {
        1 => {
            decoded = batch::batch(protocol)?;
            Ok(())
        }
        _ => protocol.skip(kind),
    })?;
    Ok(decoded)
}

fn push_error(error: ThriftError) -> PushError {
    match error {
        ThriftError::TooMany(limit) => PushError::TooLarge {
            limit: limit as u64,
            unit: "spans",
        },
        other => PushError::malformed("Jaeger batch", &other),
    }
}

#[cfg(test)]
mod tests;
