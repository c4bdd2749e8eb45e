//! A frame: length, checksum, kind, payload. The unit of every log and of small files.
//!
//! ```text
//! u32 LE   length of the payload
//! u32 LE   CRC-32C of kind and payload
//! u8       kind, the owner's business
//! ...      payload
//! ```
//! A reader takes what checks out and stops at the first frame that does not.

/// Bytes before the payload.
pub const HEADER_LEN: usize = 9;

/// No payload is longer: a longer length is corruption, not data.
pub const MAX_PAYLOAD: usize = 256 << 20;

/// Appends one frame to `out`.
pub fn encode(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(HEADER_LEN + payload.len());
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&checksum(kind, payload).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(payload);
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload)
}

/// A frame read from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The owner's business.
    pub kind: u8,
    /// The payload, checked.
    pub payload: &'a [u8],
}

/// Why a frame does not check out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The bytes end within the frame, as after a torn write.
    #[error("frame is cut short")]
    Short,
    /// The length cannot be true.
    #[error("frame length is out of bounds")]
    Length,
    /// The checksum differs.
    #[error("checksum does not match")]
    Checksum,
}

/// Reads the frame at the start of `bytes`; gives it and its whole length, `None` where nothing is left.
///
/// # Errors
/// The frame is torn or corrupt.
pub fn decode(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, BadFrame> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (len, rest) = split_u32(bytes)?;
    let (expected, rest) = split_u32(rest)?;
    let len = len as usize;
    if len > MAX_PAYLOAD {
        return Err(BadFrame::Length);
    }
    let (&kind, rest) = rest.split_first().ok_or(BadFrame::Short)?;
    let payload = rest.get(..len).ok_or(BadFrame::Short)?;
    // Fuzz targets are to get to what lies behind the checksum.
    if !cfg!(fuzzing) && checksum(kind, payload) != expected {
        return Err(BadFrame::Checksum);
    }
    Ok(Some((Frame { kind, payload }, HEADER_LEN + len)))
}

fn split_u32(bytes: &[u8]) -> Result<(u32, &[u8]), BadFrame> {
    let (head, rest) = bytes.split_first_chunk::<4>().ok_or(BadFrame::Short)?;
    Ok((u32::from_le_bytes(*head), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_follow_one_another() {
        let mut bytes = Vec::new();
        encode(1, b"one", &mut bytes);
        encode(2, b"", &mut bytes);
        let (first, used) = decode(&bytes).unwrap().unwrap();
        assert_eq!(
            first,
            Frame {
                kind: 1,
                payload: b"one"
            }
        );
        let (second, rest) = decode(&bytes[used..]).unwrap().unwrap();
        assert_eq!(
            second,
            Frame {
                kind: 2,
                payload: b""
            }
        );
        assert_eq!(decode(&bytes[used + rest..]), Ok(None));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let mut bytes = Vec::new();
        encode(7, b"payload", &mut bytes);
        for cut in 1..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), Err(BadFrame::Short), "cut at {cut}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bad).is_err(), "bit {bit}");
        }
    }
}
