//! Start timestamps of a series as bytes: mostly one change, in a handful of bytes.
//!
//! ```text
//! varint   number of changes
//!   signed   the time from which on, in milliseconds, less that of the change before (the first: less the base)
//!   signed   the time from which on less the start, in milliseconds
//! ```
//! The base is a time that the reader knows, such as that of the series' first sample: it makes the first change short.

use model::Starts;

use super::Malformed;
use crate::bytes::{Cursor, put_signed, put_varint};

/// Appends the changes to `out`.
pub fn encode_starts(starts: &Starts, base_ms: i64, out: &mut Vec<u8>) {
    put_varint(out, starts.changes().len() as u64);
    let mut before_ms = base_ms;
    for &(from_ms, start_ms) in starts.changes() {
        put_signed(out, from_ms.wrapping_sub(before_ms));
        put_signed(out, from_ms.wrapping_sub(start_ms));
        before_ms = from_ms;
    }
}

/// Appends the changes encoded at the beginning of `bytes` to `into` and gives how many bytes they took. What does not
/// come in order of time is dropped.
///
/// # Errors
/// No encoding of starts; `into` has what came before the damage.
pub fn decode_starts(bytes: &[u8], base_ms: i64, into: &mut Starts) -> Result<usize, Malformed> {
    let mut cursor = Cursor::new(bytes);
    let mut from_ms = base_ms;
    for _ in 0..cursor.count()? {
        from_ms = from_ms.wrapping_add(cursor.signed()?);
        let start_ms = from_ms.wrapping_sub(cursor.signed()?);
        into.push(from_ms, start_ms);
    }
    Ok(bytes.len() - cursor.rest().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn one_start_takes_a_handful_of_bytes() {
        let mut starts = Starts::default();
        starts.push(1_700_000_000_000, 1_699_990_000_000);
        let mut bytes = Vec::new();
        encode_starts(&starts, 1_700_000_000_000, &mut bytes);
        assert_eq!(bytes.len(), 6);
    }

    #[test]
    fn changes_come_back_and_bad_bytes_do_no_harm() {
        let mut random = Random::new(4);
        for _ in 0..200 {
            let mut starts = Starts::default();
            let mut from = i64::MIN;
            for _ in 0..random.below(6) {
                from = from.saturating_add(random.next() as i64 & i64::MAX >> random.below(60));
                starts.push(from, random.next() as i64);
            }
            let base = random.next() as i64;
            let mut bytes = vec![];
            encode_starts(&starts, base, &mut bytes);
            let len = bytes.len();
            bytes.push(1);
            let mut back = Starts::default();
            assert_eq!(decode_starts(&bytes, base, &mut back), Ok(len));
            assert_eq!(back, starts);
            let at = random.below(len as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
            let _ = decode_starts(&bytes, base, &mut back);
            bytes.truncate(at);
            assert_eq!(
                decode_starts(&bytes, base, &mut Starts::default()),
                Err(Malformed)
            );
        }
    }
}
