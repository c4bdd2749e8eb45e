//! Operators: chains of them, and those of which one side is a scalar.

mod element;

use super::recorder::{Begun, Recorder};
use super::stream::{Stage, Stream};
use super::{ABSENT, Cell, Column, Evaluator, Frame, Output, Steps, is_absent};
use crate::annotations::Annotations;
use crate::ast::{Binary, BinaryOp, Span};
use crate::budget::Held;
use crate::go_math;
use crate::value::ValueType;
use crate::{Expr, QueryError};
pub(super) use element::{Note, element};

/// The value of a chain of operators so far.
pub(super) enum Operand<'e> {
    Scalar(Vec<f64>),
    Vector(Box<Stream<'e>>),
}

impl<'e> Operand<'e> {
    fn vector(stream: Stream<'e>) -> Operand<'e> {
        Operand::Vector(Box::new(stream))
    }
}

impl Evaluator<'_> {
    /// The value of `lhs op rhs`.
    pub(super) fn binary(&self, binary: &Binary, steps: Steps) -> Result<Output, QueryError> {
        match self.operators(binary, steps)? {
            Operand::Scalar(values) => Ok(Output::Scalar(values)),
            Operand::Vector(stream) => self.collect(*stream).map(Output::Vector),
        }
    }

    /// The value of `a op b op c …`: a loop from the left, for such chains can be long.
    pub(super) fn operators<'e>(
        &'e self,
        binary: &'e Binary,
        steps: Steps,
    ) -> Result<Operand<'e>, QueryError> {
        let held = self.budget.held();
        let (leftmost, operators) = binary.chain();
        let mut value = self.operand(leftmost, steps)?;
        for binary in operators {
            let begun = self.recorder.as_ref().map(Recorder::begin);
            value = self.operator(binary, value, held, steps)?;
            if let (Some(recorder), Some(begun)) = (&self.recorder, begun) {
                value = self.recorded(recorder, &begun, binary, value)?;
            }
        }
        Ok(value)
    }

    /// Takes down what an operator cost, whose value has to be there for that.
    fn recorded<'e>(
        &'e self,
        recorder: &Recorder,
        begun: &Begun,
        binary: &Binary,
        value: Operand<'e>,
    ) -> Result<Operand<'e>, QueryError> {
        let Operand::Vector(stream) = value else {
            return Ok(value);
        };
        let steps = stream.steps();
        let frame = self.collect(*stream)?;
        recorder.end(binary.span, begun, frame.len(), false);
        Ok(Operand::vector(Stream::of_frame(frame, steps)))
    }

    fn operand<'e>(&'e self, expr: &'e Expr, steps: Steps) -> Result<Operand<'e>, QueryError> {
        match expr.value_type() {
            ValueType::Scalar => self.scalar(expr, steps).map(Operand::Scalar),
            _ => self.stream(expr, steps).map(Operand::vector),
        }
    }

    fn operator<'e>(
        &'e self,
        binary: &'e Binary,
        left: Operand<'e>,
        held: Held,
        steps: Steps,
    ) -> Result<Operand<'e>, QueryError> {
        let operator = Operator::new(binary);
        match (left, binary.rhs.value_type()) {
            (Operand::Scalar(l), ValueType::Scalar) => {
                let r = self.scalar(&binary.rhs, steps)?;
                let pairs = l.iter().zip(&r);
                Ok(Operand::Scalar(
                    pairs.map(|(l, r)| operator.of_scalars(*l, *r)).collect(),
                ))
            }
            (Operand::Vector(stream), ValueType::Scalar) => {
                let r = self.scalar(&binary.rhs, steps)?;
                let stage = self.with_scalar(operator, r, false);
                self.stage(*stream, stage).map(Operand::vector)
            }
            (Operand::Scalar(l), _) => {
                let stream = self.stream(&binary.rhs, steps)?;
                let stage = self.with_scalar(operator, l, true);
                self.stage(stream, stage).map(Operand::vector)
            }
            (Operand::Vector(stream), _) => {
                let frame = self.of_vectors(binary, *stream, held, steps)?;
                Ok(Operand::vector(Stream::of_frame(frame, steps)))
            }
        }
    }

    /// `held` is what was held before the left side was evaluated: all but the result is given back.
    fn of_vectors(
        &self,
        binary: &Binary,
        left: Stream<'_>,
        held: Held,
        steps: Steps,
    ) -> Result<Frame, QueryError> {
        let lhs = self.collect(left)?;
        let rhs = self.vector(&binary.rhs, steps)?;
        let frame = if binary.op.is_set() {
            self.set_operation(binary, lhs, rhs, steps)?
        } else {
            self.match_vectors(binary, lhs, rhs, steps)?
        };
        let output = Output::Vector(frame);
        self.budget.settle(held, output.cells(), output.bytes())?;
        match output {
            Output::Vector(frame) => Ok(frame),
            _ => Ok(Frame::new()),
        }
    }

    fn with_scalar<'e>(&'e self, operator: Operator, scalar: Vec<f64>, scalar_left: bool) -> Stage<'e> {
        let notes = &self.annotations;
        let apply = Box::new(move |column: &mut Column| {
            operator.with_scalar(column, &scalar, scalar_left, notes);
            Ok(())
        });
        Stage {
            apply,
            drops_name: operator.changes_schema || operator.return_bool,
        }
    }
}

