//! Round trips bit for bit over all kinds of columns, sizes that must be tiny, and bytes nobody encoded.

#[path = "../../benches/codec/kinds.rs"]
#[allow(dead_code)]
mod kinds;

use super::*;
use kinds::{Kind, MIX, OTHERS, Seed};

const LENGTHS: [usize; 17] = [
    1, 2, 3, 4, 7, 23, 25, 26, 32, 120, 127, 129, 130, 257, 480, 1440, 4100,
];

fn all_kinds() -> impl Iterator<Item = &'static Kind> {
    MIX.iter().chain(&OTHERS)
}

fn value_bytes(values: &[f64], effort: Effort) -> Vec<u8> {
    let mut bytes = vec![0xaa];
    encode_values(values, effort, &mut bytes);
    bytes.split_off(1)
}

fn check_values(values: &[f64], effort: Effort, what: &str) -> usize {
    let mut bytes = value_bytes(values, effort);
    let len = bytes.len();
    // What follows in the file is none of the column's business.
    for behind in [&[][..], &[0xff; 9]] {
        bytes.truncate(len);
        bytes.extend_from_slice(behind);
        let mut back = vec![1.5];
        assert_eq!(
            decode_values(&bytes, values.len(), &mut back),
            Ok(len),
            "{what} {effort:?}"
        );
        assert_eq!(back.remove(0), 1.5);
        assert_eq!(back.len(), values.len(), "{what} {effort:?}");
        for (at, (before, after)) in values.iter().zip(&back).enumerate() {
            assert_eq!(
                before.to_bits(),
                after.to_bits(),
                "{what} {effort:?} at {at}: {before:?} {after:?}"
            );
        }
    }
    len
}

fn check_integers(column: &[i64], effort: Effort, what: &str) -> usize {
    let mut bytes = Vec::new();
    encode_integers(column, effort, &mut bytes);
    let mut back = vec![7];
    assert_eq!(
        decode_integers(&bytes, column.len(), &mut back),
        Ok(bytes.len()),
        "{what} {effort:?}"
    );
    assert_eq!(&back[1..], column, "{what} {effort:?}");
    bytes.len()
}

#[test]
fn every_kind_of_column_comes_back_bit_for_bit() {
    for kind in all_kinds() {
        for len in LENGTHS {
            for round in 0..4 {
                let values = (kind.column)(&mut Seed::new(round * 1000 + len as u64), len);
                for effort in [Effort::Fast, Effort::Best] {
                    check_values(&values, effort, &format!("{} {len} {round}", kind.name));
                }
            }
        }
    }
}

#[test]
fn mixtures_of_kinds_come_back_bit_for_bit() {
    let kinds: Vec<&Kind> = all_kinds().collect();
    for round in 0..400 {
        let mut seed = Seed::new(round);
        let mut values = Vec::new();
        for _ in 0..1 + seed.below(5) {
            let kind = kinds[seed.below(kinds.len() as u64) as usize];
            let len = 1 + seed.below(150) as usize;
            values.extend((kind.column)(&mut seed, len));
        }
        check_values(&values, Effort::Fast, &format!("round {round}"));
        check_values(&values, Effort::Best, &format!("round {round}"));
    }
}

#[test]
fn single_odd_values_come_back_wherever_they_are() {
    let odd = [
        f64::from_bits(0x7ff0_0000_0000_0002),
        f64::from_bits(0xfff8_1234_5678_9abc),
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        -5e-324,
        9_007_199_254_740_992.0,
        9_007_199_254_740_993.0,
        -9_007_199_254_740_992.0,
        9.3e18,
        0.1 + 0.2,
    ];
    for value in odd {
        for effort in [Effort::Fast, Effort::Best] {
            for at in [0, 1, 2, 17, 30, 31] {
                for base in [vec![0.0; 32], (0..32).map(f64::from).collect(), vec![0.25; 32]] {
                    let mut values = base;
                    values[at] = value;
                    let len = check_values(&values, effort, &format!("{value:?} at {at}"));
                    assert!(len <= 32, "{value:?} at {at} takes {len} bytes");
                }
            }
            check_values(&[value], effort, "alone");
            check_values(&[value, 1.0], effort, "before one");
            check_values(&vec![value; 500], effort, "constant");
        }
    }
}

