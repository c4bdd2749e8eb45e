//! Sealing at every moment changes nothing that can be read.

use std::collections::BTreeMap;

use model::metrics::{RefSample, Samples, SeriesRef};

use crate::head::row::Row;
use crate::head::run::{Run, Scratch};
use crate::random::Random;

fn random_rows(random: &mut Random, width: u64, count: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut timestamp_ms = 0;
    for _ in 0..count {
        timestamp_ms += [0, 15_000, 15_000, 15_003][random.below(4) as usize];
        let (holes, from) = (random.below(4), random.below(width));
        let slots: Vec<u64> = (from * (holes / 3)..width)
            .filter(|_| holes == 0 || random.below(holes + 1) > 0)
            .collect();
        let mut value = |slot: u64| match slot % 2 {
            0 => slot as f64,
            _ => f64::from_bits(random.next()),
        };
        let samples: Vec<RefSample> = slots
            .into_iter()
            .map(|slot| RefSample {
                series: SeriesRef(slot),
                timestamp_ms,
                value: value(slot),
            })
            .collect();
        if !samples.is_empty() {
            rows.push(Row::new(1, &samples));
        }
    }
    rows
}

/// What a slot has: of two values at one time the first.
fn expected(rows: &[Row], slot: usize) -> BTreeMap<i64, u64> {
    let mut expected = BTreeMap::new();
    for row in rows {
        if let Some(bits) = row.value(slot) {
            expected.entry(row.timestamp_ms).or_insert(bits);
        }
    }
    expected
}

fn check(run: &Run, rows: &[Row], width: usize, random: &mut Random) {
    let mut scratch = Scratch::default();
    for slot in 0..width + 2 {
        let expected = expected(rows, slot);
        assert_eq!(run.has(slot), !expected.is_empty());
        let last = rows.last().map_or(0, |row| row.timestamp_ms);
        let start = random.below(last as u64 + 2) as i64;
        let end = start + random.below(60_000) as i64;
        for (start, end) in [(i64::MIN, i64::MAX), (start, end)] {
            let mut samples = Samples::default();
            run.read(slot, start, end, &mut scratch, &mut samples).unwrap();
            let found: Vec<(i64, u64)> = samples
                .iter()
                .map(|s| (s.timestamp_ms, s.value.to_bits()))
                .collect();
            let wanted = expected.range(start..=end).map(|(t, bits)| (*t, *bits));
            assert_eq!(found, wanted.collect::<Vec<_>>());
            let last = run.last_between(slot, start, end, &mut scratch).unwrap();
            assert_eq!(last, found.last().map(|(t, _)| *t));
        }
    }
}

#[test]
fn a_run_gives_what_its_rows_would() {
    let mut random = Random::new(5);
    let mut scratch = Scratch::default();
    for (width, count) in [
        (1, 1),
        (1, 30),
        (3, 20),
        (8, 33),
        (60, 40),
        (512, 32),
        (512, 3),
        (20, 700),
    ] {
        for _ in 0..8 {
            let rows = random_rows(&mut random, width, count);
            if !rows.is_empty() {
                let run = Run::seal(None, &rows, &mut scratch).unwrap();
                check(&run, &rows, width as usize, &mut random);
            }
        }
    }
}

#[test]
fn a_run_of_a_narrow_page_grows() {
    let mut random = Random::new(6);
    let mut scratch = Scratch::default();
    for width in [1, 2, 9, 15] {
        let rows = random_rows(&mut random, width, 100);
        let mut run: Option<Run> = None;
        let mut done = 0;
        while done < rows.len() {
            let next = rows.len().min(done + 1 + random.below(9) as usize);
            run = Some(Run::seal(run.as_ref(), &rows[done..next], &mut scratch).unwrap());
            done = next;
            check(run.as_ref().unwrap(), &rows[..done], width as usize, &mut random);
        }
    }
}
