//! Aggregations that choose among the series of a group: `topk`, `bottomk`, `limitk`, `limit_ratio`.
//!
//! Of each step the best so far are kept, so that the matrix is never held; the labels of those chosen are asked for at
//! the end.

use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh64::xxh64;

use super::super::frame::drop_empty;
use super::super::{Cell, Column, Evaluator, Frame, Series};
use super::{Accumulator, Fold, Member};
use crate::QueryError;
use crate::ast::{Aggregate, AggregateOp};
use crate::histogram::FloatHistogram;
use crate::histogram::Short;

/// A series' value at a step. Of a histogram there is no order: the float is 0.
#[derive(Clone)]
struct Candidate {
    float: f64,
    histogram: Option<Arc<FloatHistogram>>,
    index: usize,
}

/// The best of each step: in order where few are chosen, else in order once [`Top::sorted`].
pub(super) struct Top {
    steps: Vec<Vec<Candidate>>,
}

/// Where more are chosen than that, candidates are gathered and sorted now and then: keeping so many in order would
/// move half of them for each that comes.
const FEW: usize = 64;

/// How many of a group a step chooses; the parameters have been checked.
fn limit(fold: &Fold<'_>, step: usize) -> usize {
    usize::try_from(fold.param(step) as i64).unwrap_or(0)
}

/// Whether `a` comes before `b`; equals stay in order of the series.
fn before(op: AggregateOp, a: f64, b: f64) -> bool {
    compare(op, a, b) == Ordering::Less
}

