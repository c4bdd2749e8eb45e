//! `absent` and `absent_over_time`: something where there is nothing.

use model::labels::METRIC_NAME;
use model::metrics::Wanted;
use model::{Labels, LabelsBuilder, MatchOp, Matcher};

use super::call::{arg, check_extension};
use super::stream::{Item, OverStage};
use super::{ABSENT, Column, Evaluator, Frame, Series, Steps, Windows};
use crate::ast::Call;
use crate::functions::Extensions;
use crate::{Expr, QueryError};

impl Evaluator<'_> {
    /// 1 at the steps at which the vector has no sample.
    pub(super) fn absent(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let expr = arg(call, 0)?;
        let mut present = vec![false; steps.count];
        for series in self.vector(expr, steps)? {
            present
                .iter_mut()
                .enumerate()
                .for_each(|(i, p)| *p |= series.column.has(i));
        }
        Ok(where_missing(expr, &present))
    }

    /// 1 at the steps at which no window has a sample.
    pub(super) fn absent_over_time(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let expr = arg(call, 0)?;
        check_extension(Extensions::None, expr, call.function.name)?;
        let mut present = vec![false; steps.count];
        let apply = Box::new(|windows: &Windows<'_>, _: &str, column: &mut Column| {
            windows
                .occupied()
                .for_each(|(step, _)| column.set_float(step, 1.0));
            Ok(())
        });
        let stage = OverStage {
            apply,
            drops_name: false,
        };
        let stream = self.range_stream(expr, Wanted::Last, stage, steps)?;
        let none = || vec![false; steps.count];
        let see = |present: &mut Vec<bool>, item: Item<'_>| {
            let cells = present.iter_mut().enumerate();
            cells.for_each(|(i, present)| *present |= item.column.has(i));
            Ok(())
        };
        self.drive(stream, none, see, |chunk| {
            present.iter_mut().zip(chunk).for_each(|(p, there)| *p |= there);
            Ok(())
        })?;
        Ok(where_missing(expr, &present))
    }
}

fn where_missing(expr: &Expr, present: &[bool]) -> Frame {
    if present.iter().all(|p| *p) {
        return Frame::new();
    }
    let values = present.iter().map(|p| if *p { ABSENT } else { 1.0 }).collect();
    vec![Series {
        labels: expected_labels(expr),
        drop_name: false,
        column: Column::of_floats(values),
    }]
}

/// The labels that a selector pins to one value: a second condition on a label undoes what one before it says.
fn expected_labels(expr: &Expr) -> Labels {
    let matchers: &[Matcher] = match expr.unwrap_parens() {
        Expr::Selector(s) => &s.matchers,
        Expr::Range(r) => &r.selector.matchers,
        _ => &[],
    };
    let mut builder = LabelsBuilder::default();
    let mut pinned: Vec<&str> = Vec::new();
    for m in matchers.iter().filter(|m| m.name != METRIC_NAME) {
        if m.op == MatchOp::Equal && !pinned.contains(&&*m.name) {
            builder.set(&m.name, &m.value);
            pinned.push(&m.name);
        } else {
            builder.del(&m.name);
        }
    }
    builder.build()
}
