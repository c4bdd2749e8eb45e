//! Functions of vectors that treat series one by one, as stages of a chain.

use super::call::arg;
use super::stream::Stage;
use super::{ABSENT, Cell, Column, Evaluator, Steps, is_absent};
use crate::ast::Call;
use crate::functions::Kind;
use crate::{Expr, QueryError};

impl Evaluator<'_> {
    /// The vector that the function is of, and what it does to its columns. Nothing of a function that needs the series
    /// together, or their labels.
    pub(super) fn call_stage<'e>(
        &'e self,
        call: &'e Call,
        steps: Steps,
    ) -> Result<Option<(&'e Expr, Stage<'e>)>, QueryError> {
        let _ = steps;
        let stage = match &call.function.kind {
            Kind::Math(f) => numbers(*f),
            Kind::Histogram(f) => {
                let f = *f;
                let apply = Box::new(move |column: &mut Column| {
                    let of_step = |i: usize| match column.cell(i) {
                        Cell::Histogram(histogram) => f(histogram),
                        _ => ABSENT,
                    };
                    *column = Column::of_floats((0..column.len()).map(of_step).collect());
                    Ok(())
                });
                Stage {
                    apply,
                    drops_name: true,
                }
            }
            _ => return Ok(None),
        };
        Ok(Some((arg(call, 0)?, stage)))
    }
}

/// `f` of each float. Histograms have no such value and go.
fn numbers<'e>(f: fn(f64) -> f64) -> Stage<'e> {
    let apply = Box::new(move |column: &mut Column| {
        column.drop_histograms();
        let floats = column.floats.iter_mut().filter(|v| !is_absent(**v));
        floats.for_each(|v| *v = f(*v));
        Ok(())
    });
    Stage {
        apply,
        drops_name: true,
    }
}
