//! Functions between vectors and numbers: `clamp`, `round`, `scalar`, `timestamp`, `min_of`, dates.

use super::call::arg;
use super::frame::{drop_empty, map_values};
use super::selector::Wanted;
use super::{ABSENT, Column, Evaluator, Frame, Series, Steps, is_absent};
use crate::ast::Call;
use crate::functions::{Kind, math};
use crate::numeric::{go_max, go_min};
use crate::{Expr, QueryError};

impl Evaluator<'_> {
    /// `clamp`, `clamp_min`, `clamp_max`. An empty interval clamps everything away.
    pub(super) fn clamp(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let mut frame = self.vector(arg(call, 0)?, steps)?;
        let first = self.scalar(arg(call, 1)?, steps)?;
        match call.function.kind {
            Kind::ClampMin => with_param(&mut frame, &first, |v, min| go_max(min, v)),
            Kind::ClampMax => with_param(&mut frame, &first, |v, max| go_min(max, v)),
            _ => {
                let second = self.scalar(arg(call, 2)?, steps)?;
                let empty: Vec<bool> = first.iter().zip(&second).map(|(min, max)| max < min).collect();
                with_param(&mut frame, &second, |v, max| go_min(max, v));
                with_param(&mut frame, &first, |v, min| go_max(min, v));
                for series in &mut frame {
                    let cells = empty.iter().enumerate().filter(|(_, empty)| **empty);
                    cells.for_each(|(i, _)| series.column.clear(i));
                }
                drop_empty(&mut frame);
            }
        }
        Ok(frame)
    }

    /// `round`
    pub(super) fn round(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let mut frame = self.vector(arg(call, 0)?, steps)?;
        let to = match call.args.get(1) {
            Some(to) => self.scalar(to, steps)?,
            None => vec![1.0; steps.count],
        };
        with_param(&mut frame, &to, math::round_to);
        Ok(frame)
    }

    /// The value of the only series of a step, else NaN.
    pub(super) fn vector_to_scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let frame = self.vector(expr, steps)?;
        let of_step = |step: usize| {
            let mut present = frame
                .iter()
                .filter_map(|s| s.column.floats.get(step))
                .filter(|v| !is_absent(**v));
            match (present.next(), present.next()) {
                (Some(only), None) => *only,
                _ => f64::NAN,
            }
        };
        Ok((0..steps.count).map(of_step).collect())
    }

    /// `min_of`, `max_of`
    pub(super) fn extreme_of(&self, call: &Call, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let first = self.scalar(arg(call, 0)?, steps)?;
        let second = self.scalar(arg(call, 1)?, steps)?;
        let of = if matches!(call.function.kind, Kind::MinOf) {
            go_min
        } else {
            go_max
        };
        Ok(first.iter().zip(&second).map(|(a, b)| of(*a, *b)).collect())
    }

    /// The time of the sample that a selector gives, or of evaluation for any other expression.
    pub(super) fn timestamp(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let expr = arg(call, 0)?;
        if let Expr::Selector(selector) = expr.unwrap_parens() {
            let mut frame = self.select(selector, steps, Wanted::Timestamp)?;
            frame.iter_mut().for_each(|s| s.drop_name = true);
            return Ok(frame);
        }
        let mut frame = self.vector(expr, steps)?;
        for series in &mut frame {
            series.drop_name = true;
            let time_of = |(i, t): (usize, i64)| {
                if series.column.has(i) {
                    t as f64 / 1000.0
                } else {
                    ABSENT
                }
            };
            series.column = Column::of_floats(steps.iter().enumerate().map(time_of).collect());
        }
        Ok(frame)
    }

    /// From when on the sample that a selector gives counts. No other expression knows.
    pub(super) fn start_timestamp(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let expr = arg(call, 0)?;
        if let (Expr::Selector(selector), true) = (expr.unwrap_parens(), self.start_timestamps) {
            let mut frame = self.select(selector, steps, Wanted::Start)?;
            frame.iter_mut().for_each(|s| s.drop_name = true);
            return Ok(frame);
        }
        self.vector(expr, steps)?;
        Ok(Frame::new())
    }

    /// A part of the date that each value is, or of the time of evaluation.
    pub(super) fn date(
        &self,
        f: fn(i64) -> f64,
        expr: Option<&Expr>,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        if let Some(expr) = expr {
            let of_value = |v: f64| if v.is_nan() { f64::NAN } else { f(v as i64) };
            return Ok(map_values(self.vector(expr, steps)?, of_value));
        }
        let values = steps.iter().map(|t| f(t.div_euclid(1000))).collect();
        Ok(vec![Series::unlabelled(values)])
    }
}

/// Applies `f` to each value and the parameter of its step. Histograms have no such value and go.
fn with_param(frame: &mut Frame, param: &[f64], f: impl Fn(f64, f64) -> f64) {
    for series in frame.iter_mut() {
        series.drop_name = true;
        series.column.drop_histograms();
        let cells = series
            .column
            .floats
            .iter_mut()
            .zip(param)
            .filter(|(v, _)| !is_absent(**v));
        cells.for_each(|(v, p)| *v = f(*v, *p));
    }
    drop_empty(frame);
}
