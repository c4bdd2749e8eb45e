//! An answer as it is kept: the columns of the series themselves, shared with whoever was answered.
//!
//! Taking all of it costs reference counts. Taking some steps of it, or joining stretches of steps, copies the values;
//! times are shared by all series without gaps.

use std::ops::Range;
use std::sync::Arc;

use model::Labels;

use super::grid::Grid;
use crate::histogram::FloatHistogram;
use crate::value::{QueryResult, RangeSeries, Value};

/// An answer over the steps of a grid.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) grid: Grid,
    /// The times of the grid, for series without gaps.
    times: Arc<[i64]>,
    /// Sorted by labels, none twice.
    series: Vec<RangeSeries>,
    pub(super) notes: Notes,
}

/// What the reader of an answer should know; sorted texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notes {
    pub(super) warnings: Vec<String>,
    pub(super) infos: Vec<String>,
}

impl Notes {
    pub(super) fn is_empty(&self) -> bool {
        self.warnings.is_empty() && self.infos.is_empty()
    }

    /// Whether all of `other` is here.
    pub(super) fn contain(&self, other: &Notes) -> bool {
        let all = |of: &[String], among: &[String]| of.iter().all(|text| among.contains(text));
        all(&other.warnings, &self.warnings) && all(&other.infos, &self.infos)
    }

    /// How many of the kind of which there are more.
    pub(super) fn most(&self) -> usize {
        self.warnings.len().max(self.infos.len())
    }

    fn bytes(&self) -> usize {
        let texts = self.warnings.iter().chain(&self.infos);
        texts.map(|text| size_of::<String>() + text.capacity()).sum()
    }
}

impl Columns {
    /// The answer to a range query over `grid`; `None` where it is not one.
    pub(super) fn of(result: &QueryResult, grid: Grid) -> Option<Columns> {
        let Value::Matrix(series) = &result.value else {
            return None;
        };
        if !series.is_sorted_by(|a, b| a.labels < b.labels) {
            return None;
        }
        let gapless = series.iter().find(|s| s.timestamps.len() == grid.count);
        let times = gapless.map_or_else(|| times(&grid), |s| Arc::clone(&s.timestamps));
        Some(Columns {
            grid,
            times,
            series: series.clone(),
            notes: Notes {
                warnings: result.warnings.clone(),
                infos: result.infos.clone(),
            },
        })
    }

    /// The answer over some of the steps.
    pub(super) fn answer(&self, steps: &Range<usize>) -> QueryResult {
        let series = if *steps == (0..self.grid.count) {
            self.series.clone()
        } else {
            let part = self.grid.part(steps.clone());
            joined(part, &[self.within(steps)], &times(&part))
        };
        QueryResult {
            value: Value::Matrix(series),
            warnings: self.notes.warnings.clone(),
            infos: self.notes.infos.clone(),
            stats: None,
        }
    }

    /// About how much memory they take.
    pub(super) fn bytes(&self) -> usize {
        let series = self.series.iter().map(|series| {
            let shared = Arc::ptr_eq(&series.timestamps, &self.times);
            series_bytes(series)
                + if shared {
                    0
                } else {
                    size_of_val(&*series.timestamps)
                }
        });
        size_of::<Columns>() + size_of_val(&*self.times) + series.sum::<usize>() + self.notes.bytes()
    }

    /// Stretches of steps joined: `parts` are in order of time, disjoint, and each names which of its steps to take.
    pub(super) fn join(grid: Grid, parts: &[(&Columns, Range<usize>)], notes: Notes) -> Columns {
        let times = times(&grid);
        let parts: Vec<Part<'_>> = parts
            .iter()
            .map(|(columns, steps)| columns.within(steps))
            .collect();
        Columns {
            grid,
            series: joined(grid, &parts, &times),
            times,
            notes,
        }
    }

    fn within(&self, steps: &Range<usize>) -> Part<'_> {
        Part {
            from_ms: self.grid.at(steps.start),
            end_ms: self.grid.at(steps.end),
            rest: &self.series,
        }
    }
}

/// Series, and the times between which their samples are wanted; the end exclusive.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    from_ms: i64,
    end_ms: i64,
    rest: &'a [RangeSeries],
}

