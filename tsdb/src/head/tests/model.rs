//! Random batches: what is stored, refused, seen and replayed is what a plain map says.

use std::collections::HashMap;

use model::Labels;
use model::metrics::{RefSample, Rejected, SeriesRef};

use super::fixture::{Contents, Head, contents, read, replayed, target, unwrapped};
use crate::head::Bounds;
use crate::random::Random;

/// The rules for one sample, spelt out.
fn judge(
    bounds: &Bounds,
    known: &std::collections::BTreeMap<i64, u64>,
    s: &RefSample,
) -> Result<bool, Rejected> {
    if s.timestamp_ms > bounds.until_ms {
        return Err(Rejected::TooFarInFuture);
    }
    if let Some(bits) = known.get(&s.timestamp_ms) {
        return match *bits == s.value.to_bits() {
            true => Ok(false),
            false => Err(Rejected::Duplicate),
        };
    }
    let is_newest = known
        .last_key_value()
        .is_none_or(|(last, _)| s.timestamp_ms > *last);
    if s.timestamp_ms >= bounds.late_from_ms || is_newest && s.timestamp_ms >= bounds.in_order_from_ms {
        Ok(true)
    } else if s.timestamp_ms < bounds.in_order_from_ms {
        Err(Rejected::TooOld)
    } else {
        Err(Rejected::OutOfOrder)
    }
}

struct Case {
    random: Random,
    head: Head,
    series: Vec<(Labels, SeriesRef)>,
    labels_of: HashMap<SeriesRef, Labels>,
    /// What each target has: a stretch of `series`.
    targets: Vec<std::ops::Range<usize>>,
    known: Contents,
    /// Some moments: the batch that was seen then, and what was seen.
    moments: Vec<(u64, Contents)>,
    now: i64,
}

impl Case {
    fn new(seed: u64) -> Case {
        Case {
            random: Random::new(seed),
            head: Head::new(),
            series: Vec::new(),
            labels_of: HashMap::new(),
            targets: Vec::new(),
            known: Contents::new(),
            moments: Vec::new(),
            now: 1_000_000,
        }
    }

    fn add_target(&mut self) {
        let width = [1, 1, 2, 7, 30, 63, 200, 700][self.random.below(8) as usize];
        let labels = target(self.targets.len(), width);
        let refs = unwrapped(self.head.create(&labels, self.now));
        assert_eq!(
            refs,
            unwrapped(self.head.create(&labels, self.now + 1)),
            "made a second time"
        );
        let start = self.series.len();
        self.labels_of
            .extend(refs.iter().copied().zip(labels.iter().cloned()));
        self.series.extend(labels.into_iter().zip(refs));
        self.targets.push(start..self.series.len());
    }

    fn value(&mut self, series: usize) -> f64 {
        match series % 5 {
            0 => 1.0,
            1 => (self.now / 100) as f64,
            2 => self.random.below(3) as f64,
            3 => f64::from_bits(self.random.next()),
            _ => [f64::NAN, -0.0, model::metrics::STALE_NAN, f64::INFINITY][self.random.below(4) as usize],
        }
    }

    /// A scrape of a target, now and then with holes, late, again, or in pieces in disorder.
    fn batch(&mut self) -> Vec<RefSample> {
        let mut samples = Vec::new();
        for _ in 0..=self.random.below(3) {
            let target = self.targets[self.random.below(self.targets.len() as u64) as usize].clone();
            let late = if self.random.below(5) == 0 {
                self.random.below(60_000) as i64
            } else {
                0
            };
            let timestamp_ms = self.now - late - late % 1000;
            let holes = [1, 1, 1, 2, 10][self.random.below(5) as usize];
            for i in target {
                if holes > 1 && self.random.below(holes) == 0 {
                    continue;
                }
                samples.push(RefSample {
                    series: self.series[i].1,
                    timestamp_ms,
                    value: self.value(i),
                });
            }
        }
        match self.random.below(8) {
            0 => {
                for i in (1..samples.len()).rev() {
                    samples.swap(i, self.random.below(i as u64 + 1) as usize);
                }
            }
            1 => samples.truncate(self.random.below(samples.len() as u64 + 1) as usize),
            2 => samples.extend_from_within(..samples.len() / 3),
            _ => {}
        }
        samples
    }

