//! A column of integers: what of it can be foretold is taken off, the rest is packed.
//!
//! Candidates are the values themselves, their distance from a slope, their deltas and the deltas of those, each
//! above its least value or zigzag around a centre; the smallest by estimate is written. All arithmetic wraps,
//! so any integers come back.

mod choice;

use choice::Choice;

use super::{Effort, entropy, packed};
use crate::bytes::{Cursor, Malformed, put_signed, put_varint};

/// What is taken off before packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Value,
    Slope,
    Delta,
    DeltaOfDelta,
}

const SHAPES: [Shape; 4] = [Shape::Value, Shape::Slope, Shape::Delta, Shape::DeltaOfDelta];

/// How signed residuals become unsigned ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mapping {
    /// Distance above the least.
    Above,
    /// Zigzag as they are.
    Signed,
    /// Zigzag around the median.
    Around,
}

const MAPPINGS: [Mapping; 3] = [Mapping::Above, Mapping::Signed, Mapping::Around];

/// Head byte: mode in the lowest four bits, then whether a common factor follows, then the packing.
const CONSTANT: u8 = 0;
const LINEAR: u8 = 1;
const FIRST_SHAPED: u8 = 2;
const MODE_BITS: u32 = 4;
const FACTOR: u8 = 1 << MODE_BITS;
const PACKING_SHIFT: u32 = 5;
/// Bits of a slope behind the point.
const SLOPE_BITS: u32 = 8;
/// Fewer residuals are not worth a table of frequencies.
const ENTROPY_FROM: usize = 24;

/// Buffers of the encoder.
#[derive(Default)]
pub(super) struct Residuals {
    column: Vec<i64>,
    shaped: Vec<i64>,
    sorted: Vec<i64>,
    mapped: Vec<u64>,
    best: Vec<i64>,
    entropy: entropy::Encoder,
}

/// Appends a column to `out`; nothing for an empty one.
pub(super) fn encode(column: &[i64], effort: Effort, buffers: &mut Residuals, out: &mut Vec<u8>) {
    let Some((&first, rest)) = column.split_first() else {
        return;
    };
    let step = rest.first().map_or(0, |second| second.wrapping_sub(first));
    if column
        .windows(2)
        .all(|pair| pair[1].wrapping_sub(pair[0]) == step)
    {
        out.push(if step == 0 { CONSTANT } else { LINEAR });
        put_signed(out, first);
        if step != 0 {
            put_signed(out, step);
        }
        return;
    }
    let factor = reduce(column, &mut buffers.column);
    let (slope, choice) = match effort {
        Effort::Fast => (0, choice::fast(buffers)),
        Effort::Best => {
            let slope = mean_slope(&buffers.column);
            (slope, choice::best(slope, buffers))
        }
    };
    let shaped = &buffers.best;
    buffers.mapped.clear();
    match choice.mapping {
        Mapping::Above => buffers
            .mapped
            .extend(shaped.iter().map(|r| r.wrapping_sub(choice.base) as u64)),
        _ => buffers
            .mapped
            .extend(shaped.iter().map(|r| zigzag(r.wrapping_sub(choice.base)))),
    }
    let plan = match effort {
        Effort::Best if shaped.len() >= ENTROPY_FROM => {
            let least = packed::cost(&buffers.mapped);
            buffers
                .entropy
                .plan(&buffers.mapped)
                .filter(|plan| plan.bytes < least)
        }
        _ => None,
    };
    let packing = plan.as_ref().map_or(0, |plan| 1 + plan.detail as u8);
    let second = buffers.column[1];
    put_head(&choice, (first, second), factor, slope, packing, out);
    match plan {
        None => packed::encode(&buffers.mapped, out),
        Some(plan) => buffers.entropy.encode(&plan, &buffers.mapped, out),
    }
}

/// Everything before the residuals; `second` is reduced.
fn put_head(
    choice: &Choice,
    (first, second): (i64, i64),
    factor: u64,
    slope: i64,
    packing: u8,
    out: &mut Vec<u8>,
) {
    let mode = FIRST_SHAPED + choice.shape as u8 * 3 + choice.mapping as u8;
    out.push(mode | if factor > 1 { FACTOR } else { 0 } | packing << PACKING_SHIFT);
    put_signed(out, first);
    if factor > 1 {
        put_varint(out, factor);
    }
    match choice.shape {
        Shape::Slope => put_signed(out, slope),
        Shape::DeltaOfDelta => put_signed(out, second),
        Shape::Value | Shape::Delta => {}
    }
    if choice.mapping != Mapping::Signed {
        put_signed(out, choice.base);
    }
}

/// Fills `reduced` with the distances from the first value, divided by what is common to all, which is returned.
fn reduce(column: &[i64], reduced: &mut Vec<i64>) -> u64 {
    let first = column[0];
    reduced.clear();
    reduced.extend(column.iter().map(|value| value.wrapping_sub(first)));
    let (least, most) = column
        .iter()
        .fold((first, first), |(l, m), v| (l.min(*v), m.max(*v)));
    if most.checked_sub(least).is_none() {
        return 1;
    }
    let mut factor = 0u64;
    for distance in reduced.iter() {
        let distance = distance.unsigned_abs();
        // A division each is what costs here; most factors beyond 1 are powers of two.
        if factor.is_power_of_two() && distance & (factor - 1) == 0 {
            continue;
        }
        factor = common(factor, distance);
        if factor == 1 {
            return 1;
        }
    }
    if factor.is_power_of_two() {
        let shift = factor.trailing_zeros();
        reduced.iter_mut().for_each(|distance| *distance >>= shift);
    } else {
        // A factor of 2^63 is a power of two, any other fits.
        reduced.iter_mut().for_each(|distance| *distance /= factor as i64);
    }
    factor
}

