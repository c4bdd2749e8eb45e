//! `quantile`: needs all values of a step together.

use super::super::Column;
use super::super::column::is_absent;
use super::{ABSENT, Accumulator, Fold, Member};
use crate::QueryError;
use crate::numeric;

/// The columns of all members.
pub(super) struct Quantile {
    columns: Vec<Vec<f64>>,
}

impl Accumulator for Quantile {
    fn new(_: &Fold<'_>) -> Self {
        Quantile { columns: Vec::new() }
    }

    fn push(&mut self, fold: &Fold<'_>, member: Member<'_>) -> Result<(), QueryError> {
        if member.column.has_histograms() {
            fold.ignored_histograms(fold.expr_span);
        }
        fold.budget.hold_bytes(8 * member.column.floats.len())?;
        self.columns.push(std::mem::take(&mut member.column.floats));
        Ok(())
    }

    fn merge(&mut self, _: &Fold<'_>, later: Self) {
        self.columns.extend(later.columns);
    }

    fn finish(self, fold: &Fold<'_>) -> Column {
        let mut values = Vec::with_capacity(self.columns.len());
        let of_step = |step: usize| {
            values.clear();
            let cells = self.columns.iter().filter_map(|column| column.get(step).copied());
            values.extend(cells.filter(|v| !is_absent(*v)));
            if values.is_empty() {
                ABSENT
            } else {
                numeric::quantile(fold.param(step), &mut values)
            }
        };
        Column::of_floats((0..fold.steps.count).map(of_step).collect())
    }

    fn bytes(&self) -> usize {
        0
    }
}
