//! Aggregations that make one number of the samples of a group: column after column is added to a row of
//! accumulators.

use super::super::{ABSENT, Frame, is_absent};
use crate::ast::AggregateOp;
use crate::numeric::{self, KahanSum, Mean};

/// Folds the members of a group into one column of so many steps.
pub(super) type Fold = fn(&Frame, &[usize], usize) -> Vec<f64>;

/// The fold of an aggregation without a parameter.
pub(super) fn fold_of(op: AggregateOp) -> Fold {
    match op {
        AggregateOp::Avg => fold::<Mean>,
        AggregateOp::Count => fold::<Count>,
        AggregateOp::Min => fold::<Min>,
        AggregateOp::Max => fold::<Max>,
        AggregateOp::Group => fold::<One>,
        AggregateOp::Stddev => fold::<Stddev>,
        AggregateOp::Stdvar => fold::<Stdvar>,
        _ => fold::<KahanSum>,
    }
}

trait Accumulator: Clone {
    fn first(x: f64) -> Self;
    fn push(&mut self, x: f64);
    fn value(&self) -> f64;
}

fn fold<A: Accumulator>(frame: &Frame, members: &[usize], steps: usize) -> Vec<f64> {
    let mut row: Vec<Option<A>> = vec![None; steps];
    for series in members.iter().filter_map(|i| frame.get(*i)) {
        for (cell, value) in row
            .iter_mut()
            .zip(&series.column.floats)
            .filter(|(_, v)| !is_absent(**v))
        {
            match cell {
                Some(accumulator) => accumulator.push(*value),
                None => *cell = Some(A::first(*value)),
            }
        }
    }
    row.iter()
        .map(|cell| cell.as_ref().map_or(ABSENT, A::value))
        .collect()
}

/// The quantile of each step, which has a parameter of its own.
pub(super) fn quantile(frame: &Frame, members: &[usize], param: &[f64]) -> Vec<f64> {
    let mut values = Vec::with_capacity(members.len());
    let of_step = |(step, q): (usize, &f64)| {
        values.clear();
        let cells = members
            .iter()
            .filter_map(|i| frame.get(*i)?.column.floats.get(step));
        values.extend(cells.filter(|v| !is_absent(**v)));
        if values.is_empty() {
            ABSENT
        } else {
            numeric::quantile(*q, &mut values)
        }
    };
    param.iter().enumerate().map(of_step).collect()
}

impl Accumulator for KahanSum {
    fn first(x: f64) -> Self {
        KahanSum { sum: x, c: 0.0 }
    }
    fn push(&mut self, x: f64) {
        self.add(x);
    }
    fn value(&self) -> f64 {
        self.total()
    }
}

impl Accumulator for Mean {
    fn first(x: f64) -> Self {
        let mut mean = Mean::default();
        mean.add(x);
        mean
    }
    fn push(&mut self, x: f64) {
        self.add(x);
    }
    fn value(&self) -> f64 {
        self.total()
    }
}

#[derive(Clone)]
struct Count(u64);

impl Accumulator for Count {
    fn first(_: f64) -> Self {
        Count(1)
    }
    fn push(&mut self, _: f64) {
        self.0 += 1;
    }
    fn value(&self) -> f64 {
        self.0 as f64
    }
}

#[derive(Clone)]
struct One;

impl Accumulator for One {
    fn first(_: f64) -> Self {
        One
    }
    fn push(&mut self, _: f64) {}
    fn value(&self) -> f64 {
        1.0
    }
}

#[derive(Clone)]
struct Min(f64);

impl Accumulator for Min {
    fn first(x: f64) -> Self {
        Min(x)
    }
    fn push(&mut self, x: f64) {
        if self.0 > x || self.0.is_nan() {
            self.0 = x;
        }
    }
    fn value(&self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct Max(f64);

impl Accumulator for Max {
    fn first(x: f64) -> Self {
        Max(x)
    }
    fn push(&mut self, x: f64) {
        if self.0 < x || self.0.is_nan() {
            self.0 = x;
        }
    }
    fn value(&self) -> f64 {
        self.0
    }
}

/// Welford's method, not compensated, as upstream aggregates.
#[derive(Clone)]
struct Stdvar {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Accumulator for Stdvar {
    fn first(x: f64) -> Self {
        let squares = if x.is_finite() { 0.0 } else { f64::NAN };
        Stdvar {
            count: 1.0,
            mean: x,
            squares,
        }
    }
    fn push(&mut self, x: f64) {
        self.count += 1.0;
        let delta = x - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (x - self.mean);
    }
    fn value(&self) -> f64 {
        self.squares / self.count
    }
}

#[derive(Clone)]
struct Stddev(Stdvar);

impl Accumulator for Stddev {
    fn first(x: f64) -> Self {
        Stddev(Stdvar::first(x))
    }
    fn push(&mut self, x: f64) {
        self.0.push(x);
    }
    fn value(&self) -> f64 {
        self.0.value().sqrt()
    }
}