/// The greatest common divisor (Stein's algorithm, which does not divide).
fn common(mut a: u64, mut b: u64) -> u64 {
    if a == 0 || b == 0 {
        return a | b;
    }
    let twos = (a | b).trailing_zeros();
    a >>= a.trailing_zeros();
    while b != 0 {
        b >>= b.trailing_zeros();
        (a, b) = (a.min(b), a.abs_diff(b));
    }
    a << twos
}

/// From first to last in equal steps, in units of 2^-[`SLOPE_BITS`].
fn mean_slope(column: &[i64]) -> i64 {
    let steps = (column.len() - 1) as i128;
    let rise = i128::from(column[column.len() - 1]) << SLOPE_BITS;
    i64::try_from(rise / steps).unwrap_or(0)
}

fn on_slope(slope: i64, at: usize) -> i64 {
    slope.wrapping_mul(at as i64) >> SLOPE_BITS
}

/// Fills `shaped` with what a shape leaves of a reduced column.
fn apply(shape: Shape, slope: i64, column: &[i64], shaped: &mut Vec<i64>) {
    shaped.clear();
    let rest = &column[1..];
    match shape {
        Shape::Value => shaped.extend_from_slice(rest),
        Shape::Slope => {
            shaped.extend(
                rest.iter()
                    .enumerate()
                    .map(|(at, value)| value.wrapping_sub(on_slope(slope, at + 1))),
            );
        }
        Shape::Delta => shaped.extend(column.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]))),
        Shape::DeltaOfDelta => shaped.extend(
            column
                .windows(3)
                .map(|w| w[2].wrapping_sub(w[1]).wrapping_sub(w[1].wrapping_sub(w[0]))),
        ),
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends the `count` integers at `cursor` to `out`.
pub(super) fn decode(
    cursor: &mut Cursor<'_>,
    count: usize,
    table: &mut entropy::Table,
    out: &mut Vec<i64>,
) -> Result<(), Malformed> {
    if count == 0 {
        return Ok(());
    }
    let head = cursor.u8()?;
    let mode = head & (FACTOR - 1);
    let first = cursor.signed()?;
    if mode < FIRST_SHAPED {
        let step = if mode == LINEAR { cursor.signed()? } else { 0 };
        out.extend((0..count).map(|at| first.wrapping_add(step.wrapping_mul(at as i64))));
        return Ok(());
    }
    let place = usize::from(mode - FIRST_SHAPED);
    let shape = *SHAPES.get(place / 3).ok_or(Malformed)?;
    let mapping = MAPPINGS[place % 3];
    let factor = if head & FACTOR != 0 {
        cursor.varint()? as i64
    } else {
        1
    };
    let given = match shape {
        Shape::Slope | Shape::DeltaOfDelta => cursor.signed()?,
        Shape::Value | Shape::Delta => 0,
    };
    let base = if mapping == Mapping::Signed {
        0
    } else {
        cursor.signed()?
    };
    let start = out.len();
    out.push(0);
    let leading = if shape == Shape::DeltaOfDelta { 2 } else { 1 };
    if leading == 2 {
        out.push(given);
    }
    let residuals = count.checked_sub(leading).ok_or(Malformed)?;
    match head >> PACKING_SHIFT {
        0 => packed::decode(cursor, residuals, out)?,
        packing => entropy::decode(cursor, residuals, u32::from(packing - 1), table, out)?,
    }
    let column = &mut out[start..];
    unmap(mapping, base, &mut column[leading..]);
    unshape(shape, given, first, factor, column);
    Ok(())
}

fn unmap(mapping: Mapping, base: i64, residuals: &mut [i64]) {
    if mapping == Mapping::Above {
        residuals.iter_mut().for_each(|r| *r = r.wrapping_add(base));
    } else {
        residuals
            .iter_mut()
            .for_each(|r| *r = unzigzag(*r as u64).wrapping_add(base));
    }
}

/// Turns `column`, which is residuals behind its leading values, into what was encoded.
fn unshape(shape: Shape, given: i64, first: i64, factor: i64, column: &mut [i64]) {
    let restore = |reduced: i64| first.wrapping_add(reduced.wrapping_mul(factor));
    match shape {
        Shape::Value => column.iter_mut().for_each(|v| *v = restore(*v)),
        Shape::Slope => {
            column
                .iter_mut()
                .enumerate()
                .for_each(|(at, v)| *v = restore(v.wrapping_add(on_slope(given, at))));
        }
        Shape::Delta => {
            let mut sum = 0i64;
            for value in column {
                sum = sum.wrapping_add(*value);
                *value = restore(sum);
            }
        }
        Shape::DeltaOfDelta => {
            let (mut sum, mut delta) = (0i64, 0i64);
            for value in column {
                delta = delta.wrapping_add(*value);
                sum = sum.wrapping_add(delta);
                *value = restore(sum);
            }
        }
    }
}
