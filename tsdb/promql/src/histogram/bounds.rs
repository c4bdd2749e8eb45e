//! What a bucket covers, from its index and the schema.

mod table;

use table::MANTISSAS;

/// The finest schema the table is made for.
const FINEST: i32 = 8;

/// The upper bound of exponential bucket `index`, on the side of the positive numbers. The last bucket that finite
/// numbers fall into ends at the largest of them, so that the one after is for infinity alone.
pub(super) fn exponential(index: i32, schema: i8) -> f64 {
    let schema = i32::from(schema);
    let (mantissa, exponent) = if schema < 0 {
        (0.5, (i64::from(index) << -schema.max(-16)) + 1)
    } else {
        let fine = i64::from(index) << (FINEST - schema).max(0);
        let mantissa = usize::try_from(fine.rem_euclid(1 << FINEST))
            .ok()
            .and_then(|i| MANTISSAS.get(i));
        (mantissa.copied().unwrap_or(0.5), fine.div_euclid(1 << FINEST) + 1)
    };
    if mantissa == 0.5 && exponent == 1025 {
        return f64::MAX;
    }
    scale_by_power_of_two(mantissa, exponent)
}

/// The upper bound of custom bucket `index`; infinite outside of the bounds.
pub(super) fn custom(index: i32, bounds: &[f64]) -> f64 {
    match usize::try_from(index) {
        Ok(i) => bounds.get(i).copied().unwrap_or(f64::INFINITY),
        Err(_) => f64::NEG_INFINITY,
    }
}

/// `x · 2^exponent`, for x between one half and one: rounded once where the result is subnormal.
fn scale_by_power_of_two(x: f64, exponent: i64) -> f64 {
    match exponent {
        1025.. => f64::INFINITY,
        // Doubling first keeps the power of two within what a normal float can say.
        -1021..=1024 => x * 2.0 * power_of_two(exponent - 1),
        -1080..=-1022 => x * power_of_two(-1021) * power_of_two(exponent + 1021),
        _ => 0.0,
    }
}

/// `2^exponent` for exponents of normal floats.
fn power_of_two(exponent: i64) -> f64 {
    let biased = u64::try_from(exponent + 1023).unwrap_or(0);
    f64::from_bits(biased << 52)
}
