//! Random series of every kind that a seed repeats: what both sides are asked about.
//!
//! The names are fixed, so that [`crate::grammar`] knows what it may ask for; who is there, what the values are, where
//! there are gaps, resets and staleness markers is up to the seed. Two hours at a sample every 15 to 60 seconds, some
//! 150 series: enough for every window of a query, and little enough to be made anew for each seed.

mod floats;
mod native;

use std::sync::Arc;

use model::histogram::Histogram;
use model::metrics::STALE_NAN;
use model::{Labels, LabelsBuilder};

use crate::random::Random;

/// How long the data reaches.
pub(crate) const SPAN_MS: i64 = 2 * 60 * 60 * 1000;

/// Samples are at multiples of this, but for series that are uneven by nature.
pub(crate) const GRID_MS: i64 = 15_000;

/// One sample.
#[derive(Debug, Clone)]
pub(crate) enum Point {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// The samples of one series in order of time, no two at one time.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<(i64, Point)>,
}

/// All series, sorted by labels.
#[derive(Debug, Clone)]
pub(crate) struct DataSet {
    /// Where the data begins, in milliseconds since the epoch.
    pub(crate) start_ms: i64,
    pub(crate) series: Vec<Series>,
}

/// The data of a seed, from `start_ms` on.
///
/// Every series has something at the very start, a staleness marker if nothing else: so a store that numbers series as
/// they come gives them out in the order of their labels, and `limitk` takes the same ones everywhere.
pub(crate) fn generate(seed: u64, start_ms: i64) -> DataSet {
    let mut maker = Maker {
        random: Random::new(seed, "data"),
        start_ms,
        series: Vec::new(),
    };
    floats::add(&mut maker);
    native::add(&mut maker);
    let mut series = maker.series;
    for series in &mut series {
        if series.points.first().is_none_or(|(at, _)| *at > start_ms) {
            series.points.insert(0, (start_ms, Point::Float(STALE_NAN)));
        }
    }
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    DataSet { start_ms, series }
}

/// A data set in the making.
struct Maker {
    random: Random,
    start_ms: i64,
    series: Vec<Series>,
}

/// A moment in the life of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// It has a sample.
    Sample(i64),
    /// Its source says that it ends.
    Stale(i64),
}

const JOBS: [(&str, &[&str]); 3] = [
    ("api", &["a:1", "b:1", "c:1"]),
    ("web", &["a:1", "b:2"]),
    ("db", &["d:1"]),
];

impl Maker {
    /// Job and instance of all processes, less some.
    fn processes(&mut self) -> Vec<[(&'static str, &'static str); 2]> {
        let mut out = Vec::new();
        for (job, instances) in JOBS {
            for instance in instances {
                if self.random.chance(85) {
                    out.push([("job", job), ("instance", *instance)]);
                }
            }
        }
        out
    }

    /// When a series has samples: every 15, 30 or 60 seconds, with gaps.
    fn moments(&mut self) -> Vec<Moment> {
        let every_ms = GRID_MS * [1, 1, 2, 4][self.random.below(4) as usize];
        let gaps = self.random.below(4);
        self.moments_every(every_ms, gaps)
    }

    /// As [`Maker::moments`], with this distance and so many gaps.
    fn moments_every(&mut self, every_ms: i64, gaps: u64) -> Vec<Moment> {
        let end_ms = self.start_ms + SPAN_MS;
        let gaps: Vec<(i64, i64, bool)> = (0..gaps)
            .map(|_| {
                let from = self.random.between(self.start_ms, end_ms);
                let length = self.random.between(every_ms, 15 * 60_000);
                (from, from + length, self.random.chance(50))
            })
            .collect();
        let mut moments = Vec::new();
        let mut at_ms = self.start_ms;
        while at_ms < end_ms {
            match gaps.iter().find(|(from, to, _)| (*from..*to).contains(&at_ms)) {
                None => moments.push(Moment::Sample(at_ms)),
                Some((from, _, true)) if at_ms - from < every_ms => moments.push(Moment::Stale(at_ms)),
                Some(_) => {}
            }
            at_ms += every_ms;
        }
        moments
    }

    /// Adds a series of floats with a value for each moment that has a sample.
    fn floats(&mut self, labels: Labels, moments: &[Moment], mut value: impl FnMut(&mut Random, i64) -> f64) {
        let point = |moment: &Moment| match *moment {
            Moment::Sample(at) => (at, Point::Float(value(&mut self.random, at))),
            Moment::Stale(at) => (at, Point::Float(STALE_NAN)),
        };
        let points = moments.iter().map(point).collect();
        self.series.push(Series { labels, points });
    }

    /// Adds a series of native histograms.
    fn histograms(
        &mut self,
        labels: Labels,
        moments: &[Moment],
        mut value: impl FnMut(&mut Random) -> Histogram,
    ) {
        let point = |moment: &Moment| match *moment {
            Moment::Sample(at) => (at, Point::Histogram(Arc::new(value(&mut self.random)))),
            Moment::Stale(at) => (at, Point::Histogram(Arc::new(Histogram::stale()))),
        };
        let points = moments.iter().map(point).collect();
        self.series.push(Series { labels, points });
    }
}

/// The labels of a metric.
fn labels(name: &str, pairs: &[(&str, &str)], more: &[(&str, &str)]) -> Labels {
    let mut builder = LabelsBuilder::default();
    builder.set("__name__", name);
    pairs.iter().chain(more).for_each(|(n, v)| {
        builder.set(n, v);
    });
    builder.build()
}

#[cfg(test)]
mod tests;
