//! Against values that Go's library gave: function, argument or arguments, result, each as the bits of a float.

use super::*;

const FROM_GO: &str = include_str!("../../testdata/go_math.txt");

fn function(name: &str) -> fn(f64) -> f64 {
    match name {
        "exp" => exp,
        "exp2" => exp2,
        "ln" => ln,
        "log2" => log2,
        "log10" => log10,
        "sin" => sin,
        "cos" => cos,
        "tan" => tan,
        "asin" => asin,
        "acos" => acos,
        "atan" => atan,
        "sinh" => sinh,
        "cosh" => cosh,
        "tanh" => tanh,
        "asinh" => asinh,
        "acosh" => acosh,
        "atanh" => atanh,
        other => panic!("{other}"),
    }
}

/// How many lines there are, and those that are not so.
fn wrong(text: &str) -> (usize, Vec<String>) {
    let float = |bits: &str| f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
    let told = |line: &str| {
        let parts: Vec<&str> = line.split(' ').collect();
        let (got, expected) = match parts[..] {
            [name, x, result] => (function(name)(float(x)), float(result)),
            [_, x, y, result] => (pow(float(x), float(y)), float(result)),
            _ => panic!("{line}"),
        };
        let same = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
        (!same).then(|| format!("{line}: {got:?} is not {expected:?}"))
    };
    (text.lines().count(), text.lines().filter_map(told).collect())
}

#[test]
fn results_are_those_of_go_bit_for_bit() {
    let (lines, wrong) = wrong(FROM_GO);
    assert!(lines > 600);
    assert!(
        wrong.is_empty(),
        "{} of {lines}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
