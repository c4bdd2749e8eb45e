//! Functions of one number that the standard library does not have.

/// The sign: -1, 1, or the value itself where it is a zero or NaN.
pub(crate) fn sgn(x: f64) -> f64 {
    if x < 0.0 {
        -1.0
    } else if x > 0.0 {
        1.0
    } else {
        x
    }
}

/// `x` rounded to the nearest multiple of `to`, halves up.
pub(crate) fn round_to(x: f64, to: f64) -> f64 {
    let inverse = 1.0 / to;
    (x * inverse + 0.5).floor() / inverse
}
