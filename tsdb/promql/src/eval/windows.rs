//! The windows that a range selector or subquery lays over a track, one a step.
//!
//! Where they begin and end is worked out once a series by indices that only go forward, and kept for the next series
//! where that has samples at the same times, as series of one scrape have.

use std::sync::{Arc, OnceLock};

use super::Steps;
use super::column::histogram_samples;
use super::track::Track;
use crate::ast::Extension;
use crate::functions::rate::Timing;
use crate::histogram::FloatHistogram;

/// The window of one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The window's start, exclusive.
    pub(crate) start_ms: i64,
    /// The window's end, inclusive.
    pub(crate) end_ms: i64,
    /// The time of evaluation, which `offset` and `@` set apart from the end.
    pub(crate) eval_ms: i64,
    /// Which floats of the track are in it, the end exclusive.
    pub(crate) floats: (u32, u32),
    /// Which histograms of the track are in it, the end exclusive.
    pub(crate) histograms: (u32, u32),
}

impl Bounds {
    /// How many samples are in the window.
    fn samples(&self) -> usize {
        let count = |(from, to): (u32, u32)| to.saturating_sub(from) as usize;
        count(self.floats) + count(self.histograms)
    }

    /// Whether there is no sample in the window.
    pub(crate) fn is_empty(&self) -> bool {
        self.floats.0 >= self.floats.1 && self.histograms.0 >= self.histograms.1
    }
}

/// All windows of one series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows<'a> {
    /// The samples. Those of anchored and smoothed selectors reach further than the windows: back by the lookback, and
    /// for smoothed ones forward too.
    pub(crate) track: &'a Track,
    /// One window a step.
    pub(crate) bounds: &'a [Bounds],
    /// The length of a window.
    pub(crate) range_ms: i64,
    /// How the ends are treated.
    pub(crate) extension: Extension,
    /// What the times of the samples say to functions that extrapolate, once one asked.
    pub(crate) timings: &'a OnceLock<Vec<Timing>>,
}

/// One window with its samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// When its floats were.
    pub(crate) timestamps: &'a [i64],
    /// Its floats.
    pub(crate) values: &'a [f64],
    /// Its histograms.
    pub(crate) histograms: &'a [(i64, Arc<FloatHistogram>)],
    /// The window's start, exclusive.
    pub(crate) start_ms: i64,
    /// The window's end, inclusive.
    pub(crate) end_ms: i64,
    /// The time of evaluation, which `offset` and `@` set apart from the end.
    pub(crate) eval_ms: i64,
}

impl<'a> Windows<'a> {
    /// The window of a step with its samples.
    pub(crate) fn window(&self, bounds: &Bounds) -> Window<'a> {
        let floats = bounds.floats.0 as usize..bounds.floats.1 as usize;
        let histograms = bounds.histograms.0 as usize..bounds.histograms.1 as usize;
        let track = self.track;
        Window {
            timestamps: track.timestamps.get(floats.clone()).unwrap_or_default(),
            values: track.values.get(floats).unwrap_or_default(),
            histograms: track.histograms.get(histograms).unwrap_or_default(),
            start_ms: bounds.start_ms,
            end_ms: bounds.end_ms,
            eval_ms: bounds.eval_ms,
        }
    }

    /// How many samples all windows have together; those in several count several times.
    pub(crate) fn samples(&self) -> usize {
        self.bounds.iter().map(Bounds::samples).sum()
    }

    /// The windows divided into runs of at most so many samples, or of one window.
    pub(crate) fn pieces(&self, max_samples: usize) -> impl Iterator<Item = &'a [Bounds]> + use<'a> {
        let mut left = self.bounds;
        std::iter::from_fn(move || {
            let mut samples = left.first()?.samples();
            let mut count = 1;
            for next in left.iter().skip(1) {
                samples += next.samples();
                if samples > max_samples {
                    break;
                }
                count += 1;
            }
            let (piece, rest) = left.split_at(count);
            left = rest;
            Some(piece)
        })
    }

    /// What the times of the samples say to functions that extrapolate, a timing for each window.
    pub(crate) fn timings(&self) -> &'a [Timing] {
        self.timings
            .get_or_init(|| Timing::all(&self.track.timestamps, self.bounds, self.range_ms))
    }

    /// The windows that have samples, each with the number of its step.
    pub(crate) fn occupied(&self) -> impl Iterator<Item = (usize, Window<'a>)> + '_ {
        let bounds = self.bounds.iter().enumerate().filter(|(_, b)| !b.is_empty());
        bounds.map(|(i, b)| (i, self.window(b)))
    }
}

