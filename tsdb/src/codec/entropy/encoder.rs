//! From residuals to classes, their frequencies and the states gone through.

use super::super::bits::{BitWriter, mask};
use super::{
    MAX_CLASSES, MAX_DETAIL, MAX_STATES, REMAINDER, class, least_of, levels, spread_step, state_bits,
};
use crate::bytes::put_varint;

/// How a column is coded.
pub(in super::super) struct Plan {
    /// Of the whole encoding, an estimate good to a byte or two.
    pub(in super::super) bytes: usize,
    pub(in super::super) detail: u32,
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
pub(in super::super) struct Encoder {
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
    pub(in super::super) fn plan(&mut self, residuals: &[u64]) -> Option<Plan> {
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
    pub(in super::super) fn encode(&mut self, plan: &Plan, residuals: &[u64], out: &mut Vec<u8>) {
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
