//! Durations, offsets and times.

use super::{Grammar, seconds};

const RANGES: [&str; 12] = [
    "15s", "30s", "45s", "1m", "1m", "2m30s", "5m", "5m", "10m", "299s", "1h", "61s1ms",
];

impl Grammar {
    /// How long a range is.
    pub(super) fn range(&mut self) -> String {
        if self.random.chance(92) {
            return self.random.pick(&RANGES).to_owned();
        }
        let range = self.random.pick(&RANGES).to_owned();
        match self.random.below(8) {
            0 => format!("{range} + 1m"),
            1 => format!("2 * {range}"),
            2 => format!("step() + {range}"),
            3 => format!("max_of(step(), {range})"),
            4 => format!("min_of(range() + 1m, {range})"),
            5 => format!("({range} + 30s) / 2"),
            6 => format!("{range} % 4m + 90"),
            _ => format!("{}", self.random.between(20, 700)),
        }
    }

    /// The step of a subquery, or nothing.
    pub(super) fn resolution(&mut self) -> String {
        match self.random.below(12) {
            0..=3 => String::new(),
            4 => "step() + 10s".to_owned(),
            5 => "7s".to_owned(),
            n => ["15s", "30s", "1m", "1m", "100s", "2m"][(n % 6) as usize].to_owned(),
        }
    }

    /// `offset` and `@`, in any order, or nothing.
    pub(super) fn modifiers(&mut self) -> (String, String) {
        let offset = if self.random.chance(15) {
            format!(" offset {}", self.offset())
        } else {
            String::new()
        };
        let at = if self.random.chance(10) {
            format!(" @ {}", self.at())
        } else {
            String::new()
        };
        if self.random.chance(50) {
            (offset, at)
        } else {
            (at, offset)
        }
    }

    fn offset(&mut self) -> String {
        match self.random.below(10) {
            0 => "-90s".to_owned(),
            1 => "-(1m + 15s)".to_owned(),
            2 => "(2 * 45s)".to_owned(),
            3 => "step()".to_owned(),
            4 => "7s".to_owned(),
            5 => "-1h".to_owned(),
            _ => self.random.pick(&["15s", "1m", "5m", "17m"]).to_owned(),
        }
    }

    fn at(&mut self) -> String {
        match self.random.below(4) {
            0 => "start()".to_owned(),
            1 => "end()".to_owned(),
            _ => seconds(self.moment()),
        }
    }
}
