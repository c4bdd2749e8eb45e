//! Patched bit-packing (after Zukowski, Héman, Nes and Boncz, "Super-scalar RAM-CPU cache compression", 2006):
//! groups of 128 residuals at the width that is cheapest for the group, the few that are wider patched.
//!
//! About a nanosecond a residual either way; the cost of a group beyond its bits is one byte.

use super::bits::{BitReader, BitWriter, STEP_BITS, mask};
use crate::bytes::{Cursor, Malformed, put_varint};

/// Residuals in a group.
const GROUP: usize = 128;
/// Set in a group's first byte when patches follow its bits.
const PATCHED: u8 = 0x80;

/// How many bits `value` needs.
pub(super) fn width(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// The bytes [`encode`] would append.
pub(super) fn cost(residuals: &[u64]) -> usize {
    residuals.chunks(GROUP).map(|group| plan(group).1).sum()
}

/// Appends residuals to `out`.
pub(super) fn encode(residuals: &[u64], out: &mut Vec<u8>) {
    for group in residuals.chunks(GROUP) {
        let (bits, _) = plan(group);
        let at = out.len();
        out.push(bits as u8);
        let mut writer = BitWriter::new(out);
        let mut wider = 0u8;
        for residual in group {
            writer.put(residual & mask(bits), bits);
            wider += u8::from(width(*residual) > bits);
        }
        writer.finish();
        if wider > 0 {
            out[at] |= PATCHED;
            put_patches(group, bits, wider, out);
        }
    }
}

fn put_patches(group: &[u64], bits: u32, wider: u8, out: &mut Vec<u8>) {
    out.push(wider);
    for (at, residual) in group
        .iter()
        .enumerate()
        .filter(|(_, residual)| width(**residual) > bits)
    {
        out.push(at as u8);
        put_varint(out, residual >> bits);
    }
}

/// The width that makes a group smallest, and its size in bytes with everything.
fn plan(group: &[u64]) -> (u32, usize) {
    let mut counts = [0u16; 65];
    let mut all = 0;
    for residual in group {
        counts[width(*residual) as usize] += 1;
        all |= residual;
    }
    let widest = width(all);
    let mut best = (widest, (group.len() * widest as usize).div_ceil(8));
    // Patches by width modulo the bits of a varint's byte: one of these grows by a byte with every bit less.
    let mut by_rest = [0usize; 7];
    let (mut wider, mut patches) = (0, 0);
    for bits in (0..widest).rev() {
        let rest = &mut by_rest[(bits as usize + 1) % 7];
        let more = usize::from(counts[bits as usize + 1]);
        patches += *rest + 2 * more;
        *rest += more;
        wider += more;
        let bytes = (group.len() * bits as usize).div_ceil(8) + 1 + patches;
        if bytes < best.1 {
            best = (bits, bytes);
        }
        // Each is a position and a byte at least.
        if wider * 2 > best.1 {
            break;
        }
    }
    (best.0, best.1 + 1)
}

/// Appends `count` residuals to `out`.
pub(super) fn decode(cursor: &mut Cursor<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), Malformed> {
    let mut left = count;
    while left > 0 {
        let size = left.min(GROUP);
        let head = cursor.u8()?;
        let bits = u32::from(head & !PATCHED);
        if bits > 64 {
            return Err(Malformed);
        }
        let start = out.len();
        unpack(cursor, size, bits, out)?;
        if head & PATCHED != 0 {
            patch(cursor, bits, &mut out[start..])?;
        }
        left -= size;
    }
    Ok(())
}

fn unpack(cursor: &mut Cursor<'_>, size: usize, bits: u32, out: &mut Vec<i64>) -> Result<(), Malformed> {
    if bits == 0 {
        out.resize(out.len() + size, 0);
        return Ok(());
    }
    // What follows the group is in reach of the reader too: it need not stop short of the last word.
    let mut reader = BitReader::new(cursor.rest());
    cursor.bytes((size * bits as usize).div_ceil(8))?;
    if bits <= STEP_BITS {
        out.extend((0..size).map(|_| reader.take_step(bits) as i64));
    } else {
        out.extend((0..size).map(|_| reader.take(bits) as i64));
    }
    Ok(())
}

fn patch(cursor: &mut Cursor<'_>, bits: u32, group: &mut [i64]) -> Result<(), Malformed> {
    let patches = cursor.u8()?;
    for _ in 0..patches {
        let at = usize::from(cursor.u8()?);
        let high = cursor.varint()?;
        let residual = group.get_mut(at).ok_or(Malformed)?;
        *residual |= high.checked_shl(bits).ok_or(Malformed)? as i64;
    }
    Ok(())
}
