//! Random queries that a seed repeats, made by a grammar of the language.
//!
//! Most are sensible: a rate is of a counter, a histogram function of histograms. Some are not, since what a query without
//! sense answers is defined too: a warning, nothing, or an error. The tree of [`node`] keeps what belongs together, so that
//! [`crate::shrink`] can take a query apart.

mod durations;
mod functions;
mod node;
mod operators;
mod scalars;
mod selectors;
mod vectors;

use std::fmt;

use crate::data::{GRID_MS, SPAN_MS};
use crate::random::Random;

pub(crate) use node::{Node, Part, Type};
#[cfg(test)]
pub(crate) use selectors::names;

/// When a query is asked, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Instant(i64),
    Range {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

/// A query and when it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) root: Node,
    pub(crate) times: Times,
}

impl Query {
    /// The text that is sent.
    pub(crate) fn text(&self) -> String {
        self.root.to_string()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Times::Instant(at_ms) => write!(f, "at {}", seconds(at_ms)),
            Times::Range {
                start_ms,
                end_ms,
                step_ms,
            } => {
                write!(
                    f,
                    "from {} to {} step {}",
                    seconds(start_ms),
                    seconds(end_ms),
                    seconds(step_ms)
                )
            }
        }
    }
}

/// Milliseconds as seconds, as the HTTP API takes times.
pub(crate) fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    match ms.unsigned_abs() {
        ms if ms % 1000 == 0 => format!("{sign}{}", ms / 1000),
        ms => format!("{sign}{}.{:03}", ms / 1000, ms % 1000),
    }
}

/// What the samples of a vector should be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Counter,
    Gauge,
    Native,
    Any,
}

/// Makes queries, one after the other.
pub(crate) struct Grammar {
    random: Random,
    /// Where the data begins.
    start_ms: i64,
}

impl Grammar {
    /// The queries of a seed over data that begins at `start_ms`.
    pub(crate) fn new(seed: u64, start_ms: i64) -> Grammar {
        Grammar {
            random: Random::new(seed, "queries"),
            start_ms,
        }
    }

    /// The next query.
    pub(crate) fn query(&mut self) -> Query {
        let depth = 1 + self.random.weighted(&[25, 40, 25, 10]);
        let times = self.times();
        let root = match self.random.below(100) {
            0..=3 => self.scalar(depth),
            4..=5 if matches!(times, Times::Instant(_)) => self.matrix(depth, Flavour::Any),
            6..=11 => self.ordered(depth),
            _ => {
                let flavour = self.flavour();
                self.vector(depth, flavour)
            }
        };
        Query { root, times }
    }

    fn flavour(&mut self) -> Flavour {
        [Flavour::Counter, Flavour::Gauge, Flavour::Native, Flavour::Any]
            [self.random.weighted(&[30, 25, 30, 15])]
    }

    fn times(&mut self) -> Times {
        if self.random.chance(50) {
            return Times::Instant(self.moment());
        }
        let start_ms = self.moment();
        let step_ms = match self.random.below(4) {
            0 => GRID_MS,
            1 => 60_000,
            2 => self.random.between(1, 20) * GRID_MS,
            _ => self.random.between(1_000, 400_000),
        };
        let end_ms = start_ms + step_ms * self.random.between(0, 25) + self.random.between(0, step_ms);
        Times::Range {
            start_ms,
            end_ms,
            step_ms,
        }
    }

    /// A time within the data or a little off it: often where samples are, sometimes in between.
    fn moment(&mut self) -> i64 {
        let at_ms = self.start_ms + self.random.between(-SPAN_MS / 20, SPAN_MS + SPAN_MS / 10);
        if self.random.chance(60) {
            at_ms - at_ms.rem_euclid(GRID_MS)
        } else {
            at_ms
        }
    }
}

#[cfg(test)]
mod tests;