#[test]
fn integers_of_any_size_come_back() {
    let extremes = [
        0,
        1,
        -1,
        i64::MAX,
        i64::MIN,
        i64::MAX - 1,
        i64::MIN + 1,
        1 << 62,
        -(1 << 62),
        1 << 53,
    ];
    for round in 0..300 {
        let mut seed = Seed::new(round);
        let len = 1 + seed.below(400) as usize;
        let shift = seed.below(64);
        let column: Vec<i64> = (0..len)
            .map(|_| match seed.below(20) {
                0 => extremes[seed.below(10) as usize],
                _ => (seed.bits() >> shift) as i64,
            })
            .collect();
        check_integers(&column, Effort::Fast, &format!("round {round}"));
        check_integers(&column, Effort::Best, &format!("round {round}"));
    }
    check_integers(&[i64::MIN, i64::MAX], Effort::Best, "two extremes");
    check_integers(&[i64::MIN, i64::MAX, i64::MIN], Effort::Best, "three extremes");
    check_integers(&[0, i64::MIN, 0, 0], Effort::Best, "a factor of 2^63");
}

#[test]
fn timestamps_come_back_and_regular_ones_are_tiny() {
    for round in 0..200 {
        let mut seed = Seed::new(round);
        let len = 1 + seed.below(600) as usize;
        let jitter = [1, 2, 5, 40][seed.below(4) as usize];
        let mut at = 1_700_000_000_000;
        let column: Vec<i64> = (0..len)
            .map(|_| {
                at += if seed.below(100) == 0 { 45_000 } else { 15_000 };
                at + seed.below(jitter) as i64
            })
            .collect();
        let mut bytes = Vec::new();
        encode_timestamps(&column, &mut bytes);
        let mut back = Vec::new();
        assert_eq!(decode_timestamps(&bytes, len, &mut back), Ok(bytes.len()));
        assert_eq!(back, column);
    }
    let mut bytes = Vec::new();
    encode_timestamps(
        &(0..8192)
            .map(|at| 1_700_000_000_000 + at * 15_000)
            .collect::<Vec<_>>(),
        &mut bytes,
    );
    assert!(bytes.len() <= 10, "{} bytes", bytes.len());
}

#[test]
fn constant_columns_are_tiny() {
    for (value, most) in [
        (0.0, 1),
        (1.0, 1),
        (19.0, 1),
        (20.0, 2),
        (-1.0, 2),
        (8000.0, 3),
        (0.25, 3),
        (1e6, 4),
    ] {
        for len in [1, 32, 480] {
            for effort in [Effort::Fast, Effort::Best] {
                let bytes = value_bytes(&vec![value; len], effort).len();
                assert!(bytes <= most, "{value} takes {bytes} bytes");
            }
        }
    }
    assert_eq!(
        value_bytes(&[f64::from_bits(0x7ff0_0000_0000_0002); 3], Effort::Fast).len(),
        1
    );
    assert!(value_bytes(&[f64::NAN; 3], Effort::Fast).len() <= 3);
    assert!(value_bytes(&[f64::INFINITY; 3], Effort::Fast).len() <= 3);
}

#[test]
fn sums_of_durations_are_near_their_grid() {
    let exact = OTHERS
        .iter()
        .filter(|kind| ["milliseconds", "microseconds"].contains(&kind.name));
    for kind in exact {
        let values = (kind.column)(&mut Seed::new(9), 480);
        let bytes = value_bytes(&values, Effort::Best).len();
        assert!(bytes < 480 * 3, "{} takes {bytes} bytes", kind.name);
    }
}

#[test]
fn best_is_never_much_larger_than_fast() {
    for kind in all_kinds() {
        for len in [32, 120, 480, 1440] {
            let values = (kind.column)(&mut Seed::new(77), len);
            let fast = value_bytes(&values, Effort::Fast).len();
            let best = value_bytes(&values, Effort::Best).len();
            assert!(
                best <= fast + fast / 20 + 4,
                "{} of {len}: best {best} fast {fast}",
                kind.name
            );
        }
    }
}

