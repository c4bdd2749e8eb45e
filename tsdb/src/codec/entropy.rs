//! Entropy coded residuals: a residual is a class (where its highest bits are) and plain bits below; classes are
//! coded by table-driven asymmetric numeral systems (Duda, "Asymmetric numeral systems", 2013).
//!
//! A class is the residual's width, or its width and up to three bits behind the highest ("detail"), so small
//! residuals are classes by themselves. Frequencies are kept to a quarter octave or so: half a byte a class.
//! Some ten nanoseconds a residual to encode with everything, three to decode.

use super::bits::{BitReader, BitWriter, STEP_BITS, mask};
use crate::bytes::{Cursor, Malformed, put_varint};

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

/// Where state `at` of `0..states` goes when classes are spread over the states.
fn spread_step(state_bits: u32) -> usize {
    let states = 1usize << state_bits;
    (states >> 1) + (states >> 3) + 3
}

/// How a column is coded.
pub(super) struct Plan {
    /// Of the whole encoding, an estimate good to a byte or two.
    pub(super) bytes: usize,
    pub(super) detail: u32,
}

/// Frequencies of the classes from `first` on.
#[derive(Default, Clone)]
struct Frequencies {
    first: usize,
    counts: Vec<u32>,
    levels: Vec<u8>,
    states: Vec<u16>,
}

impl Frequencies {
    /// Rounds the counts to levels and returns the bits that classes and header take, or nothing if there
    /// are too many classes for the states.
    fn settle(&mut self, total: usize) -> Option<f32> {
        let state_bits = state_bits(total);
        let table = levels(state_bits);
        let all = 1u32 << state_bits;
        let scale = all as f32 / total as f32;
        let most = (0..self.counts.len()).max_by_key(|at| self.counts[*at])?;
        self.levels.clear();
        self.states.clear();
        let (mut taken, mut bits, mut absent) = (0u32, 0f32, 0usize);
        let head = 16.0 + state_bits as f32;
        for (at, &count) in self.counts.iter().enumerate() {
            let level = if at == most {
                0
            } else {
                nearest(table, count as f32 * scale)
            };
            let states = table[level];
            taken += u32::from(states);
            self.levels.push(if at == most { REMAINDER } else { level as u8 });
            self.states.push(states);
            if count > 0 && at != most {
                bits += 4.0 + count as f32 * (state_bits as f32 - f32::from(states).log2());
                absent = 0;
            } else if at != most {
                bits += if absent % 16 == 0 { 8.0 } else { 0.0 };
                absent += 1;
            } else {
                absent = 0;
            }
        }
        let left = all.checked_sub(taken).filter(|left| *left > 0)?;
        self.states[most] = left as u16;
        Some(head + 4.0 + bits + self.counts[most] as f32 * (state_bits as f32 - (left as f32).log2()))
    }
}

/// The level whose frequency is nearest by ratio; level 0 is for classes that do not occur.
fn nearest(table: &[u16; 15], ideal: f32) -> usize {
    if ideal == 0.0 {
        return 0;
    }
    let square = ideal * ideal;
    (1..14)
        .find(|level| f32::from(table[*level]) * f32::from(table[level + 1]) > square)
        .unwrap_or(14)
}

/// Buffers of the encoder.
#[derive(Default)]
pub(super) struct Encoder {
    finest: Vec<u32>,
    trial: Frequencies,
    chosen: Frequencies,
    /// For each class the first of its states in `next`.
    starts: Vec<u16>,
    next: Vec<u16>,
    transitions: Vec<(u16, u8)>,
}

impl Encoder {
    /// Looks for the best detail; nothing if no table holds the classes.
    pub(super) fn plan(&mut self, residuals: &[u64]) -> Option<Plan> {
        self.finest.clear();
        self.finest.resize(MAX_CLASSES, 0);
        for residual in residuals {
            self.finest[class(*residual, MAX_DETAIL).0] += 1;
        }
        let first = self.finest.iter().position(|count| *count > 0)?;
        let last = self.finest.iter().rposition(|count| *count > 0)?;
        let mut best: Option<(Plan, f32)> = None;
        for detail in 0..=MAX_DETAIL {
            let plain = self.fold(first, last, detail);
            let Some(coded) = self.trial.settle(residuals.len()) else {
                continue;
            };
            let bits = coded + plain as f32;
            if best.as_ref().is_none_or(|(_, least)| bits < *least) {
                best = Some((
                    Plan {
                        bytes: (bits / 8.0).ceil() as usize,
                        detail,
                    },
                    bits,
                ));
                std::mem::swap(&mut self.trial, &mut self.chosen);
            }
        }
        best.map(|(plan, _)| plan)
    }

