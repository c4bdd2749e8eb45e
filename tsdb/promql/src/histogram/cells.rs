//! Buckets with the error of their counts beside them, for sums that must not lose what is small.
//!
//! This is the slow way, for sides whose buckets lie in different places; it costs three words a bucket.

use super::Side;
use crate::numeric::kahan_inc;

/// A bucket: its index, its count, and what rounding took from the count so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) index: i32,
    pub(super) count: f64,
    pub(super) error: f64,
}

impl Cell {
    pub(super) fn add(&mut self, other: Cell) {
        (self.count, self.error) = kahan_inc(other.count, self.count, self.error);
        if other.error != 0.0 {
            (self.count, self.error) = kahan_inc(other.error, self.count, self.error);
        }
    }
}

/// The buckets of a side, without errors.
pub(super) fn exact(side: &Side, sign: f64) -> impl Iterator<Item = Cell> + '_ {
    side.iter().map(move |(index, count)| Cell {
        index,
        count: sign * count,
        error: 0.0,
    })
}

/// The buckets of a side with their errors.
pub(super) fn with_errors<'a>(side: &'a Side, errors: &'a [f64]) -> impl Iterator<Item = Cell> + 'a {
    let cell = |((index, count), error): ((i32, f64), &f64)| Cell {
        index,
        count,
        error: *error,
    };
    side.iter().zip(errors).map(cell)
}

/// The buckets by a schema that is coarser by `shift`.
pub(super) fn coarser(cells: impl Iterator<Item = Cell>, shift: u32) -> Vec<Cell> {
    let mut merged: Vec<Cell> = Vec::new();
    for mut cell in cells {
        cell.index = coarser_index(cell.index, shift);
        match merged.last_mut() {
            Some(last) if last.index == cell.index => last.add(cell),
            _ => merged.push(cell),
        }
    }
    merged
}

/// Where a bucket goes by a schema that is coarser by `shift`.
pub(super) fn coarser_index(index: i32, shift: u32) -> i32 {
    (index.wrapping_sub(1) >> shift.min(31)).wrapping_add(1)
}

/// Adds two lists.
pub(super) fn merge(a: impl Iterator<Item = Cell>, b: impl Iterator<Item = Cell>) -> Vec<Cell> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    let mut merged = Vec::new();
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if x.index == y.index => a.next().zip(b.next()).map(|(mut x, y)| {
                x.add(y);
                x
            }),
            (Some(x), Some(y)) if x.index < y.index => a.next(),
            (Some(_), None) => a.next(),
            _ => b.next(),
        };
        match next {
            Some(cell) => merged.push(cell),
            None => return merged,
        }
    }
}

/// The side and its errors.
pub(super) fn split(cells: &[Cell]) -> (Side, Vec<f64>) {
    let side = Side::collect(cells.iter().map(|c| (c.index, c.count)));
    (side, cells.iter().map(|c| c.error).collect())
}
