//! `min` and `max`. NaN counts only where there is nothing else.

use super::super::Column;
use super::super::column::is_absent;
use super::{ABSENT, Accumulator, Fold, Member};
use crate::QueryError;
use crate::ast::AggregateOp;

/// The smallest or largest at each step.
pub(super) struct Extreme {
    best: Vec<f64>,
}

impl Extreme {
    fn take(&mut self, fold: &Fold<'_>, floats: &[f64]) {
        let cells = self.best.iter_mut().zip(floats);
        // A step without any value yet holds a NaN as well.
        if fold.op == AggregateOp::Min {
            cells.for_each(|(best, x)| better(best, *x, *best > *x));
        } else {
            cells.for_each(|(best, x)| better(best, *x, *best < *x));
        }
    }
}

#[inline(always)]
fn better(best: &mut f64, x: f64, is_better: bool) {
    let replaced = (is_better || best.is_nan()) && !is_absent(x);
    *best = if replaced { x } else { *best };
}

impl Accumulator for Extreme {
    fn new(fold: &Fold<'_>) -> Self {
        Extreme {
            best: vec![ABSENT; fold.steps.count],
        }
    }

    fn push(&mut self, fold: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError> {
        if member.column.has_histograms() {
            fold.ignored_histograms(fold.expr_span);
        }
        self.take(fold, &member.column.floats);
        Ok(())
    }

    fn merge(&mut self, fold: &Fold<'_>, later: Self) {
        self.take(fold, &later.best);
    }

    fn finish(self, _: &Fold<'_>) -> Column {
        Column::of_floats(self.best)
    }

    fn bytes(&self) -> usize {
        8 * self.best.len()
    }
}