/// What an operator does to two numbers, resolved once a node.
#[derive(Clone, Copy)]
pub(super) struct Operator {
    pub(super) op: BinaryOp,
    kind: Kind,
    pub(super) return_bool: bool,
    pub(super) changes_schema: bool,
    pub(super) span: Span,
}

#[derive(Clone, Copy)]
enum Kind {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(f64, f64) -> bool),
    /// Nothing of two numbers.
    None,
}

impl Operator {
    pub(super) fn new(binary: &Binary) -> Operator {
        let kind = match binary.op {
            BinaryOp::Add => Kind::Arithmetic(|l, r| l + r),
            BinaryOp::Sub => Kind::Arithmetic(|l, r| l - r),
            BinaryOp::Mul => Kind::Arithmetic(|l, r| l * r),
            BinaryOp::Div => Kind::Arithmetic(|l, r| l / r),
            BinaryOp::Mod => Kind::Arithmetic(|l, r| l % r),
            BinaryOp::Pow => Kind::Arithmetic(go_math::pow),
            BinaryOp::Atan2 => Kind::Arithmetic(go_math::atan2),
            BinaryOp::Equal => Kind::Comparison(|l, r| l == r),
            BinaryOp::NotEqual => Kind::Comparison(|l, r| l != r),
            BinaryOp::Greater => Kind::Comparison(|l, r| l > r),
            BinaryOp::GreaterEqual => Kind::Comparison(|l, r| l >= r),
            BinaryOp::Less => Kind::Comparison(|l, r| l < r),
            BinaryOp::LessEqual => Kind::Comparison(|l, r| l <= r),
            // Set operators see series, never numbers; and floats have nothing to trim.
            BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => Kind::None,
            BinaryOp::TrimUpper | BinaryOp::TrimLower => Kind::None,
        };
        Operator {
            op: binary.op,
            kind,
            return_bool: binary.return_bool,
            changes_schema: binary.op.changes_schema(),
            span: binary.span,
        }
    }

    /// Whether it does nothing to numbers but say so.
    pub(super) fn needs_histograms(self) -> bool {
        matches!(self.kind, Kind::None)
    }

    /// The value; `kept` where a comparison filters and holds, [`ABSENT`] where it does not hold.
    pub(super) fn apply(self, l: f64, r: f64, kept: f64) -> f64 {
        match self.kind {
            Kind::Arithmetic(f) => f(l, r),
            Kind::Comparison(f) if self.return_bool => f64::from(u8::from(f(l, r))),
            Kind::Comparison(f) if f(l, r) => kept,
            Kind::Comparison(_) | Kind::None => ABSENT,
        }
    }

    fn of_scalars(self, l: f64, r: f64) -> f64 {
        match self.kind {
            Kind::Arithmetic(f) => f(l, r),
            Kind::Comparison(f) => f64::from(u8::from(f(l, r))),
            Kind::None => f64::NAN,
        }
    }

    /// A comparison keeps the vector's value on whichever side it stands.
    fn with_scalar(self, column: &mut Column, scalar: &[f64], scalar_left: bool, notes: &Annotations) {
        if column.has_histograms() || self.needs_histograms() {
            return self.cells_with_scalar(column, scalar, scalar_left, notes);
        }
        let cells = column
            .floats
            .iter_mut()
            .zip(scalar)
            .filter(|(v, _)| !is_absent(**v));
        if scalar_left {
            cells.for_each(|(v, s)| *v = self.apply(*s, *v, *v));
        } else {
            cells.for_each(|(v, s)| *v = self.apply(*v, *s, *v));
        }
    }

    fn cells_with_scalar(self, column: &mut Column, scalar: &[f64], scalar_left: bool, notes: &Annotations) {
        for (i, s) in scalar.iter().enumerate() {
            let cell = column.cell(i);
            let done = match cell {
                Cell::Absent => continue,
                vector if scalar_left => element(self.op, Cell::Float(*s), vector),
                vector => element(self.op, vector, Cell::Float(*s)),
            };
            if let Some(note) = done.error {
                note.tell(notes, self);
                column.clear(i);
                continue;
            }
            if self.return_bool {
                column.set_float(i, f64::from(u8::from(done.keep)));
            } else if !done.keep {
                column.clear(i);
            } else if !self.op.is_comparison() {
                done.value.put(column, i);
            }
        }
    }
}