fn times(grid: &Grid) -> Arc<[i64]> {
    (0..grid.count).map(|i| grid.at(i)).collect()
}

/// The series of all parts, each with its samples of all parts one after the other.
fn joined(grid: Grid, parts: &[Part<'_>], times: &Arc<[i64]>) -> Vec<RangeSeries> {
    let mut rests = parts.to_vec();
    let mut all = Vec::with_capacity(rests.iter().map(|part| part.rest.len()).max().unwrap_or(0));
    let mut pieces = Vec::with_capacity(parts.len());
    let firsts = |rests: &[Part<'_>]| -> Option<Labels> {
        let firsts = rests.iter().filter_map(|part| part.rest.first());
        firsts.map(|series| &series.labels).min().cloned()
    };
    while let Some(labels) = firsts(&rests) {
        pieces.clear();
        for part in &mut rests {
            if let Some((series, others)) = part.rest.split_first()
                && series.labels == labels
            {
                pieces.push(Piece::of(series, part));
                part.rest = others;
            }
        }
        all.extend(concatenated(labels, &pieces, grid, times));
    }
    all
}

/// Some samples of a series.
struct Piece<'a> {
    timestamps: &'a [i64],
    values: &'a [f64],
    histograms: &'a [(i64, Arc<FloatHistogram>)],
}

impl<'a> Piece<'a> {
    fn of(series: &'a RangeSeries, part: &Part<'_>) -> Piece<'a> {
        let (from_ms, end_ms) = (part.from_ms, part.end_ms);
        let timestamps = &*series.timestamps;
        let floats =
            timestamps.partition_point(|t| *t < from_ms)..timestamps.partition_point(|t| *t < end_ms);
        let histograms = &*series.histograms;
        let found = histograms.partition_point(|(t, _)| *t < from_ms)
            ..histograms.partition_point(|(t, _)| *t < end_ms);
        Piece {
            timestamps: timestamps.get(floats.clone()).unwrap_or_default(),
            values: series.values.get(floats).unwrap_or_default(),
            histograms: histograms.get(found).unwrap_or_default(),
        }
    }
}

/// A series of pieces; `None` without a sample.
fn concatenated(labels: Labels, pieces: &[Piece<'_>], grid: Grid, times: &Arc<[i64]>) -> Option<RangeSeries> {
    let count: usize = pieces.iter().map(|piece| piece.values.len()).sum();
    let series = RangeSeries {
        labels,
        timestamps: if count == grid.count {
            Arc::clone(times)
        } else {
            concat(pieces, |piece| piece.timestamps)
        },
        values: concat(pieces, |piece| piece.values),
        histograms: pieces
            .iter()
            .flat_map(|piece| piece.histograms)
            .cloned()
            .collect(),
    };
    (!series.is_empty()).then_some(series)
}

/// One column of the pieces, of which there are at most three: steps before, those that were there, steps after. Written
/// once, where it stays.
fn concat<'a, T: Copy + 'a>(pieces: &[Piece<'a>], column: impl Fn(&Piece<'a>) -> &'a [T]) -> Arc<[T]> {
    let of = |i: usize| pieces.get(i).map_or(&[][..], &column);
    of(0).iter().chain(of(1)).chain(of(2)).copied().collect()
}

fn series_bytes(series: &RangeSeries) -> usize {
    /// What a label set takes beside its text, and what three counted columns take beside their contents.
    const PER_SERIES: usize = size_of::<RangeSeries>() + 96 + 48;
    let text: usize = series.labels.iter().map(|(n, v)| n.len() + v.len() + 8).sum();
    let histograms = series
        .histograms
        .iter()
        .map(|(_, histogram)| histogram_bytes(histogram));
    PER_SERIES + text + size_of_val(&*series.values) + histograms.sum::<usize>()
}

fn histogram_bytes(histogram: &FloatHistogram) -> usize {
    /// The counts and the place in the list.
    const PER_HISTOGRAM: usize = size_of::<FloatHistogram>() + 32;
    let sides = [&histogram.positive, &histogram.negative];
    let sides = sides.map(|side| size_of_val(&*side.spans) + size_of_val(&*side.buckets));
    PER_HISTOGRAM + sides.iter().sum::<usize>() + size_of_val(&*histogram.custom_values)
}
