//! `count_values`: the value becomes a label.

use model::Labels;
use rustc_hash::FxHashMap;

use super::super::{Column, Evaluator, Frame, Series, Steps, is_absent};
use super::{Group, group_labels};
use crate::QueryError;
use crate::ast::Grouping;
use crate::numeric::format_float;

impl Evaluator<'_> {
    /// How many series of a group have each value.
    pub(super) fn count_values(
        &self,
        frame: &Frame,
        label: &str,
        grouping: &Grouping,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        let mut counts: Frame = Vec::new();
        let mut index: FxHashMap<Labels, usize> = FxHashMap::default();
        for series in frame {
            self.budget.check()?;
            let group = Group {
                labels: group_labels(&series.labels, grouping),
                drop_name: series.drop_name,
                members: vec![],
            };
            let mut last: Option<(u64, usize)> = None;
            let floats = series
                .column
                .floats
                .iter()
                .enumerate()
                .filter(|(_, v)| !is_absent(**v));
            for (step, value) in floats {
                // Series often keep their value for many steps: labels are built when it changes.
                let at = match last {
                    Some((bits, at)) if bits == value.to_bits() => at,
                    _ => self.count_of(&group, label, *value, &mut index, &mut counts, steps)?,
                };
                last = Some((value.to_bits(), at));
                if let Some(cell) = counts.get_mut(at).and_then(|s| s.column.floats.get_mut(step)) {
                    *cell = if is_absent(*cell) { 1.0 } else { *cell + 1.0 };
                }
            }
        }
        Ok(counts)
    }

    /// The index of the counter of a value in a group.
    fn count_of(
        &self,
        group: &Group,
        label: &str,
        value: f64,
        index: &mut FxHashMap<Labels, usize>,
        counts: &mut Frame,
        steps: Steps,
    ) -> Result<usize, QueryError> {
        let mut builder = group.labels.to_builder();
        let labels = builder.set(label, &format_float(value)).build();
        if let Some(at) = index.get(&labels) {
            return Ok(*at);
        }
        self.budget.charge(steps.count)?;
        index.insert(labels.clone(), counts.len());
        counts.push(Series {
            labels,
            drop_name: group.drop_name,
            column: Column::absent(steps.count),
        });
        Ok(counts.len() - 1)
    }
}
