//! Floats that came from integers: programs count in whole units (bytes, ticks, milliseconds, nanoseconds) and
//! divide on the way out. The integer and the division give the float back, bit for bit.
//!
//! Sums of such floats are near such a grid but off by a few units in the last place: those are an integer and
//! a small correction to the order-preserving image of the float.

/// How an integer becomes a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    /// A power of ten, at most [`MAX_POWER`].
    pub(super) power: u8,
    pub(super) rule: Rule,
}

/// The ways in which programs divide by a power of ten; they round differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// By the power: what text such as `0.25` means too.
    Divide,
    /// Times the inverse, itself rounded.
    Multiply,
    /// By 1000 as often as it takes.
    Thousands,
    /// The whole part and the divided rest, added: how durations become seconds in Go.
    WholeAndRest,
}

pub(super) const RULES: [Rule; 4] = [Rule::Divide, Rule::Multiply, Rule::Thousands, Rule::WholeAndRest];

/// Powers above this are exact in a float no more.
pub(super) const MAX_POWER: u8 = 22;
/// Powers that are looked for: a float of more decimals is none of a decimal.
const SOUGHT_POWER: u8 = 12;
/// Integers up to this one are exact in a float.
const MAX_INTEGER: f64 = (1u64 << 53) as f64;

const POWERS: [f64; MAX_POWER as usize + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
const INVERSES: [f64; MAX_POWER as usize + 1] = [
    1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15,
    1e-16, 1e-17, 1e-18, 1e-19, 1e-20, 1e-21, 1e-22,
];

impl Scale {
    pub(super) const WHOLE: Scale = Scale {
        power: 0,
        rule: Rule::Divide,
    };

    /// The float of `integer`. Any integer will do, those beyond 2^53 are rounded first.
    #[inline(always)]
    pub(super) fn float(self, integer: i64) -> f64 {
        let power = POWERS[usize::from(self.power)];
        match self.rule {
            Rule::Divide => integer as f64 / power,
            Rule::Multiply => integer as f64 * INVERSES[usize::from(self.power)],
            Rule::Thousands => thousands(integer as f64, self.power),
            Rule::WholeAndRest => whole_and_rest(integer, power),
        }
    }

    /// What integers are divided by, where nothing else is done to them.
    pub(super) fn divisor(self) -> Option<f64> {
        (self.rule == Rule::Divide).then(|| POWERS[usize::from(self.power)])
    }

    /// The integer whose float is near `value`; nothing where it would not be exact.
    #[inline(always)]
    pub(super) fn integer(self, value: f64) -> Option<i64> {
        let scaled = value * POWERS[usize::from(self.power)];
        // Written so that NaN is refused.
        (scaled.abs() <= MAX_INTEGER).then(|| nearest(scaled))
    }

    /// Whether the float of `integer` has exactly these bits.
    #[inline(always)]
    pub(super) fn gives(self, integer: i64, value: f64) -> bool {
        self.float(integer).to_bits() == value.to_bits()
    }
}

/// Adding and taking off 1.5 * 2^52 leaves a float rounded to an integer, far faster than the instruction that
/// plain x86-64 has not; beyond 2^51 the plain conversion is exact enough.
#[inline(always)]
fn nearest(scaled: f64) -> i64 {
    const SHIFT: f64 = (3u64 << 51) as f64;
    if scaled.abs() < (1u64 << 51) as f64 {
        ((scaled + SHIFT).to_bits() as i64).wrapping_sub(SHIFT.to_bits() as i64)
    } else {
        scaled as i64
    }
}

/// Integers up to this one, of either sign, become floats by [`small_float`].
pub(super) const MAX_SMALL: i64 = 1 << 51;

/// An integer as a float, exact: by the inverse of what [`nearest`] does, which plain x86-64 does for several at a time where
/// it has no instruction for one conversion after the other.
#[inline(always)]
pub(super) fn small_float(integer: i64) -> f64 {
    const SHIFT: f64 = (3u64 << 51) as f64;
    f64::from_bits((integer as u64).wrapping_add(SHIFT.to_bits())) - SHIFT
}

fn thousands(mut float: f64, power: u8) -> f64 {
    for _ in 0..power / 3 {
        float /= 1e3;
    }
    float / POWERS[usize::from(power % 3)]
}

fn whole_and_rest(integer: i64, power: f64) -> f64 {
    // Beyond 10^18 the power is no integer; any answer will do that is the same every time.
    let unit = power as i64;
    let (whole, rest) = (integer / unit, integer % unit);
    whole as f64 + rest as f64 / power
}

/// The order-preserving integer image of a float: floats next to each other have images next to each other.
#[inline(always)]
pub(super) fn image(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The float with this image.
#[inline(always)]
pub(super) fn from_image(image: i64) -> f64 {
    f64::from_bits((image ^ ((image >> 63) as u64 >> 1) as i64) as u64)
}

/// The least power of ten from `from` on that gives `value` exactly.
pub(super) fn exact_power(value: f64, from: u8) -> Option<u8> {
    (from..=SOUGHT_POWER).find(|power| {
        let scale = Scale {
            power: *power,
            rule: Rule::Divide,
        };
        scale
            .integer(value)
            .is_some_and(|integer| scale.gives(integer, value))
    })
}

/// The scale that leaves `sample` the least corrections, if it saves enough over the image of the floats alone.
///
/// Without structure the bits that a power adds to the integers are those it takes from the corrections.
pub(super) fn correctable(sample: &[f64]) -> Option<Scale> {
    /// Hundredths, milliseconds, microseconds, hundreds and ones of nanoseconds: what clocks tick in.
    const GRIDS: [u8; 5] = [2, 3, 6, 7, 9];
    /// Bits a value that make the second column worth its while.
    const WORTH: f64 = 4.0;
    if sample.is_empty() {
        return None;
    }
    let whole = score(sample, Scale::WHOLE)?;
    let mut best = None;
    let mut least = whole - WORTH * sample.len() as f64;
    for power in GRIDS {
        for rule in RULES {
            let scale = Scale { power, rule };
            match score(sample, scale) {
                Some(bits) if bits < least => {
                    least = bits;
                    best = Some(scale);
                }
                Some(_) => {}
                None => return best,
            }
            // Only worth asking how it rounds when the grid is there.
            if rule == Rule::Divide && best.is_none_or(|scale| scale.power != power) {
                break;
            }
        }
    }
    best
}

/// Bits of the power and of the corrections; nothing when integers leave what floats hold.
fn score(sample: &[f64], scale: Scale) -> Option<f64> {
    let mut bits = sample.len() as f64 * POWERS[usize::from(scale.power)].log2();
    for &value in sample {
        let correction = image(value).wrapping_sub(image(scale.float(scale.integer(value)?)));
        bits += f64::from(64 - correction.unsigned_abs().leading_zeros());
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_become_the_same_floats_either_way() {
        let edges = (0..=51).flat_map(|bits| [(1i64 << bits) - 1, 1 << bits]);
        for integer in edges.flat_map(|n| [n, -n]).filter(|n| n.abs() < MAX_SMALL) {
            assert_eq!(
                small_float(integer).to_bits(),
                (integer as f64).to_bits(),
                "{integer}"
            );
        }
    }
}
