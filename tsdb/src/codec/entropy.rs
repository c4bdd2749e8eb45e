//! Entropy coded residuals: a residual is a class (where its highest bits are) and plain bits below; classes are
//! coded by table-driven asymmetric numeral systems (Duda, "Asymmetric numeral systems", 2013).
//!
//! A class is the residual's width, or its width and up to three bits behind the highest ("detail"), so small
//! residuals are classes by themselves. Frequencies are kept to a quarter octave or so: half a byte a class.
//! Some ten nanoseconds a residual to encode with everything, three to decode.

mod decoder;
mod encoder;

pub(super) use decoder::{Table, decode};
pub(super) use encoder::Encoder;

/// The finest detail.
const MAX_DETAIL: u32 = 3;
/// Classes at the finest detail: 8 by themselves, then 8 for each width.
const MAX_CLASSES: usize = 8 + 61 * 8;
/// States of the largest table.
const MAX_STATES: usize = 1 << 9;
/// The class whose frequency is what the others leave.
const REMAINDER: u8 = 15;
/// The frequencies that levels 1 to 14 stand for, by the logarithm of the number of states.
const LEVELS: [[u16; 15]; 3] = [
    [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 28, 40, 56],
    [0, 1, 2, 3, 4, 6, 8, 10, 14, 20, 28, 40, 56, 80, 112],
    [0, 1, 2, 3, 5, 8, 12, 16, 24, 32, 48, 72, 104, 152, 224],
];

/// The logarithm of the number of states for a column of `count` residuals.
fn state_bits(count: usize) -> u32 {
    match count {
        0..250 => 7,
        250..2000 => 8,
        _ => 9,
    }
}

fn levels(state_bits: u32) -> &'static [u16; 15] {
    &LEVELS[state_bits as usize - 7]
}

/// The class of a residual and the number of plain bits behind it.
#[inline(always)]
fn class(residual: u64, detail: u32) -> (usize, u32) {
    let highest = 63 - (residual | 1).leading_zeros();
    let plain = highest.saturating_sub(detail);
    (((plain as usize) << detail) + (residual >> plain) as usize, plain)
}

/// The least residual of a class and the number of plain bits behind it.
fn least_of(class: usize, detail: u32) -> (u64, u32) {
    if class < 2 << detail {
        return (class as u64, 0);
    }
    let plain = (class >> detail) as u32 - 1;
    let top = (class - ((plain as usize) << detail)) as u64;
    (top << plain, plain)
}

/// How far apart states are that follow each other when classes are spread over them.
fn spread_step(state_bits: u32) -> usize {
    let states = 1usize << state_bits;
    (states >> 1) + (states >> 3) + 3
}
