//! From states back to residuals.

use super::super::bits::{BitReader, STEP_BITS};
use super::{MAX_CLASSES, MAX_DETAIL, MAX_STATES, REMAINDER, least_of, levels, spread_step, state_bits};
use crate::bytes::{Cursor, Malformed};

/// One state of the decoder.
#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// The least residual of the class.
    least: u64,
    /// The state that follows, before the bits that lead on.
    next: u16,
    plain: u8,
    len: u8,
}

/// A class that occurs, while the table is filled.
#[derive(Debug, Clone, Copy)]
struct Class {
    least: u64,
    plain: u8,
    /// What the next state of this class is to it.
    place: u32,
}

/// The decoder's states, filled anew for each column.
pub(in super::super) struct Table {
    states: Box<[State; MAX_STATES]>,
    classes: Vec<Class>,
    /// For each state its class.
    order: Box<[u16; MAX_STATES]>,
}

impl Default for Table {
    fn default() -> Self {
        Table {
            states: Box::new([State::default(); MAX_STATES]),
            classes: Vec::new(),
            order: Box::new([0; MAX_STATES]),
        }
    }
}

impl Table {
    /// Reads the frequencies of `classes` from `first` on. Returns the most bits a residual takes.
    fn read(
        &mut self,
        reader: &mut BitReader<'_>,
        (first, classes): (usize, usize),
        detail: u32,
        state_bits: u32,
    ) -> Result<u32, Malformed> {
        let shares = read_shares(reader, classes, state_bits)?;
        let states = 1usize << state_bits;
        let step = spread_step(state_bits);
        let (mut at, mut widest) = (0, 0);
        self.classes.clear();
        for (class, &share) in shares
            .iter()
            .enumerate()
            .take(classes)
            .filter(|(_, share)| **share > 0)
        {
            let (least, plain) = least_of(first + class, detail);
            for _ in 0..share {
                self.order[at % MAX_STATES] = self.classes.len() as u16;
                at = (at + step) & (states - 1);
            }
            widest = plain;
            self.classes.push(Class {
                least,
                plain: plain as u8,
                place: u32::from(share),
            });
        }
        for (state, class) in self.states[..states].iter_mut().zip(self.order.iter()) {
            let class = &mut self.classes[usize::from(*class)];
            let len = state_bits - class.place.ilog2();
            *state = State {
                least: class.least,
                next: ((class.place << len) - states as u32) as u16,
                plain: class.plain,
                len: len as u8,
            };
            class.place += 1;
        }
        Ok(widest + state_bits)
    }
}

/// The number of states of each class; they add up to all states.
fn read_shares(
    reader: &mut BitReader<'_>,
    classes: usize,
    state_bits: u32,
) -> Result<[u16; MAX_CLASSES], Malformed> {
    let table = levels(state_bits);
    let mut shares = [0u16; MAX_CLASSES];
    let (mut left, mut remainder, mut at) = (1u16 << state_bits, None, 0);
    while at < classes {
        let level = reader.take(4);
        if level == u64::from(REMAINDER) {
            if remainder.replace(at).is_some() {
                return Err(Malformed);
            }
        } else if level == 0 {
            at += reader.take(4) as usize;
        } else {
            shares[at] = table[level as usize];
            left = left.checked_sub(shares[at]).ok_or(Malformed)?;
        }
        at += 1;
    }
    let remainder = remainder.filter(|_| at == classes && left > 0).ok_or(Malformed)?;
    shares[remainder] = left;
    Ok(shares)
}

/// Appends `count` residuals coded at `detail` to `out`.
pub(in super::super) fn decode(
    cursor: &mut Cursor<'_>,
    count: usize,
    detail: u32,
    table: &mut Table,
    out: &mut Vec<i64>,
) -> Result<(), Malformed> {
    let first = usize::try_from(cursor.varint()?).map_err(|_| Malformed)?;
    let classes = usize::try_from(cursor.varint()?).map_err(|_| Malformed)?;
    if detail > MAX_DETAIL
        || classes == 0
        || first.saturating_add(classes) > (2 << detail) + ((63 - detail as usize) << detail)
    {
        return Err(Malformed);
    }
    let mut reader = BitReader::new(cursor.rest());
    let state_bits = state_bits(count);
    let widest = table.read(&mut reader, (first, classes), detail, state_bits)?;
    let states = &table.states;
    let mut at = reader.take(state_bits) as usize;
    let start = out.len();
    out.resize(start + count, 0);
    let (last, mut residuals) = out[start..].split_last_mut().ok_or(Malformed)?;
    // Two residuals from one word where it holds them: what the loop waits for is that word.
    if 2 * widest <= STEP_BITS {
        let mut pairs = residuals.chunks_exact_mut(2);
        for pair in &mut pairs {
            let word = reader.peek();
            let one = states[at % MAX_STATES];
            let (plain, word) = (low_bits(word, one.plain), word >> one.plain);
            pair[0] = (one.least + plain) as i64;
            at = usize::from(one.next) + low_bits(word, one.len) as usize;
            let word = word >> one.len;
            let two = states[at % MAX_STATES];
            let (plain, word) = (low_bits(word, two.plain), word >> two.plain);
            pair[1] = (two.least + plain) as i64;
            at = usize::from(two.next) + low_bits(word, two.len) as usize;
            reader.skip(u32::from(one.plain + one.len) + u32::from(two.plain + two.len));
        }
        residuals = pairs.into_remainder();
    }
    for residual in residuals {
        let state = states[at % MAX_STATES];
        *residual = (state.least + reader.take(u32::from(state.plain))) as i64;
        at = usize::from(state.next) + reader.take(u32::from(state.len)) as usize;
    }
    // No state follows the last residual.
    let state = states[at % MAX_STATES];
    *last = (state.least + reader.take(u32::from(state.plain))) as i64;
    let used = reader.finish()?;
    cursor.bytes(used)?;
    Ok(())
}

#[inline(always)]
fn low_bits(word: u64, bits: u8) -> u64 {
    word & ((1 << bits) - 1)
}
