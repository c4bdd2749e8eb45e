//! The first step of every push: undoing the compression of a request's body.
//!
//! Costs one copy of the body; identity is free. The bound is on what comes out, so that a small body cannot
//! unpack to fill the memory.

use std::borrow::Cow;
use std::io::Read;

use super::PushError;

/// The bound on a decompressed body that receivers start from, in bytes.
pub const DEFAULT_MAX_BODY: usize = 32 << 20;

/// A `Content-Encoding` that receivers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// RFC 1952; several members one after the other too.
    Gzip,
    /// RFC 1950, which HTTP calls `deflate`.
    Deflate,
    /// Snappy's block format, as remote write and Loki's push use it (not the framed one).
    Snappy,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// Reads the value of a `Content-Encoding` header; none and "" mean identity.
    ///
    /// # Errors
    /// [`PushError::Unsupported`] where it is none of the known ones, several at once included.
    pub fn from_header(value: Option<&str>) -> Result<Encoding, PushError> {
        let value = value.unwrap_or("").trim();
        let known = [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("snappy", Encoding::Snappy),
            ("zstd", Encoding::Zstd),
        ];
        let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(value));
        found
            .map(|(_, encoding)| *encoding)
            .ok_or_else(|| PushError::Unsupported {
                what: format!("content encoding {value:?}; supported: gzip, deflate, snappy, zstd, identity"),
            })
    }
}

/// The body without its compression, at most `limit` bytes of it.
///
/// # Errors
/// [`PushError::Malformed`] where the bytes are not of that encoding, [`PushError::TooLarge`] where they
/// unpack to more than `limit`.
pub fn decode(encoding: Encoding, body: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, PushError> {
    match encoding {
        Encoding::Identity if body.len() > limit => Err(PushError::too_many_bytes(limit)),
        Encoding::Identity => Ok(Cow::Borrowed(body)),
        Encoding::Gzip => read_capped("gzip body", flate2::read::MultiGzDecoder::new(body), limit),
        Encoding::Deflate => read_capped("deflate body", flate2::read::ZlibDecoder::new(body), limit),
        Encoding::Snappy => snappy(body, limit),
        Encoding::Zstd => {
            let decoder =
                zstd::Decoder::with_buffer(body).map_err(|e| PushError::malformed("zstd body", &e))?;
            read_capped("zstd body", decoder, limit)
        }
    }
}

fn snappy(body: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, PushError> {
    let mut out = Vec::new();
    let len = snappy_into(body, limit, &mut out)?.len();
    out.truncate(len);
    Ok(Cow::Owned(out))
}

/// Unpacks snappy's block format into the front of `buffer`, which grows to the largest content it has held and is
/// never zeroed twice. Snappy says in front how long its content is, so the bound is checked before anything is
/// allocated.
///
/// # Errors
/// As for [`decode`].
pub fn snappy_into<'a>(body: &[u8], limit: usize, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], PushError> {
    let malformed = |e: snap::Error| PushError::malformed("snappy body", &e);
    if body.is_empty() {
        return Ok(&[]);
    }
    let len = snap::raw::decompress_len(body).map_err(malformed)?;
    if len > limit {
        return Err(PushError::too_many_bytes(limit));
    }
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    let room = buffer.get_mut(..len).unwrap_or_default();
    let written = snap::raw::Decoder::new()
        .decompress(body, room)
        .map_err(malformed)?;
    Ok(room.get(..written).unwrap_or_default())
}

fn read_capped<'a>(what: &'static str, reader: impl Read, limit: usize) -> Result<Cow<'a, [u8]>, PushError> {
    let mut out = Vec::new();
    let one_more = (limit as u64).saturating_add(1);
    reader
        .take(one_more)
        .read_to_end(&mut out)
        .map_err(|e| PushError::malformed(what, &e))?;
    if out.len() > limit {
        return Err(PushError::too_many_bytes(limit));
    }
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests;
