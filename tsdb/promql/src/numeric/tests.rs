use super::*;

#[test]
fn kahan_sums_keep_what_plain_sums_lose() {
    let mut sum = KahanSum::default();
    [1e100, 1.0, -1e100, 1.0].iter().for_each(|x| sum.add(*x));
    assert_eq!(sum.total(), 2.0);
}

#[test]
fn means_do_not_overflow() {
    let mut mean = Mean::default();
    [f64::MAX, f64::MAX, f64::MAX].iter().for_each(|x| mean.add(*x));
    assert!(almost_equal(mean.total(), f64::MAX, 1e-9));
    let mut infinite = Mean::default();
    [f64::INFINITY, 1.0].iter().for_each(|x| infinite.add(*x));
    assert_eq!(infinite.total(), f64::INFINITY);
}

#[test]
fn quantiles_interpolate() {
    assert_eq!(quantile(0.5, &mut [3.0, 1.0, 2.0, 4.0]), 2.5);
    assert_eq!(
        quantile(0.0, &mut [3.0, f64::NAN]).to_bits() & 0x7ff0 << 48,
        0x7ff0 << 48
    );
    assert_eq!(quantile(1.0, &mut [3.0, 1.0]), 3.0);
    assert_eq!(
        (quantile(-0.1, &mut [1.0]), quantile(1.1, &mut [1.0])),
        (f64::NEG_INFINITY, f64::INFINITY)
    );
    assert!(quantile(f64::NAN, &mut [1.0]).is_nan() && quantile(0.5, &mut []).is_nan());
}

#[test]
fn floats_read_and_write_as_upstream() {
    for (x, text) in [
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (-0.0, "-0"),
    ] {
        assert_eq!(format_float(x), text);
    }
    assert_eq!(
        (format_float(f64::INFINITY), format_float(f64::NAN)),
        ("+Inf".to_owned(), "NaN".to_owned())
    );
    assert_eq!(
        (parse_float("+Inf"), parse_float("-inf"), parse_float(".5")),
        (Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(0.5))
    );
    assert!(parse_float("NaN").is_some_and(f64::is_nan));
    assert_eq!(
        (parse_float("++1"), parse_float(""), parse_float("1 ")),
        (None, None, None)
    );
}

#[test]
fn nan_is_contagious_in_extremes() {
    assert!(go_max(1.0, f64::NAN).is_nan() && go_min(f64::NAN, 1.0).is_nan());
    assert_eq!((go_max(1.0, 2.0), go_min(1.0, 2.0)), (2.0, 1.0));
}
