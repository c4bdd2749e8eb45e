//! Chunks of floats, second form: one control prefix for time and value together, and start timestamps.
//!
//! A staleness marker has a control code of its own and is not part of the chain of XORs.

use model::metrics::{STALE_NAN, Samples, is_stale_nan};

use super::bits::Bits;
use super::starts::StartReader;
use super::xor::Xor;
use crate::bytes::Malformed;

pub(super) fn decode(data: &[u8], out: &mut Samples) -> Result<(), Malformed> {
    let (count, data) = data.split_first_chunk::<2>().ok_or(Malformed)?;
    let (header, data) = data.split_first().ok_or(Malformed)?;
    let mut starts = StartReader::new(*header);
    let mut bits = Bits::new(data);
    let (mut time, mut delta) = (0i64, 0i64);
    let mut chain = Xor::default();
    for row in 0..u16::from_be_bytes(*count) {
        let before = time;
        let value = if row == 0 {
            time = bits.varint()?;
            let first = Xor::first(&mut bits)?;
            if !is_stale_nan(first.value()) {
                chain = first;
            }
            first.value()
        } else if row == 1 {
            delta = bits.uvarint()? as i64;
            time = time.wrapping_add(delta);
            changed_or_not(&mut chain, &mut bits)?
        } else {
            let control = bits.ones(5)?;
            if let Some(width) = [0, 0, 13, 20, 64].get(control as usize).filter(|w| **w > 0) {
                delta = delta.wrapping_add(bits.twos_complement(*width)?);
            }
            time = time.wrapping_add(delta);
            match control {
                0 => chain.value(),
                1 => {
                    let new_window = bits.bit()?;
                    chain.changed(new_window, &mut bits)?
                }
                5 => STALE_NAN,
                _ => changed_or_not(&mut chain, &mut bits)?,
            }
        };
        let start = starts.next(&mut bits, row, time, before)?;
        out.push(time, value);
        out.starts.push(time, start);
    }
    Ok(())
}

/// A value of which it is not known yet whether it changed.
fn changed_or_not(chain: &mut Xor, bits: &mut Bits<'_>) -> Result<f64, Malformed> {
    match bits.ones(3)? {
        0 => Ok(chain.value()),
        1 => chain.changed(false, bits),
        2 => chain.changed(true, bits),
        _ => Ok(STALE_NAN),
    }
}
