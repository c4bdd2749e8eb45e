//! A column of floats as a column of integers, and what does not fit aside.
//!
//! The first byte says which: a constant; integers under a [`Scale`], with or without corrections; or the
//! order-preserving images of the floats. See `docs/format/codec.md`.

use super::decimal::{self, Rule, Scale, from_image, image, small_float};
use super::exceptions::{self, Run, is_special};
use super::scratch::Scratch;
use super::{Effort, integers};
use crate::bytes::{Cursor, Malformed, put_signed};

/// The lowest three bits of the first byte.
const CONSTANT: u8 = 0;
const WHOLE: u8 = 1;
const SCALED: u8 = 2;
const CORRECTED: u8 = 3;
const IMAGE: u8 = 4;
const FORM: u8 = 7;
/// Set when exceptions follow the rest.
const EXCEPTIONS: u8 = 8;
/// Of a scale's byte, the power; the rule is above.
const POWER_BITS: u32 = 5;

/// What a constant's first byte says in its upper five bits: integers below this are the byte itself.
const SMALL: u8 = 20;
const SIGNED: u8 = 20;
const DECIMAL: u8 = 21;
const STALE: u8 = 22;
/// From here on: so many of the float's bytes, highest first, the rest zero.
const RAW: u8 = 23;
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Every so many values one may be an exception before the scheme is given up.
const EXCEPTION_EVERY: usize = 16;
/// Values that are asked which grid a column lies on.
const SAMPLE: usize = 16;

/// Appends a column to `out`; nothing for an empty one.
pub(super) fn encode(values: &[f64], effort: Effort, scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Some(first) = values.first() else {
        return;
    };
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        return encode_constant(*first, out);
    }
    let mut runs = std::mem::take(&mut scratch.runs);
    match to_decimals(values, &mut scratch.numbers, &mut runs) {
        Some(Scale::WHOLE) => encode_form(WHOLE, None, effort, &runs, scratch, out),
        Some(scale) => encode_form(SCALED, Some(scale), effort, &runs, scratch, out),
        None => encode_floats(values, effort, &mut runs, scratch, out),
    }
    scratch.runs = runs;
}

fn encode_constant(value: f64, out: &mut Vec<u8>) {
    let bits = value.to_bits();
    let tag = |code: u8| CONSTANT | code << 3;
    if bits == STALE_BITS {
        return out.push(tag(STALE));
    }
    if value >= 0.0 && value < f64::from(SMALL) && Scale::WHOLE.gives(value as i64, value) {
        return out.push(tag(value as u8));
    }
    let bytes = bits.to_be_bytes();
    let raw = 8 - (bits.trailing_zeros() / 8).min(8) as usize;
    let start = out.len();
    let scale = decimal::exact_power(value, 0).map(|power| Scale {
        power,
        rule: Rule::Divide,
    });
    if let Some((scale, integer)) = scale.and_then(|scale| Some((scale, scale.integer(value)?))) {
        if scale.power == 0 {
            out.push(tag(SIGNED));
        } else {
            out.extend_from_slice(&[tag(DECIMAL), scale.power]);
        }
        put_signed(out, integer);
    }
    if out.len() == start || out.len() - start > raw + 1 {
        out.truncate(start);
        out.push(tag(RAW + raw as u8));
        out.extend_from_slice(&bytes[..raw]);
    }
}

fn decode_constant(code: u8, cursor: &mut Cursor<'_>) -> Result<f64, Malformed> {
    Ok(match code {
        0..SMALL => f64::from(code),
        SIGNED => cursor.signed()? as f64,
        DECIMAL => {
            let scale = Scale {
                power: Some(cursor.u8()?)
                    .filter(|power| *power <= decimal::MAX_POWER)
                    .ok_or(Malformed)?,
                rule: Rule::Divide,
            };
            scale.float(cursor.signed()?)
        }
        STALE => f64::from_bits(STALE_BITS),
        raw => {
            let given = cursor.bytes(usize::from(raw - RAW))?;
            let mut bytes = [0; 8];
            for (to, from) in bytes.iter_mut().zip(given) {
                *to = *from;
            }
            f64::from_bits(u64::from_be_bytes(bytes))
        }
    })
}

