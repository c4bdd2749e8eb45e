//! `count_values`: the value becomes a label.

use model::Labels;
use rustc_hash::FxHashMap;

use super::super::{Cell, Column, Evaluator, Frame, Series, Steps, string};
use super::groups::Grouped;
use crate::QueryError;
use crate::ast::{Aggregate, Grouping};
use crate::numeric::format_float;

/// Counters of values, one series each.
struct Counters {
    grouped: Grouped,
    frame: Frame,
    index: FxHashMap<Labels, usize>,
}

impl Evaluator<'_> {
    /// How many series of a group have each value.
    pub(super) fn count_values(&self, aggregate: &Aggregate, steps: Steps) -> Result<Frame, QueryError> {
        let label = aggregate.param.as_ref().map(string).transpose()?.unwrap_or("");
        // Where the query has bytes that are no UTF-8 the parser leaves this character.
        if label.is_empty() || label.contains(char::REPLACEMENT_CHARACTER) {
            let written = aggregate
                .param
                .as_ref()
                .and_then(|p| self.shared.written(p.span()));
            let written = written.map_or_else(|| format!("{label:?}"), str::to_owned);
            return Err(QueryError::execution(format!("invalid label name {written}")));
        }
        let grouping = match &aggregate.grouping {
            Grouping::By(names) => Grouping::By(names.iter().cloned().chain([label.to_owned()]).collect()),
            without => without.clone(),
        };
        let mut counters = Counters {
            grouped: Grouped::new(&grouping),
            frame: Frame::new(),
            index: FxHashMap::default(),
        };
        for series in self.vector(&aggregate.expr, steps)? {
            self.budget.check()?;
            let mut last: Option<(u64, usize)> = None;
            for step in 0..series.column.len() {
                // Series often keep their value for many steps: labels are built when it changes.
                let at = match (series.column.cell(step), last) {
                    (Cell::Absent, _) => continue,
                    (Cell::Float(value), Some((bits, at))) if bits == value.to_bits() => at,
                    (Cell::Float(value), _) => {
                        let at = self.counter(&mut counters, &series, label, &format_float(value), steps)?;
                        last = Some((value.to_bits(), at));
                        at
                    }
                    (Cell::Histogram(h), _) => {
                        self.counter(&mut counters, &series, label, &h.to_string(), steps)?
                    }
                };
                if let Some(counter) = counters.frame.get_mut(at) {
                    let before = match counter.column.cell(step) {
                        Cell::Float(count) => count,
                        _ => 0.0,
                    };
                    counter.column.set_float(step, before + 1.0);
                }
            }
        }
        Ok(counters.frame)
    }

    /// The index of the counter of a value in a series' group.
    fn counter(
        &self,
        counters: &mut Counters,
        series: &Series,
        label: &str,
        value: &str,
        steps: Steps,
    ) -> Result<usize, QueryError> {
        let labels = series.labels.to_builder().set(label, value).build();
        let labels = counters.grouped.labels(&labels);
        if let Some(at) = counters.index.get(&labels) {
            return Ok(*at);
        }
        let column = Column::absent(steps.count);
        self.budget.charge(steps.count)?;
        self.budget.hold_bytes(column.bytes() + labels.text_len())?;
        counters.index.insert(labels.clone(), counters.frame.len());
        counters.frame.push(Series {
            labels,
            drop_name: series.drop_name,
            column,
        });
        Ok(counters.frame.len() - 1)
    }
}
