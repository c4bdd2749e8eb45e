//! Which candidate a column of integers is written as, by estimates of its size.
//!
//! An estimate is a count of the residuals by width: a nanosecond or two a residual and candidate.

use super::super::packed::width;
use super::{ENTROPY_FROM, MAPPINGS, Mapping, Residuals, SHAPES, Shape, apply, zigzag};

/// The candidate that is written.
pub(super) struct Choice {
    pub(super) shape: Shape,
    pub(super) mapping: Mapping,
    pub(super) base: i64,
    cost: f32,
}

/// The choice among four candidates, looked at in one pass. Leaves its residuals in `buffers.best`.
pub(super) fn fast(buffers: &mut Residuals) -> Choice {
    let column = buffers.column.as_slice();
    // The first of a reduced column is 0.
    let (mut least, mut least_delta, mut before) = (i64::MAX, i64::MAX, 0);
    for &value in &column[1..] {
        least = least.min(value);
        least_delta = least_delta.min(value.wrapping_sub(before));
        before = value;
    }
    let mut candidates = [
        (Shape::Value, Mapping::Above, least, Widths::new()),
        (Shape::Delta, Mapping::Above, least_delta, Widths::new()),
        (Shape::Delta, Mapping::Signed, 0, Widths::new()),
        (Shape::DeltaOfDelta, Mapping::Signed, 0, Widths::new()),
    ];
    let (mut before, mut delta_before) = (0, column[1]);
    for &value in &column[1..] {
        let delta = value.wrapping_sub(before);
        candidates[0].3.add(value.wrapping_sub(least) as u64);
        candidates[1].3.add(delta.wrapping_sub(least_delta) as u64);
        candidates[2].3.add(zigzag(delta));
        candidates[3].3.add(zigzag(delta.wrapping_sub(delta_before)));
        (before, delta_before) = (value, delta);
    }
    let tried = if column.len() > 2 {
        &candidates[..]
    } else {
        &candidates[..3]
    };
    let choices = tried.iter().map(|(shape, mapping, base, widths)| Choice {
        shape: *shape,
        mapping: *mapping,
        base: *base,
        cost: widths.packed_bits() as f32 + extra_cost(*shape, *base, 0),
    });
    let choice = choices
        .min_by(|a, b| a.cost.total_cmp(&b.cost))
        .expect("there are three at least");
    apply(choice.shape, 0, &buffers.column, &mut buffers.best);
    choice
}

/// The choice among all candidates. Leaves its residuals in `buffers.best`.
pub(super) fn best(slope: i64, buffers: &mut Residuals) -> Choice {
    let mut best: Option<Choice> = None;
    for shape in SHAPES {
        let worth = match shape {
            Shape::Slope => slope != 0,
            Shape::DeltaOfDelta => buffers.column.len() > 2,
            Shape::Value | Shape::Delta => true,
        };
        if !worth {
            continue;
        }
        apply(shape, slope, &buffers.column, &mut buffers.shaped);
        let cost_before = best.as_ref().map_or(f32::INFINITY, |choice| choice.cost);
        for mapping in MAPPINGS {
            let Some(base) = base_of(mapping, shape, &buffers.shaped, &mut buffers.sorted) else {
                continue;
            };
            let widths = Widths::of(&buffers.shaped, mapping, base);
            let cost = widths.least_bits() + extra_cost(shape, base, slope);
            if best.as_ref().is_none_or(|choice| cost < choice.cost) {
                best = Some(Choice {
                    shape,
                    mapping,
                    base,
                    cost,
                });
            }
        }
        if best.as_ref().is_some_and(|choice| choice.cost < cost_before) {
            std::mem::swap(&mut buffers.shaped, &mut buffers.best);
        }
    }
    best.expect("the values as they are are always a candidate")
}

fn extra_cost(shape: Shape, base: i64, slope: i64) -> f32 {
    let base_bits = width(zigzag(base)) + 1;
    (base_bits
        + if shape == Shape::Slope {
            width(zigzag(slope)) + 1
        } else {
            0
        }) as f32
}

/// What is taken off before mapping; nothing where the mapping is not tried.
fn base_of(mapping: Mapping, shape: Shape, shaped: &[i64], sorted: &mut Vec<i64>) -> Option<i64> {
    match mapping {
        Mapping::Above if shape == Shape::DeltaOfDelta => None,
        Mapping::Above => shaped.iter().min().copied(),
        Mapping::Signed if shape == Shape::Value => None,
        Mapping::Signed => Some(0),
        Mapping::Around if shape == Shape::DeltaOfDelta => None,
        Mapping::Around => {
            sorted.clear();
            sorted.extend_from_slice(shaped);
            let middle = sorted.len() / 2;
            let median = *sorted.select_nth_unstable(middle).1;
            (median != 0 || shape == Shape::Value).then_some(median)
        }
    }
}

/// How many residuals have how many bits.
struct Widths {
    counts: [u32; 65],
    /// All residuals, one over another.
    all: u64,
    total: usize,
}

impl Widths {
    fn new() -> Widths {
        Widths {
            counts: [0; 65],
            all: 0,
            total: 0,
        }
    }

    fn of(shaped: &[i64], mapping: Mapping, base: i64) -> Widths {
        let mut widths = Widths::new();
        if mapping == Mapping::Above {
            shaped
                .iter()
                .for_each(|residual| widths.add(residual.wrapping_sub(base) as u64));
        } else {
            shaped
                .iter()
                .for_each(|residual| widths.add(zigzag(residual.wrapping_sub(base))));
        }
        widths
    }

    #[inline(always)]
    fn add(&mut self, mapped: u64) {
        self.counts[width(mapped) as usize] += 1;
        self.all |= mapped;
        self.total += 1;
    }

    /// An estimate of the bits these residuals take, packed or entropy coded.
    fn least_bits(&self) -> f32 {
        if self.total < ENTROPY_FROM {
            self.packed_bits() as f32
        } else {
            self.entropy_bits()
        }
    }

    /// As one group of patched bit-packing.
    fn packed_bits(&self) -> usize {
        let mut least = usize::MAX;
        let (mut wider, mut patches) = (0, 0);
        for bits in (0..=width(self.all) as usize).rev() {
            least = least.min(self.total * bits + patches);
            // A place and a varint each: two bytes, and a bit more for each bit they are wider.
            wider += self.counts[bits] as usize;
            patches += wider + self.counts[bits] as usize * 15;
            if patches > least {
                break;
            }
        }
        least
    }

    /// As entropy coded widths and plain bits below the highest.
    fn entropy_bits(&self) -> f32 {
        let total = self.total as f32;
        let mut bits = 0.0;
        for (width, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let plain = width.saturating_sub(1) as f32;
            bits += 4.0 + (count as f32) * (plain + (total / (count as f32)).log2());
        }
        bits
    }
}
