//! `stddev` and `stdvar`: Welford's method, not compensated, as upstream aggregates. Chunks are put together by Chan,
//! Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances".

use super::super::Column;
use super::super::column::is_absent;
use super::{ABSENT, Accumulator, Fold, Member};
use crate::QueryError;
use crate::ast::AggregateOp;

/// What is known of the values at a step.
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

/// The spread at each step.
pub(super) struct Variance {
    steps: Vec<Spread>,
}

impl Spread {
    fn push(&mut self, x: f64) {
        if self.count == 0.0 {
            *self = Spread {
                count: 1.0,
                mean: x,
                squares: if x.is_finite() { 0.0 } else { f64::NAN },
            };
            return;
        }
        self.count += 1.0;
        let delta = x - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (x - self.mean);
    }

    fn merge(&mut self, later: Spread) {
        if later.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = later;
            return;
        }
        let count = self.count + later.count;
        let delta = later.mean - self.mean;
        self.mean += delta * (later.count / count);
        self.squares += later.squares + delta * delta * (self.count * later.count / count);
        self.count = count;
    }
}

impl Accumulator for Variance {
    fn new(fold: &Fold<'_>) -> Self {
        Variance {
            steps: vec![Spread::default(); fold.steps.count],
        }
    }

    fn push(&mut self, fold: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError> {
        if member.column.has_histograms() {
            fold.ignored_histograms(fold.expr_span);
        }
        let cells = self.steps.iter_mut().zip(&member.column.floats);
        cells
            .filter(|(_, x)| !is_absent(**x))
            .for_each(|(spread, x)| spread.push(*x));
        Ok(())
    }

    fn merge(&mut self, _: &Fold<'_>, later: Self) {
        let cells = self.steps.iter_mut().zip(later.steps);
        cells.for_each(|(spread, later)| spread.merge(later));
    }

    fn finish(self, fold: &Fold<'_>) -> Column {
        let root = fold.op == AggregateOp::Stddev;
        let value = |s: &Spread| match s.squares / s.count {
            _ if s.count == 0.0 => ABSENT,
            variance if root => variance.sqrt(),
            variance => variance,
        };
        Column::of_floats(self.steps.iter().map(value).collect())
    }

    fn bytes(&self) -> usize {
        24 * self.steps.len()
    }
}