    fn append(&mut self, samples: &[RefSample]) {
        let report = self.head.append(samples);
        let mut rejected = Vec::new();
        for (i, sample) in samples.iter().enumerate() {
            let known = self
                .known
                .entry(self.labels_of[&sample.series].clone())
                .or_default();
            match judge(&self.head.bounds, known, sample) {
                Ok(true) => drop(known.insert(sample.timestamp_ms, sample.value.to_bits())),
                Ok(false) => {}
                Err(reason) => rejected.push((i, reason)),
            }
        }
        self.known.retain(|_, samples| !samples.is_empty());
        assert_eq!(report.stored, samples.len() - rejected.len());
        assert_eq!(report.rejected, rejected);
    }

    fn check(&mut self) {
        let everything = u64::MAX;
        assert!(
            contents(&self.head.memtable, everything) == self.known,
            "contents differ"
        );
        for (batch, then) in &self.moments {
            assert!(
                contents(&self.head.memtable, *batch) == *then,
                "a snapshot changed"
            );
        }
        let stored: usize = self.known.values().map(|samples| samples.len()).sum();
        assert_eq!(self.head.memtable.samples(), stored as u64);
        for _ in 0..5 {
            let (labels, _) = &self.series[self.random.below(self.series.len() as u64) as usize];
            let start = self.now - self.random.below(200_000) as i64;
            let end = start + self.random.below(100_000) as i64;
            let samples = read(&self.head.memtable, labels, everything, start, end);
            let known = self.known.get(labels).into_iter().flatten();
            let expected: Vec<(i64, u64)> = known
                .map(|(t, bits)| (*t, *bits))
                .filter(|(t, _)| (start..=end).contains(t))
                .collect();
            let found: Vec<(i64, u64)> = samples
                .iter()
                .map(|s| (s.timestamp_ms, s.value.to_bits()))
                .collect();
            assert_eq!(found, expected);
        }
    }

    fn run(&mut self, steps: usize) {
        self.add_target();
        for step in 0..steps {
            self.now += [0, 1000, 1000, 5000][self.random.below(4) as usize];
            if self.random.below(12) == 0 && self.targets.len() < 12 {
                self.add_target();
            }
            let batch = self.batch();
            self.append(&batch);
            if self.random.below(20) == 0 && self.moments.len() < 3 {
                self.moments.push((self.head.batch, self.known.clone()));
            }
            if self.moments.len() == 3 && self.random.below(20) == 0 {
                self.moments.clear();
            }
            let lease = self.moments.first().map_or(self.head.batch, |(batch, _)| *batch);
            self.head.memtable.set_sealable(lease);
            if step % 40 == 39 {
                self.check();
            }
        }
        self.check();
        assert!(self.head.memtable.runs() > 0, "nothing was sealed");
        let (_, log) = self.head.next_generation();
        assert!(
            contents(&replayed(&log), 0) == self.known,
            "the log says something else"
        );
    }
}

#[test]
fn whatever_comes_is_stored_seen_and_replayed_as_a_map_would() {
    for seed in 0..4 {
        Case::new(seed).run(160);
    }
}

#[test]
fn bounds_are_kept_to_the_millisecond() {
    for seed in 100..104 {
        let mut case = Case::new(seed);
        case.add_target();
        for _ in 0..150 {
            case.now += 1000;
            let from = case.now - 30_000;
            case.head.bounds = Bounds {
                in_order_from_ms: from,
                late_from_ms: [from + 10_000, from - 5000, i64::MAX][seed as usize % 3],
                until_ms: case.now - 1000 * (case.random.below(10) / 9) as i64,
            };
            let mut batch = case.batch();
            // In disorder the head may judge in another order than one by one.
            batch.sort_by_key(|s| (s.series.0 >> 9, s.timestamp_ms, s.series.0));
            case.append(&batch);
            case.head.commit();
        }
        case.check();
    }
}