    /// Gathers the counts at `detail` in `self.trial` and returns the number of plain bits.
    fn fold(&mut self, first: usize, last: usize, detail: u32) -> u64 {
        let class_at = |finest: usize| class(least_of(finest, MAX_DETAIL).0, detail);
        self.trial.first = class_at(first).0;
        self.trial.counts.clear();
        self.trial
            .counts
            .resize(class_at(last).0 - self.trial.first + 1, 0);
        let mut plain = 0;
        for finest in first..=last {
            let count = self.finest[finest];
            if count > 0 {
                let (class, bits) = class_at(finest);
                self.trial.counts[class - self.trial.first] += count;
                plain += u64::from(bits) * u64::from(count);
            }
        }
        plain
    }

    /// Appends `residuals` as [`Encoder::plan`] found best for them.
    pub(super) fn encode(&mut self, plan: &Plan, residuals: &[u64], out: &mut Vec<u8>) {
        let state_bits = state_bits(residuals.len());
        let first_state = self.run(plan.detail, state_bits, residuals);
        put_varint(out, self.chosen.first as u64);
        put_varint(out, self.chosen.levels.len() as u64);
        let mut writer = BitWriter::new(out);
        put_levels(&self.chosen.levels, &mut writer);
        writer.put(u64::from(first_state), state_bits);
        for (residual, (bits, len)) in residuals.iter().zip(self.transitions.iter().rev()) {
            let plain = class(*residual, plan.detail).1;
            writer.put(residual & mask(plain), plain);
            writer.put(u64::from(*bits), u32::from(*len));
        }
        writer.finish();
    }

    /// Goes through the states from the last residual to the first, leaves the bits that lead from each to the
    /// one behind it in `transitions` (last first) and returns the state to begin with.
    fn run(&mut self, detail: u32, state_bits: u32, residuals: &[u64]) -> u16 {
        self.lay_out(state_bits);
        self.transitions.clear();
        let states = 1u32 << state_bits;
        let mut state = None;
        for residual in residuals.iter().rev() {
            let at = class(*residual, detail).0 - self.chosen.first;
            let (start, share) = (u32::from(self.starts[at]), u32::from(self.chosen.states[at]));
            let place = match state {
                // Any state of its class will do for the last.
                None => {
                    self.transitions.push((0, 0));
                    0
                }
                Some(state) => {
                    let state = u32::from(state) + states;
                    let mut len = state_bits - share.ilog2();
                    if state >> len < share {
                        len -= 1;
                    }
                    self.transitions
                        .push(((state & ((1 << len) - 1)) as u16, len as u8));
                    (state >> len) - share
                }
            };
            state = Some(self.next[(start + place) as usize]);
        }
        state.unwrap_or(0)
    }

    fn lay_out(&mut self, state_bits: u32) {
        let states = 1usize << state_bits;
        self.starts.clear();
        let mut start = 0;
        for share in &self.chosen.states {
            self.starts.push(start);
            start += share;
        }
        self.next.clear();
        self.next.resize(states, 0);
        let mut filled = [0u16; MAX_STATES];
        let mut order = [0u16; MAX_STATES];
        let mut at = 0;
        for (class, share) in self.chosen.states.iter().enumerate() {
            for _ in 0..*share {
                order[at] = class as u16;
                at = (at + spread_step(state_bits)) & (states - 1);
            }
        }
        for (state, class) in order[..states].iter().enumerate() {
            let class = usize::from(*class);
            self.next[usize::from(self.starts[class] + filled[class])] = state as u16;
            filled[class] += 1;
        }
    }
}

/// Four bits a class; a class that does not occur is followed by the number of further ones.
fn put_levels(levels: &[u8], writer: &mut BitWriter<'_>) {
    let mut at = 0;
    while at < levels.len() {
        writer.put(u64::from(levels[at]), 4);
        at += 1;
        if levels[at - 1] == 0 {
            let more = levels[at..]
                .iter()
                .take(15)
                .take_while(|level| **level == 0)
                .count();
            writer.put(more as u64, 4);
            at += more;
        }
    }
}

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
pub(super) struct Table {
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
pub(super) fn decode(
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
