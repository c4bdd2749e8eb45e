//! What an annotation counts, in the words of Prometheus.

use std::fmt;

use crate::functions::date;
use crate::histogram::Short;

/// What is counted, if anything is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Detail {
    None,
    Times(u64),
    Forced(Forced),
}

/// Where and when buckets had to be made monotonic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forced {
    /// The lowest upper bound of a bucket with too low a count.
    pub(crate) lowest: f64,
    /// The highest one.
    pub(crate) highest: f64,
    /// By how much a count was too low at most.
    pub(crate) difference: f64,
    /// How many samples of results.
    pub(crate) samples: i64,
    /// The first time, in milliseconds since the epoch.
    pub(crate) first_ms: i64,
    /// The last time, in milliseconds since the epoch.
    pub(crate) last_ms: i64,
}

impl Forced {
    /// Takes another one into account.
    pub(crate) fn add(&mut self, other: &Forced) {
        self.lowest = self.lowest.min(other.lowest);
        self.highest = self.highest.max(other.highest);
        self.difference = self.difference.max(other.difference);
        self.samples = self.samples.wrapping_add(other.samples);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

impl Detail {
    pub(super) fn add(&mut self, other: Detail) {
        match (self, other) {
            (Detail::Times(times), Detail::Times(more)) => *times = times.saturating_add(more),
            (Detail::Forced(forced), Detail::Forced(other)) => forced.add(&other),
            _ => {}
        }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detail::Times(times) if *times > 1 => write!(f, " ({times} occurrences)"),
            Detail::None | Detail::Times(_) => Ok(()),
            Detail::Forced(forced) => {
                let Forced {
                    lowest,
                    highest,
                    difference,
                    samples,
                    first_ms,
                    last_ms,
                } = *forced;
                let (lowest, highest) = (Short(lowest), Short(highest));
                write!(
                    f,
                    ", from buckets {lowest} to {highest}, with a max diff of {}, over {samples} samples from {} to {}",
                    TwoDigits(difference),
                    Rfc3339(first_ms / 1000),
                    Rfc3339(last_ms / 1000),
                )
            }
        }
    }
}

/// A number rounded to two digits, as Go's `%.2g` writes it.
struct TwoDigits(f64);

impl fmt::Display for TwoDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded: f64 = format!("{:.1e}", self.0).parse().unwrap_or(self.0);
        let scientific = format!("{rounded:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        match exponent.parse::<i32>() {
            Ok(exponent) if !(-4..2).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                write!(f, "{digits}e{sign}{:02}", exponent.abs())
            }
            _ => write!(f, "{rounded}"),
        }
    }
}

/// Seconds since the epoch as a time in UTC.
struct Rfc3339(i64);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            date::year(at),
            date::month(at),
            date::day_of_month(at),
            date::hour(at),
            date::minute(at),
            at.rem_euclid(60),
        )
    }
}
