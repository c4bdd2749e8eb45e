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

/// Radians as degrees.
pub(crate) fn deg(x: f64) -> f64 {
    x * 180.0 / std::f64::consts::PI
}

/// Degrees as radians.
pub(crate) fn rad(x: f64) -> f64 {
    x * std::f64::consts::PI / 180.0
}

/// `x` rounded to the nearest multiple of `to`, halves up.
pub(crate) fn round_to(x: f64, to: f64) -> f64 {
    let inverse = 1.0 / to;
    (x * inverse + 0.5).floor() / inverse
}
