//! The forms with start timestamps, by an encoder that follows the format's page.

use model::metrics::{STALE_NAN, Samples};

use super::*;
use crate::random::Random;

/// Bits from the highest down.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    used: usize,
}

impl Writer {
    fn bits(&mut self, value: u64, count: usize) {
        for i in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> i & 1) as u8;
            *self.bytes.last_mut().expect("pushed") |= bit << (7 - self.used % 8);
            self.used += 1;
        }
    }

    fn leb(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bits(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.bits(value, 8);
    }

    fn zigzag(&mut self, value: i64) {
        self.leb(((value << 1) ^ (value >> 63)) as u64);
    }

    fn varbit_int(&mut self, value: i64) {
        if value == 0 {
            return self.bits(0, 1);
        }
        let widths = [3, 6, 9, 12, 18, 25, 56, 64];
        for (i, width) in widths.into_iter().enumerate() {
            let half = 1i128 << (width - 1);
            if i128::from(value) > -half && i128::from(value) <= half || width == 64 {
                self.bits(u64::MAX, i + 1);
                if i < 7 {
                    self.bits(0, 1);
                }
                return self.bits(value as u64, width);
            }
        }
    }
}

/// A window of 5 leading zeros at most 31, six bits of length, the bits.
fn window(out: &mut Writer, xor: u64) {
    let leading = xor.leading_zeros().min(31);
    let significant = 64 - leading - xor.trailing_zeros();
    out.bits(u64::from(leading), 5);
    out.bits(u64::from(significant) & 63, 6);
    out.bits(xor >> xor.trailing_zeros(), significant as usize);
}

fn xor2(rows: &[(i64, f64, i64)]) -> Vec<u8> {
    let mut out = Writer::default();
    let (mut last, mut delta, mut distance) = (0u64, 0i64, 0i64);
    let changed_on = rows
        .windows(2)
        .position(|w| w[0].2 != w[1].2)
        .map_or(0, |i| i + 1);
    let changed_on = if changed_on == 0 && rows.len() > 127 {
        127
    } else {
        changed_on.min(127)
    };
    for (i, &(t, value, start)) in rows.iter().enumerate() {
        let before = rows[i.saturating_sub(1)].0;
        let (stale, xor) = (value.to_bits() == STALE_NAN.to_bits(), value.to_bits() ^ last);
        if i == 0 {
            out.zigzag(t);
            out.bits(value.to_bits(), 64);
        } else {
            let dod = (t - before) - delta;
            delta = t - before;
            let known = i > 1 && dod == 0;
            match (i, dod) {
                (1, _) => out.leb(delta as u64),
                (_, 0) if stale => out.bits(0b11111, 5),
                (_, 0) if xor == 0 => out.bits(0, 1),
                (_, 0) => out.bits(0b10, 2),
                (_, -4096..4096) => (out.bits(0b110, 3), out.bits(dod as u64, 13)).0,
                (_, -524_288..524_288) => (out.bits(0b1110, 4), out.bits(dod as u64, 20)).0,
                _ => (out.bits(0b11110, 5), out.bits(dod as u64, 64)).0,
            }
            if known {
                if !stale && xor != 0 {
                    out.bits(1, 1);
                    window(&mut out, xor);
                }
            } else if stale {
                out.bits(0b111, 3);
            } else if xor == 0 {
                out.bits(0, 1);
            } else {
                out.bits(0b110, 3);
                window(&mut out, xor);
            }
        }
        if !stale {
            last = value.to_bits();
        }
        if i == 0 && start != 0 {
            out.zigzag(t - start);
        } else if i > 0 && changed_on > 0 && i >= changed_on {
            let new = before - start;
            out.varbit_int(if i == changed_on { new } else { new - distance });
            distance = new;
        }
    }
    let mut data = (rows.len() as u16).to_be_bytes().to_vec();
    data.push(u8::from(rows[0].2 != 0) << 7 | changed_on as u8);
    data.extend(out.bytes);
    data
}

#[test]
fn floats_with_start_timestamps_come_back() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let (mut t, mut value) = (1_700_000_000_000i64, 3.5f64);
        let mut start = if random.below(2) == 0 { 0 } else { t - 5000 };
        let mut rows = Vec::new();
        for _ in 0..=random.below(300) {
            rows.push((t, value, start));
            t += match random.below(12) {
                0 => 15_000 + random.below(2000) as i64,
                1 => 15_000 + random.below(400_000) as i64,
                2 => 1 << random.below(45),
                _ => 15_000,
            };
            value = match random.below(6) {
                0 => STALE_NAN,
                1 => f64::from_bits(random.next()),
                2 => 4.0,
                _ => rows[rows.len() - 1].1,
            };
            if random.below(40) == 0 {
                start = t - random.below(1 << 20) as i64;
            }
        }
        let mut samples = Samples::default();
        decode(Encoding::Xor2, &xor2(&rows), &mut samples).expect("whole");
        let found: Vec<(i64, u64, i64)> = samples
            .iter()
            .map(|s| {
                (
                    s.timestamp_ms,
                    s.value.to_bits(),
                    samples.starts.at(s.timestamp_ms),
                )
            })
            .collect();
        let expected: Vec<(i64, u64, i64)> = rows.iter().map(|(t, v, s)| (*t, v.to_bits(), *s)).collect();
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[test]
fn mutated_chunks_with_start_timestamps_never_panic() {
    let rows: Vec<(i64, f64, i64)> = (0..200)
        .map(|i| (i * 1000 + i % 7, (i / 3) as f64, i / 50))
        .collect();
    let whole = xor2(&rows);
    let mut random = Random::new(1);
    for _ in 0..5000 {
        let mut data = whole.clone();
        for _ in 0..3 {
            let at = random.below(data.len() as u64) as usize;
            data[at] = random.next() as u8;
        }
        for encoding in [Encoding::Xor2, Encoding::HistogramSt, Encoding::FloatHistogramSt] {
            let mut samples = Samples::default();
            let _ = decode(encoding, &data, &mut samples);
            assert!(samples.len() <= usize::from(u16::MAX));
        }
    }
}
