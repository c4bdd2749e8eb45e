//! Operators between scalars, and between a vector and a scalar.

use super::{ABSENT, Evaluator, Frame, Output, Steps, is_absent};
use crate::QueryError;
use crate::ast::{Binary, BinaryOp};

impl Evaluator<'_> {
    /// The value of `lhs op rhs`.
    pub(super) fn binary(&self, binary: &Binary, steps: Steps) -> Result<Output, QueryError> {
        let lhs = self.eval(&binary.lhs, steps)?;
        let rhs = self.eval(&binary.rhs, steps)?;
        let operator = Operator::new(binary.op, binary.return_bool);
        match (lhs, rhs) {
            (Output::Scalar(l), Output::Scalar(r)) => Ok(Output::Scalar(
                l.iter()
                    .zip(&r)
                    .map(|(l, r)| operator.of_scalars(*l, *r))
                    .collect(),
            )),
            (Output::Vector(l), Output::Scalar(r)) => Ok(Output::Vector(with_scalar(l, &r, operator, false))),
            (Output::Scalar(l), Output::Vector(r)) => Ok(Output::Vector(with_scalar(r, &l, operator, true))),
            (Output::Vector(l), Output::Vector(r)) if binary.op.is_set() => self
                .set_operation(binary.op, l, r, &binary.matching, steps)
                .map(Output::Vector),
            (Output::Vector(l), Output::Vector(r)) => self
                .match_vectors(operator, l, r, &binary.matching, steps)
                .map(Output::Vector),
            _ => Err(QueryError::execution("operators do not work on strings")),
        }
    }
}

/// What an operator does to two numbers, resolved once a node.
#[derive(Clone, Copy)]
pub(super) struct Operator {
    kind: Kind,
    pub(super) return_bool: bool,
    pub(super) changes_schema: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(f64, f64) -> bool),
}

impl Operator {
    pub(super) fn new(op: BinaryOp, return_bool: bool) -> Operator {
        let kind = match op {
            BinaryOp::Add => Kind::Arithmetic(|l, r| l + r),
            BinaryOp::Sub => Kind::Arithmetic(|l, r| l - r),
            BinaryOp::Mul => Kind::Arithmetic(|l, r| l * r),
            BinaryOp::Div => Kind::Arithmetic(|l, r| l / r),
            BinaryOp::Mod => Kind::Arithmetic(|l, r| l % r),
            BinaryOp::Pow => Kind::Arithmetic(f64::powf),
            BinaryOp::Atan2 => Kind::Arithmetic(f64::atan2),
            BinaryOp::Equal => Kind::Comparison(|l, r| l == r),
            BinaryOp::NotEqual => Kind::Comparison(|l, r| l != r),
            BinaryOp::Greater => Kind::Comparison(|l, r| l > r),
            BinaryOp::GreaterEqual => Kind::Comparison(|l, r| l >= r),
            BinaryOp::Less => Kind::Comparison(|l, r| l < r),
            BinaryOp::LessEqual => Kind::Comparison(|l, r| l <= r),
            // Set operators see series, never numbers; they are taken out before.
            BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => Kind::Comparison(|_, _| false),
            // Floats have nothing to trim.
            BinaryOp::TrimUpper | BinaryOp::TrimLower => Kind::Comparison(|_, _| false),
        };
        Operator {
            kind,
            return_bool,
            changes_schema: op.changes_schema(),
        }
    }

    /// The value; `kept` where a comparison filters and holds, [`ABSENT`] where it does not hold.
    pub(super) fn apply(self, l: f64, r: f64, kept: f64) -> f64 {
        match self.kind {
            Kind::Arithmetic(f) => f(l, r),
            Kind::Comparison(f) if self.return_bool => f64::from(u8::from(f(l, r))),
            Kind::Comparison(f) if f(l, r) => kept,
            Kind::Comparison(_) => ABSENT,
        }
    }

    fn of_scalars(self, l: f64, r: f64) -> f64 {
        match self.kind {
            Kind::Arithmetic(f) => f(l, r),
            Kind::Comparison(f) => f64::from(u8::from(f(l, r))),
        }
    }
}

/// A comparison keeps the vector's value on whichever side it stands.
fn with_scalar(mut frame: Frame, scalar: &[f64], operator: Operator, scalar_left: bool) -> Frame {
    for series in &mut frame {
        series.drop_name |= operator.changes_schema || operator.return_bool;
        let cells = series
            .column
            .floats
            .iter_mut()
            .zip(scalar)
            .filter(|(v, _)| !is_absent(**v));
        if scalar_left {
            cells.for_each(|(v, s)| *v = operator.apply(*s, *v, *v));
        } else {
            cells.for_each(|(v, s)| *v = operator.apply(*v, *s, *v));
        }
    }
    super::frame::drop_empty(&mut frame);
    frame
}
