//! Seeded random lives of a database beside a plain map.

use super::*;
use crate::random::Random;
use model::MatchOp;
use model::metrics::Rejected;

struct Life {
    fs: Arc<dyn Fs>,
    tsdb: Tsdb,
    random: Random,
    data: Data,
    now_ms: i64,
    /// Whether anything was deleted since the last start.
    deleted: bool,
    /// Moments held on to, with what they must show.
    held: Vec<(Arc<dyn MetricSnapshot>, Data)>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let (_, fs) = memory();
        let tsdb = open(&fs);
        Life {
            fs,
            tsdb,
            random: Random::new(seed),
            data: Data::new(),
            now_ms: 5000,
            deleted: false,
            held: Vec::new(),
        }
    }

    fn append(&mut self) {
        let mut rows = Vec::new();
        for _ in 0..1 + self.random.below(12) {
            let late = if self.random.below(4) == 0 {
                self.random.below(4000) as i64
            } else {
                0
            };
            let value = [1.0, 2.0, f64::NAN, model::metrics::STALE_NAN][self.random.below(4) as usize];
            rows.push(row(self.random.below(12), self.now_ms - late, value));
            self.now_ms += self.random.below(30) as i64;
        }
        let report = append(&self.tsdb, &mut rows, &mut self.data).unwrap();
        for (i, reason) in report.rejected {
            let (labels, sample) = (&rows[i].labels, rows[i].sample);
            let known = self
                .data
                .get(labels)
                .and_then(|times| times.get(&sample.timestamp_ms));
            match reason {
                // Perhaps the duplicate of one that is hidden behind the first, which is in a block.
                Rejected::Duplicate => assert!(known.is_some()),
                Rejected::TooOld | Rejected::OutOfOrder => {
                    assert!(
                        sample.timestamp_ms < self.now_ms - 2500,
                        "{}",
                        sample.timestamp_ms
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn delete(&mut self) {
        let matchers = match self.random.below(3) {
            0 => vec![Matcher::equal("__name__", format!("m{}", self.random.below(4)))],
            1 => vec![Matcher::new("i", MatchOp::Regex, format!("{}|1.*", self.random.below(9))).unwrap()],
            _ => vec![
                Matcher::equal("job", "j"),
                Matcher::new("i", MatchOp::NotEqual, "3").unwrap(),
            ],
        };
        let from = match self.random.below(4) {
            0 => i64::MIN,
            _ => self.random.below(self.now_ms as u64 + 1000) as i64,
        };
        let to = match self.random.below(4) {
            0 => i64::MAX,
            _ => from.saturating_add(self.random.below(2000) as i64),
        };
        self.tsdb
            .delete_series(std::slice::from_ref(&matchers), from, to)
            .unwrap();
        self.deleted |= !self.tsdb.tombstones().is_empty();
        for (labels, times) in &mut self.data {
            if matchers.iter().all(|m| m.matches_labels(labels)) {
                times.retain(|ms, _| *ms < from || *ms > to);
            }
        }
        self.data.retain(|_, times| !times.is_empty());
    }

    fn check_labels(&self) {
        let snapshot = self.tsdb.snapshot(i64::MIN, i64::MAX).unwrap();
        for matchers in [vec![], vec![Matcher::new("i", MatchOp::NotEqual, "2").unwrap()]] {
            let kept = |labels: &&Labels| matchers.iter().all(|m| m.matches_labels(labels));
            let labels = || self.data.keys().filter(kept);
            for name in ["i", "__name__"] {
                let mut values: Vec<_> = labels().filter_map(|l| l.get(name).map(str::to_owned)).collect();
                values.sort();
                values.dedup();
                let mut found = snapshot.label_values(name, &matchers).unwrap();
                if matchers.is_empty() && !self.deleted {
                    // Series that are alive show without any sample.
                    found.retain(|value| values.contains(value));
                }
                assert_eq!(found, values, "{name}");
            }
        }
    }

    fn check(&mut self) {
        assert_eq!(everything(&self.tsdb), self.data);
        self.check_labels();
        let from = self.random.below(self.now_ms as u64) as i64;
        let to = from + self.random.below(3000) as i64;
        let expected = within(&self.data, from, to);
        assert_eq!(ask(&self.tsdb, from, to), expected, "{from}..{to}");
        let snapshot = self.tsdb.snapshot(from, to).unwrap();
        let labels: Vec<Labels> = expected.keys().cloned().collect();
        let mut found = snapshot.series(&[]).unwrap();
        found.sort();
        assert_eq!(found, labels);
        let matchers = [
            Matcher::equal("__name__", "m1"),
            Matcher::new("i", MatchOp::NotRegex, "1|4.*").unwrap(),
        ];
        let expected: Data = expected
            .into_iter()
            .filter(|(labels, _)| matchers.iter().all(|m| m.matches_labels(labels)))
            .collect();
        assert_eq!(read(&*snapshot, &matchers, &hints(from, to)).unwrap(), expected);
        for (snapshot, expected) in &self.held {
            let got = read(&**snapshot, &[], &hints(i64::MIN, i64::MAX)).unwrap();
            assert_eq!(got, *expected, "a snapshot does not change");
        }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..70 => self.append(),
            70..80 => {
                self.tsdb.maintain().unwrap();
            }
            80..82 => {
                self.tsdb.flush().unwrap();
            }
            82..83 => {
                self.held.clear();
                self.tsdb = open(&self.fs);
                self.deleted = false;
            }
            83..86 if self.held.len() < 3 => {
                let snapshot = self.tsdb.snapshot(i64::MIN, i64::MAX).unwrap();
                self.held.push((snapshot, self.data.clone()));
            }
            86..88 => self.held.clear(),
            88..92 => self.now_ms += self.random.below(1500) as i64,
            92..94 => self.tsdb.sync().unwrap(),
            94 => self.delete(),
            95 if self.random.below(3) == 0 => {
                self.tsdb.clean_tombstones().unwrap();
                assert_eq!(self.tsdb.tombstones(), []);
                self.check();
            }
            _ => self.check(),
        }
    }
}

#[test]
fn a_database_says_what_a_map_says() {
    for seed in 0..40 {
        let mut life = Life::new(seed);
        for _ in 0..300 {
            life.step();
        }
        life.check();
        let blocks = life.tsdb.blocks();
        assert!(!blocks.is_empty(), "the life was too short to cut a block");
        assert!(blocks.iter().any(|b| b.level > 1), "nothing was compacted");
    }
}