/// Fills `numbers` with integers of one power of ten and `runs` with what does not fit; nothing if too much
/// does not.
fn to_decimals(values: &[f64], numbers: &mut Vec<i64>, runs: &mut Vec<Run>) -> Option<Scale> {
    let mut scale = Scale::WHOLE;
    'power: loop {
        numbers.clear();
        runs.clear();
        let mut left = values.len() / EXCEPTION_EVERY + 1;
        for (at, &value) in values.iter().enumerate() {
            if let Some(integer) = scale
                .integer(value)
                .filter(|integer| scale.gives(*integer, value))
            {
                numbers.push(integer);
                continue;
            }
            if !is_special(value) {
                // The last value counts as an exception too: it may be one of an odd kind among good ones.
                if let Some(power) = decimal::exact_power(value, scale.power + 1) {
                    scale.power = power;
                    continue 'power;
                }
                left = left.checked_sub(1)?;
            }
            exceptions::add(runs, at, value);
            numbers.push(numbers.last().copied().unwrap_or(0));
        }
        fill_first(numbers, runs);
        return Some(scale);
    }
}

/// Exceptions repeat the number before them; those at the very beginning the first one behind them.
fn fill_first(numbers: &mut [i64], runs: &[Run]) {
    let mut end = 0;
    for run in runs {
        if run.start != end {
            break;
        }
        end += run.len;
    }
    if let Some(&first) = numbers.get(end) {
        numbers[..end].fill(first);
    }
}

/// Writes `scratch.numbers` and the exceptions.
fn encode_form(
    form: u8,
    scale: Option<Scale>,
    effort: Effort,
    runs: &[Run],
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    out.push(form | if runs.is_empty() { 0 } else { EXCEPTIONS });
    if let Some(scale) = scale {
        out.push(scale.power | (scale.rule as u8) << POWER_BITS);
    }
    integers::encode(&scratch.numbers, effort, &mut scratch.residuals, out);
    if form == CORRECTED {
        integers::encode(&scratch.corrections, effort, &mut scratch.residuals, out);
    }
    if !runs.is_empty() {
        exceptions::encode(runs, out);
    }
}

/// Columns that are no plain decimals: corrected ones, or images.
fn encode_floats(
    values: &[f64],
    effort: Effort,
    runs: &mut Vec<Run>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    let corrected =
        sample_scale(values).filter(|scale| to_corrected(values, *scale, scratch, runs).is_some());
    let start = out.len();
    if let Some(scale) = corrected {
        let form = if scratch.corrections.iter().all(|c| *c == 0) {
            SCALED
        } else {
            CORRECTED
        };
        encode_form(form, Some(scale), effort, runs, scratch, out);
        if form == SCALED || effort == Effort::Fast {
            return;
        }
    }
    to_images(values, &mut scratch.numbers, runs);
    if corrected.is_none() {
        return encode_form(IMAGE, None, effort, runs, scratch, out);
    }
    let mut other = std::mem::take(&mut scratch.candidate);
    other.clear();
    encode_form(IMAGE, None, effort, runs, scratch, &mut other);
    if other.len() < out.len() - start {
        out.truncate(start);
        out.extend_from_slice(&other);
    }
    scratch.candidate = other;
}

fn sample_scale(values: &[f64]) -> Option<Scale> {
    let mut sample = [0.0; SAMPLE];
    let mut len = 0;
    let step = values.len().div_ceil(SAMPLE);
    for &value in values
        .iter()
        .skip(step / 2)
        .step_by(step)
        .filter(|value| !is_special(**value))
    {
        sample[len] = value;
        len += 1;
    }
    decimal::correctable(&sample[..len])
}