fn compare(op: AggregateOp, a: f64, b: f64) -> Ordering {
    let order = match op {
        AggregateOp::Topk => b.partial_cmp(&a),
        AggregateOp::Bottomk => a.partial_cmp(&b),
        _ => Some(Ordering::Equal),
    };
    order.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

impl Top {
    fn take(chosen: &mut Vec<Candidate>, fold: &Fold<'_>, limit: usize, candidate: Candidate) {
        if limit > FEW {
            chosen.push(candidate);
            if chosen.len() >= limit.saturating_mul(2) {
                Top::sort(chosen, fold, limit);
            }
            return;
        }
        let full = chosen.len() >= limit;
        let last = chosen
            .last()
            .map(|last| before(fold.op, candidate.float, last.float));
        if full && last != Some(true) {
            return;
        }
        if full {
            chosen.pop();
        }
        let at = chosen.partition_point(|c| !before(fold.op, candidate.float, c.float));
        chosen.insert(at, candidate);
    }

    /// The best in order, and no more.
    fn sort(chosen: &mut Vec<Candidate>, fold: &Fold<'_>, limit: usize) {
        chosen.sort_by(|a, b| compare(fold.op, a.float, b.float));
        chosen.truncate(limit);
    }

    /// The best of each step, in order.
    fn sorted(mut self, fold: &Fold<'_>) -> Result<Vec<Vec<Candidate>>, QueryError> {
        for (step, chosen) in self.steps.iter_mut().enumerate() {
            let limit = limit(fold, step);
            if limit > FEW {
                fold.budget.check()?;
                Top::sort(chosen, fold, limit);
            }
        }
        Ok(self.steps)
    }
}

impl Accumulator for Top {
    fn new(fold: &Fold<'_>) -> Self {
        Top {
            steps: vec![Vec::new(); fold.steps.count],
        }
    }

    fn push(&mut self, fold: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError> {
        let Member { index, column, .. } = member;
        let ordered = fold.op != AggregateOp::Limitk;
        if ordered && column.has_histograms() {
            fold.ignored_histograms(fold.span);
        }
        let mut grown = 0;
        for (step, chosen) in self.steps.iter_mut().enumerate() {
            let limit = limit(fold, step);
            let (float, histogram) = match column.cell(step) {
                Cell::Float(float) => (float, None),
                Cell::Histogram(h) if !ordered => (0.0, Some(Arc::clone(h))),
                _ => continue,
            };
            let candidate = Candidate {
                float,
                histogram,
                index,
            };
            let room = chosen.capacity();
            Top::take(chosen, fold, limit, candidate);
            grown += chosen.capacity() - room;
        }
        fold.budget.hold_bytes(grown * size_of::<Candidate>())
    }

    fn merge(&mut self, fold: &Fold<'_>, later: Self) {
        for (step, (chosen, later)) in self.steps.iter_mut().zip(later.steps).enumerate() {
            let limit = limit(fold, step);
            later.into_iter().for_each(|c| Top::take(chosen, fold, limit, c));
        }
    }

    fn finish(self, _: &Fold<'_>) -> Column {
        // Its groups are taken apart instead.
        Column::default()
    }

    fn bytes(&self) -> usize {
        size_of::<Vec<Candidate>>() * self.steps.len()
    }
}

impl Evaluator<'_> {
    /// The chosen series, their other cells absent. In an instant query each group comes in the order of `topk` or
    /// `bottomk`.
    pub(super) fn top_k(&self, aggregate: &Aggregate, fold: &Fold<'_>) -> Result<Frame, QueryError> {
        let stream = self.stream(&aggregate.expr, fold.steps)?;
        if !any_chosen(fold)? {
            // What is to be said of the series is said nevertheless.
            self.collect(stream)?;
            return Ok(Frame::new());
        }
        let roster = stream.roster(self.delayed_name_removal);
        let groups = self.groups::<Top>(stream, &aggregate.grouping, fold)?;
        let mut frame = Frame::new();
        let mut places: FxHashMap<usize, usize> = FxHashMap::default();
        for group in groups {
            for (step, chosen) in group.members.sorted(fold)?.into_iter().enumerate() {
                for candidate in chosen {
                    let at = match places.get(&candidate.index) {
                        Some(at) => *at,
                        None => {
                            let (labels, drop_name) = roster.get(candidate.index)?;
                            let column = Column::absent(fold.steps.count);
                            self.budget.hold_bytes(column.bytes())?;
                            frame.push(Series {
                                labels,
                                drop_name,
                                column,
                            });
                            places.insert(candidate.index, frame.len() - 1);
                            frame.len() - 1
                        }
                    };
                    if let Some(series) = frame.get_mut(at) {
                        match candidate.histogram {
                            Some(histogram) => series.column.set_histogram(step, histogram),
                            None => series.column.set_float(step, candidate.float),
                        }
                    }
                }
            }
        }
        Ok(frame)
    }

    /// The series whose hash falls into the ratio of their step.
    pub(super) fn limit_ratio(&self, aggregate: &Aggregate, fold: &Fold<'_>) -> Result<Frame, QueryError> {
        let mut frame = self.collect(self.stream(&aggregate.expr, fold.steps)?)?;
        let (min, max) = extremes(fold.param);
        if max == 0.0 && min == 0.0 {
            return Ok(Frame::new());
        }
        if fold.param.iter().any(|r| r.is_nan()) {
            return Err(QueryError::execution("Ratio value is NaN"));
        }
        let span = aggregate
            .param
            .as_ref()
            .map_or(fold.span, |p| p.unwrap_parens().span());
        for (beyond, got, cap) in [(max > 1.0, max, "1"), (min < -1.0, min, "-1")] {
            if beyond {
                let got = Short(got);
                fold.notes.warn(
                    span,
                    format!("ratio value should be between -1 and 1, got {got}, capping to {cap}"),
                );
            }
        }
        let mut text = Vec::new();
        for series in &mut frame {
            let share = upstream_hash(&series.labels, &mut text) as f64 / u64::MAX as f64;
            for step in 0..series.column.len() {
                let ratio = fold.param(step).clamp(-1.0, 1.0);
                let chosen = (ratio >= 0.0 && share < ratio) || (ratio < 0.0 && share >= 1.0 + ratio);
                if !chosen {
                    series.column.clear(step);
                }
            }
        }
        drop_empty(&mut frame);
        Ok(frame)
    }
}

/// Whether the parameter chooses any series at any step.
fn any_chosen(fold: &Fold<'_>) -> Result<bool, QueryError> {
    let (min, max) = extremes(fold.param);
    if max < 1.0 {
        return Ok(false);
    }
    if fold.param.iter().any(|k| k.is_nan()) {
        return Err(QueryError::execution("Parameter value is NaN"));
    }
    for (beyond, value, how) in [
        (min <= i64::MIN as f64, min, "underflows"),
        (max >= i64::MAX as f64, max, "overflows"),
    ] {
        if beyond {
            let value = Short(value);
            return Err(QueryError::execution(format!("Scalar value {value} {how} int64")));
        }
    }
    Ok(true)
}

/// The smallest and the largest, NaN contagious.
fn extremes(param: &[f64]) -> (f64, f64) {
    let min = param.iter().copied().fold(f64::INFINITY, crate::numeric::go_min);
    let max = param
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, crate::numeric::go_max);
    (min, max)
}

/// Upstream's hash of a label set (`model/labels`, labels in one string): XXH64 of names and values, each after its
/// length, which is one byte, or 255 and three bytes from 255 on.
fn upstream_hash(labels: &model::Labels, text: &mut Vec<u8>) -> u64 {
    text.clear();
    for piece in labels.iter().flat_map(|(name, value)| [name, value]) {
        match u8::try_from(piece.len()) {
            Ok(short) if short < u8::MAX => text.push(short),
            _ => {
                text.push(u8::MAX);
                text.extend_from_slice(piece.len().to_le_bytes().get(..3).unwrap_or_default());
            }
        }
        text.extend_from_slice(piece.as_bytes());
    }
    xxh64(text, 0)
}