#[test]
fn foreign_bytes_fail_or_decode_but_never_panic() {
    let mut seed = Seed::new(5);
    let mut values = Vec::new();
    let mut numbers = Vec::new();
    for round in 0..30_000 {
        let bytes: Vec<u8> = (0..seed.below(80)).map(|_| seed.bits() as u8).collect();
        let count = [0, 1, 2, 3, 30, 500, 5000][seed.below(7) as usize];
        values.clear();
        numbers.clear();
        match decode_values(&bytes, count, &mut values) {
            Ok(used) => assert!(used <= bytes.len() && values.len() == count, "round {round}"),
            Err(Malformed) => assert!(values.is_empty(), "round {round}"),
        }
        match decode_timestamps(&bytes, count, &mut numbers) {
            Ok(used) => assert!(used <= bytes.len() && numbers.len() == count, "round {round}"),
            Err(Malformed) => assert!(numbers.is_empty(), "round {round}"),
        }
        assert!(values.capacity() <= 16_384 && numbers.capacity() <= 16_384);
    }
}

#[test]
fn mutated_and_cut_encodings_never_panic() {
    let mut seed = Seed::new(6);
    for kind in all_kinds() {
        for len in [3, 32, 300] {
            let values = (kind.column)(&mut seed, len);
            for effort in [Effort::Fast, Effort::Best] {
                let good = value_bytes(&values, effort);
                for _ in 0..300 {
                    let mut bytes = good.clone();
                    for _ in 0..1 + seed.below(3) {
                        let at = seed.below(bytes.len() as u64) as usize;
                        bytes[at] ^= 1 << seed.below(8);
                    }
                    bytes.truncate(1 + seed.below(2 * bytes.len() as u64) as usize);
                    let mut back = Vec::new();
                    let count = if seed.below(4) == 0 {
                        seed.below(1000) as usize
                    } else {
                        len
                    };
                    if decode_values(&bytes, count, &mut back).is_err() {
                        assert!(back.is_empty());
                    }
                }
                for cut in 0..good.len() {
                    let mut back = Vec::new();
                    assert_eq!(
                        decode_values(&good[..cut], len, &mut back),
                        Err(Malformed),
                        "{} cut {cut}",
                        kind.name
                    );
                }
            }
        }
    }
}

#[test]
fn bytes_written_long_ago_still_mean_the_same() {
    let classes: Vec<f64> = (0..60usize)
        .map(|at| [3.0, 0.0, 1.0, 0.0, 70.0, 0.0, 2.0, 1.0][at * at % 8] + (at % 2) as f64)
        .collect();
    let cases: [(&[u8], Vec<f64>); 6] = [
        (&[0x00], vec![0.0; 9]),
        (&[0xa8, 2, 50], vec![0.25; 3]),
        (&[1, 1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]),
        (&[1, 2, 0x0a, 0, 1, 2], vec![5.0, 5.0, 6.0, 5.0]),
        (
            &[0x0a, 2, 0x12, 0x64, 0x4b, 0, 1, 2, 1, 1, 2],
            vec![0.5, f64::from_bits(0x7ff8_0000_0000_0000), 1.25],
        ),
        (
            &[
                0x01, 0x82, 0x06, 0x03, 0x00, 0x21, 0x0f, 0xc0, 0xf0, 0xc0, 0x3c, 0x58, 0xbf, 0x7e, 0xfd,
                0xfa, 0xf5, 0xeb, 0xd7, 0xaf, 0x5f, 0xbf, 0x7e, 0xfd, 0xfa, 0xf5, 0x6b, 0x15,
            ],
            classes,
        ),
    ];
    for (bytes, values) in cases {
        let mut back = Vec::new();
        assert_eq!(decode_values(bytes, values.len(), &mut back), Ok(bytes.len()));
        let bits = |column: &[f64]| column.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(&values), "{bytes:x?}");
    }
}