/// Fills `numbers` and `corrections`; nothing if too many values are beyond the scale.
fn to_corrected(values: &[f64], scale: Scale, scratch: &mut Scratch, runs: &mut Vec<Run>) -> Option<()> {
    let (numbers, corrections) = (&mut scratch.numbers, &mut scratch.corrections);
    numbers.clear();
    corrections.clear();
    runs.clear();
    let mut left = values.len() / EXCEPTION_EVERY + 1;
    for (at, &value) in values.iter().enumerate() {
        let integer = scale.integer(value).filter(|_| !is_special(value));
        if let Some(integer) = integer {
            numbers.push(integer);
            corrections.push(image(value).wrapping_sub(image(scale.float(integer))));
            continue;
        }
        if !is_special(value) {
            left = left.checked_sub(1)?;
        }
        exceptions::add(runs, at, value);
        numbers.push(numbers.last().copied().unwrap_or(0));
        corrections.push(0);
    }
    fill_first(numbers, runs);
    Some(())
}

fn to_images(values: &[f64], numbers: &mut Vec<i64>, runs: &mut Vec<Run>) {
    numbers.clear();
    runs.clear();
    for (at, &value) in values.iter().enumerate() {
        if value.is_finite() {
            numbers.push(image(value));
        } else {
            exceptions::add(runs, at, value);
            numbers.push(numbers.last().copied().unwrap_or(0));
        }
    }
    if runs.len() > values.len() / 4 {
        // NaN payloads all over: bits as they are.
        runs.clear();
        numbers.clear();
        numbers.extend(values.iter().map(|value| image(*value)));
        return;
    }
    fill_first(numbers, runs);
}

/// Appends the `count` values at the beginning of `bytes` to `out` and returns how many bytes they took.
pub(super) fn decode(
    bytes: &[u8],
    count: usize,
    scratch: &mut Scratch,
    out: &mut Vec<f64>,
) -> Result<usize, Malformed> {
    if count == 0 {
        return Ok(0);
    }
    let mut cursor = Cursor::new(bytes);
    let head = cursor.u8()?;
    let start = out.len();
    let form = head & FORM;
    if form == CONSTANT {
        let value = decode_constant(head >> 3, &mut cursor)?;
        out.resize(start + count, value);
        return Ok(bytes.len() - cursor.rest().len());
    }
    let scale = match form {
        SCALED | CORRECTED => read_scale(cursor.u8()?)?,
        WHOLE | IMAGE => Scale::WHOLE,
        _ => return Err(Malformed),
    };
    let (numbers, table) = (&mut scratch.numbers, &mut scratch.table);
    numbers.clear();
    integers::decode(&mut cursor, count, table, numbers)?;
    match form {
        CORRECTED => {
            let corrections = &mut scratch.corrections;
            corrections.clear();
            integers::decode(&mut cursor, count, table, corrections)?;
            let pairs = numbers.iter().zip(corrections);
            out.extend(pairs.map(|(n, c)| from_image(image(scale.float(*n)).wrapping_add(*c))));
        }
        IMAGE => out.extend(numbers.iter().map(|number| from_image(*number))),
        _ => extend_scaled(scale, numbers, out),
    }
    if head & EXCEPTIONS != 0 {
        exceptions::decode(&mut cursor, &mut out[start..])?;
    }
    Ok(bytes.len() - cursor.rest().len())
}

/// One loop for each common case, so that the rule is not asked for each value.
fn extend_scaled(scale: Scale, numbers: &[i64], out: &mut Vec<f64>) {
    let small = || {
        let distances = numbers.iter().map(|n| n.unsigned_abs());
        distances.fold(0, |all, n| all | n) < decimal::MAX_SMALL as u64
    };
    match scale.divisor() {
        Some(1.0) if small() => out.extend(numbers.iter().map(|n| small_float(*n))),
        Some(divisor) if small() => out.extend(numbers.iter().map(|n| small_float(*n) / divisor)),
        _ => out.extend(numbers.iter().map(|n| scale.float(*n))),
    }
}

fn read_scale(byte: u8) -> Result<Scale, Malformed> {
    let power = byte & ((1 << POWER_BITS) - 1);
    let rule = *decimal::RULES
        .get(usize::from(byte >> POWER_BITS))
        .ok_or(Malformed)?;
    if power > decimal::MAX_POWER {
        return Err(Malformed);
    }
    Ok(Scale { power, rule })
}
