//! Values that do not fit their column's scheme, by position: stale markers, infinities, -0.0, odd floats.
//!
//! Runs of one bit pattern are one entry, so a series that was stale for an hour costs a few bytes.

use crate::bytes::{Cursor, Malformed, put_varint};

/// A run of equal bit patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) bits: u64,
}

/// Bit patterns with a code of their own; any other is written out behind [`OTHER`].
/// The stale marker of Prometheus, its quiet NaN, the one of most processors, both infinities, -0.0.
const KNOWN: [u64; 6] = [
    0x7ff0_0000_0000_0002,
    0x7ff8_0000_0000_0001,
    0x7ff8_0000_0000_0000,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x8000_0000_0000_0000,
];
const OTHER: u8 = 7;
/// Bits of the code in a run's byte; the rest is the run's length, where 31 means that a varint follows.
const CODE_BITS: u32 = 3;
const LONG: usize = 31;

/// Whether a value never has a place among numbers: not finite, or the zero that integers do not know.
pub(super) fn is_special(value: f64) -> bool {
    !value.is_finite() || value.to_bits() == (-0.0f64).to_bits()
}

/// Adds the value at `at`, which is behind all others.
pub(super) fn add(runs: &mut Vec<Run>, at: usize, value: f64) {
    let bits = value.to_bits();
    match runs.last_mut() {
        Some(run) if run.bits == bits && run.start + run.len == at => run.len += 1,
        _ => runs.push(Run {
            start: at,
            len: 1,
            bits,
        }),
    }
}

/// Appends the runs behind their number.
pub(super) fn encode(runs: &[Run], out: &mut Vec<u8>) {
    put_varint(out, runs.len() as u64);
    let mut end = 0;
    for run in runs {
        put_varint(out, (run.start - end) as u64);
        let code = KNOWN
            .iter()
            .position(|bits| *bits == run.bits)
            .map_or(OTHER, |code| code as u8);
        out.push(code | ((run.len - 1).min(LONG) << CODE_BITS) as u8);
        if run.len > LONG {
            put_varint(out, (run.len - 1 - LONG) as u64);
        }
        if code == OTHER {
            out.extend_from_slice(&run.bits.to_le_bytes());
        }
        end = run.start + run.len;
    }
}

/// Writes the runs over `column`.
pub(super) fn decode(cursor: &mut Cursor<'_>, column: &mut [f64]) -> Result<(), Malformed> {
    let runs = cursor.count()?;
    let mut rest = column;
    for _ in 0..runs {
        let gap = usize::try_from(cursor.varint()?).map_err(|_| Malformed)?;
        let head = cursor.u8()?;
        let mut len = usize::from(head >> CODE_BITS);
        if len == LONG {
            len = usize::try_from(cursor.varint()?)
                .ok()
                .and_then(|more| more.checked_add(LONG))
                .ok_or(Malformed)?;
        }
        let code = head & ((1 << CODE_BITS) - 1);
        let bits = match KNOWN.get(usize::from(code)) {
            Some(bits) => *bits,
            None if code == OTHER => cursor.u64_le()?,
            None => return Err(Malformed),
        };
        let (_, behind) = rest.split_at_mut_checked(gap).ok_or(Malformed)?;
        let len = len.checked_add(1).ok_or(Malformed)?;
        let (run, behind) = behind.split_at_mut_checked(len).ok_or(Malformed)?;
        run.fill(f64::from_bits(bits));
        rest = behind;
    }
    Ok(())
}