/// Where the windows of a range lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) range_ms: i64,
    pub(crate) offset_ms: i64,
    pub(crate) fixed_ms: Option<i64>,
    pub(crate) extension: Extension,
}

impl Reach {
    /// Start (exclusive) and end (inclusive) of the window of a step.
    pub(crate) fn at(&self, eval_ms: i64) -> (i64, i64) {
        let end = self.fixed_ms.unwrap_or(eval_ms).saturating_sub(self.offset_ms);
        (end.saturating_sub(self.range_ms), end)
    }

    /// Start (exclusive) and end (inclusive) of all windows together.
    pub(crate) fn of(&self, steps: Steps) -> (i64, i64) {
        (self.at(steps.start_ms).0, self.at(steps.last_ms()).1)
    }
}

/// Lays windows over one track after the other.
#[derive(Debug, Clone)]
pub(crate) struct Sill {
    pub(crate) reach: Reach,
    bounds: Vec<Bounds>,
    /// The times for which the float indices and the timings hold.
    timestamps: Vec<i64>,
    timings: OnceLock<Vec<Timing>>,
    /// The most floats that one window has.
    most_floats: usize,
    /// Whether any window has histograms.
    histograms: bool,
}

impl Sill {
    /// The windows of a range at these steps.
    pub(crate) fn new(reach: Reach, steps: Steps) -> Sill {
        let bounds = steps.iter().map(|eval_ms| {
            let (start_ms, end_ms) = reach.at(eval_ms);
            Bounds {
                start_ms,
                end_ms,
                eval_ms,
                ..Bounds::default()
            }
        });
        Sill {
            reach,
            bounds: bounds.collect(),
            timestamps: Vec::new(),
            timings: OnceLock::new(),
            most_floats: 0,
            histograms: false,
        }
    }

    /// Works out which samples of a track are in which window.
    pub(crate) fn fit(&mut self, track: &Track) {
        if self.timestamps != track.timestamps {
            fit(&mut self.bounds, &track.timestamps, |b| &mut b.floats, |t| *t);
            self.timestamps.clone_from(&track.timestamps);
            self.timings = OnceLock::new();
            let floats = self.bounds.iter().map(|b| b.floats.1.saturating_sub(b.floats.0));
            self.most_floats = floats.max().unwrap_or_default() as usize;
        }
        if self.histograms || !track.histograms.is_empty() {
            self.histograms = !track.histograms.is_empty();
            fit(
                &mut self.bounds,
                &track.histograms,
                |b| &mut b.histograms,
                |(t, _)| *t,
            );
        }
    }

    /// The windows over the track that they were fitted to.
    pub(crate) fn over<'a>(&'a self, track: &'a Track) -> Windows<'a> {
        Windows {
            track,
            bounds: &self.bounds,
            range_ms: self.reach.range_ms,
            extension: self.reach.extension,
            timings: &self.timings,
        }
    }

    /// The most samples that one window has, counted as a query's bound does.
    pub(crate) fn largest(&self, track: &Track) -> usize {
        if !self.histograms {
            return self.most_floats;
        }
        let sizes = self.bounds.iter().map(|b| window_samples(b, track));
        sizes.max().unwrap_or_default()
    }
}

/// How many samples a window has, counted as a query's bound does.
pub(crate) fn window_samples(bounds: &Bounds, track: &Track) -> usize {
    let floats = bounds.floats.1.saturating_sub(bounds.floats.0) as usize;
    floats + histogram_sizes(track, bounds.histograms)
}

/// The sizes of some histograms of a track together.
pub(crate) fn histogram_sizes(track: &Track, (from, to): (u32, u32)) -> usize {
    let within = track
        .histograms
        .get(from as usize..to as usize)
        .unwrap_or_default();
    within.iter().map(|(_, h)| histogram_samples(h)).sum()
}

/// Sets the indices of the samples within each window.
fn fit<T>(
    bounds: &mut [Bounds],
    samples: &[T],
    indices: impl Fn(&mut Bounds) -> &mut (u32, u32),
    time: impl Fn(&T) -> i64,
) {
    let (mut from, mut to) = (0, 0);
    for window in bounds {
        to += samples
            .iter()
            .skip(to)
            .take_while(|s| time(s) <= window.end_ms)
            .count();
        from += samples
            .iter()
            .skip(from)
            .take_while(|s| time(s) <= window.start_ms)
            .count();
        // A track has far fewer samples than 2^32: the budget of a query is below that.
        *indices(window) = (from as u32, to as u32);
    }
}
