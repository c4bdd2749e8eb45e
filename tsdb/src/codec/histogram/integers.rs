//! A column of whole numbers that mostly rise: the steps between them, less the smallest one, packed into bits.
//!
//! The few steps that need more bits than the others carry what is left of them behind the packed ones (patched
//! frame of reference: Zukowski et al., "Super-Scalar RAM-CPU Cache Compression", 2006). Here the first number is
//! known from elsewhere.

use super::Malformed;
use crate::bytes::{Cursor, put_signed, put_varint};

/// The whole encoding of a column whose numbers are all the same.
const CONSTANT: u8 = 0x7f;
/// Marks a width behind which exceptions follow.
const PATCHED: u8 = 0x80;
/// What an exception costs beside its bits: a distance and, on average, half a byte lost.
const EXCEPTION_BITS: usize = 12;

/// Appends the column but for its first number. A column of one takes no bytes.
pub(super) fn encode(column: &[u64], out: &mut Vec<u8>) {
    let pairs = column.iter().zip(column.iter().skip(1));
    let steps: Vec<i64> = pairs.map(|(a, b)| b.wrapping_sub(*a) as i64).collect();
    let Some(&least) = steps.iter().min() else { return };
    if steps.iter().all(|step| *step == 0) {
        out.push(CONSTANT);
        return;
    }
    let above: Vec<u64> = steps.iter().map(|step| step.wrapping_sub(least) as u64).collect();
    let width = best_width(&above);
    let exceptions: Vec<(usize, u64)> = above
        .iter()
        .map(|n| high_bits(*n, width))
        .enumerate()
        .filter(|(_, high)| *high != 0)
        .collect();
    out.push(width as u8 | if exceptions.is_empty() { 0 } else { PATCHED });
    put_signed(out, least);
    pack(&above, width, out);
    if !exceptions.is_empty() {
        put_varint(out, exceptions.len() as u64);
        let mut next = 0;
        for (at, high) in exceptions {
            put_varint(out, (at - next) as u64);
            put_varint(out, high);
            next = at + 1;
        }
    }
}

/// Appends `len` numbers, the first of which is `first`.
pub(super) fn decode(
    cursor: &mut Cursor<'_>,
    first: u64,
    len: usize,
    out: &mut Vec<u64>,
) -> Result<(), Malformed> {
    let steps = len.saturating_sub(1);
    if steps == 0 {
        out.extend(std::iter::repeat_n(first, len));
        return Ok(());
    }
    let header = cursor.u8()?;
    if header == CONSTANT {
        out.extend(std::iter::repeat_n(first, len));
        return Ok(());
    }
    let width = u32::from(header & !PATCHED);
    if width > 64 {
        return Err(Malformed);
    }
    let least = cursor.signed()? as u64;
    let mut above = unpack(cursor, width, steps)?;
    if header & PATCHED != 0 {
        patch(cursor, width, &mut above)?;
    }
    let mut number = first;
    out.push(number);
    out.extend(above.into_iter().map(|step| {
        number = number.wrapping_add(least).wrapping_add(step);
        number
    }));
    Ok(())
}

fn patch(cursor: &mut Cursor<'_>, width: u32, above: &mut [u64]) -> Result<(), Malformed> {
    let mut rest = above.iter_mut();
    for _ in 0..cursor.count()? {
        let skip = usize::try_from(cursor.varint()?).map_err(|_| Malformed)?;
        let step = rest.nth(skip).ok_or(Malformed)?;
        *step |= cursor.varint()?.checked_shl(width).ok_or(Malformed)?;
    }
    Ok(())
}

fn high_bits(number: u64, width: u32) -> u64 {
    number.checked_shr(width).unwrap_or(0)
}

/// The width at which packed bits and exceptions together take the least.
fn best_width(numbers: &[u64]) -> u32 {
    let mut of_length = [0usize; 65];
    for number in numbers {
        if let Some(count) = of_length.get_mut((u64::BITS - number.leading_zeros()) as usize) {
            *count += 1;
        }
    }
    let cost = |width: u32| {
        let longer = of_length.iter().zip(0u32..).filter(|(_, bits)| *bits > width);
        let exceptions = longer.map(|(count, bits)| count * (EXCEPTION_BITS + (bits - width) as usize));
        numbers.len() * width as usize + exceptions.sum::<usize>()
    };
    (0..=64).min_by_key(|width| cost(*width)).unwrap_or(64)
}

/// Appends the low `width` bits of each number, the first in the lowest bits of the first byte.
fn pack(numbers: &[u64], width: u32, out: &mut Vec<u8>) {
    let (mut held, mut bits) = (0u128, 0u32);
    for number in numbers {
        held |= u128::from(number & low_bits(width)) << bits;
        bits += width;
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

fn unpack(cursor: &mut Cursor<'_>, width: u32, count: usize) -> Result<Vec<u64>, Malformed> {
    let len = count.checked_mul(width as usize).ok_or(Malformed)?.div_ceil(8);
    let mut bytes = cursor.bytes(len)?.iter();
    let mut numbers = Vec::with_capacity(count);
    let (mut held, mut bits) = (0u128, 0u32);
    for _ in 0..count {
        while bits < width {
            held |= u128::from(*bytes.next().ok_or(Malformed)?) << bits;
            bits += 8;
        }
        numbers.push(held as u64 & low_bits(width));
        held >>= width;
        bits -= width;
    }
    Ok(numbers)
}

fn low_bits(width: u32) -> u64 {
    u64::MAX.checked_shr(u64::BITS - width).unwrap_or(0)
}
