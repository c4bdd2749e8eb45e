//! Operators between two cells, floats or histograms.

use std::sync::Arc;

use model::histogram::CounterResetHint;

use super::super::{ABSENT, Cell, Column};
use super::Operator;
use crate::annotations::Annotations;
use crate::ast::BinaryOp;
use crate::go_math;
use crate::histogram::{FloatHistogram, MergeNotes, MixedSchemas, Trim};

/// A value that an operator gives.
#[derive(Debug, Clone)]
pub(in super::super) enum Value {
    Float(f64),
    Histogram(Arc<FloatHistogram>),
}

impl Value {
    /// Puts it into step `i` of a column.
    pub(in super::super) fn put(self, column: &mut Column, i: usize) {
        match self {
            Value::Float(float) => column.set_float(i, float),
            Value::Histogram(histogram) => column.set_histogram(i, histogram),
        }
    }
}

/// What comes of two cells.
#[derive(Debug, Clone)]
pub(in super::super) struct Element {
    pub(in super::super) value: Value,
    /// Whether a comparison holds; always of other operators.
    pub(in super::super) keep: bool,
    /// What the reader of the value should know.
    pub(in super::super) note: Option<Note>,
    /// Why there is no value.
    pub(in super::super) error: Option<Note>,
}

/// What there is to say about two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Note {
    /// The operator is not for these kinds of samples.
    Types(&'static str, &'static str),
    /// Exponential buckets meet custom ones.
    Layout,
    /// Contradicting hints about counter resets.
    Collision,
    /// Different custom bounds.
    Reconciled,
}

impl Note {
    /// Notes it at the operator's place.
    pub(in super::super) fn tell(self, notes: &Annotations, operator: Operator) {
        let (op, span) = (operator.op.as_str(), operator.span);
        let doing = if operator.op == BinaryOp::Sub {
            "subtraction"
        } else {
            "addition"
        };
        match self {
            Note::Types(left, right) => notes.info(
                span,
                format!(
                    "incompatible sample types encountered for binary operator {op:?}: {left} {op} {right}"
                ),
            ),
            Note::Layout => notes.warn(
                span,
                format!("incompatible bucket layout encountered for binary operator {op}"),
            ),
            Note::Collision => {
                notes.warn(
                    span,
                    format!("conflicting counter resets during histogram {doing}"),
                );
            }
            Note::Reconciled => {
                notes.info(
                    span,
                    format!("mismatched custom buckets were reconciled during {doing}"),
                );
            }
        }
    }
}

impl Element {
    fn float(value: f64, keep: bool) -> Element {
        Element {
            value: Value::Float(value),
            keep,
            note: None,
            error: None,
        }
    }

    fn histogram(value: FloatHistogram) -> Element {
        Element::same(&Arc::new(value), true)
    }

    fn same(value: &Arc<FloatHistogram>, keep: bool) -> Element {
        Element {
            value: Value::Histogram(Arc::clone(value)),
            keep,
            note: None,
            error: None,
        }
    }

    fn none(error: Note) -> Element {
        Element {
            error: Some(error),
            ..Element::float(ABSENT, false)
        }
    }
}

/// The value of `l op r`. A comparison gives its left side. Neither is absent.
pub(in super::super) fn element(op: BinaryOp, l: Cell<'_>, r: Cell<'_>) -> Element {
    match (l, r) {
        (Cell::Float(l), Cell::Float(r)) => floats(op, l, r),
        (Cell::Float(l), Cell::Histogram(r)) => match op {
            BinaryOp::Mul => changed(r, |h| h.multiply(l)),
            _ => Element::none(Note::Types("float", "histogram")),
        },
        (Cell::Histogram(l), Cell::Float(r)) => match op {
            BinaryOp::Mul => changed(l, |h| h.multiply(r)),
            BinaryOp::Div => changed(l, |h| h.divide(r)),
            BinaryOp::TrimUpper => trimmed(l, r, Trim::Upper),
            BinaryOp::TrimLower => trimmed(l, r, Trim::Lower),
            _ => Element::none(Note::Types("histogram", "float")),
        },
        (Cell::Histogram(l), Cell::Histogram(r)) => histograms(op, l, r),
        (Cell::Absent, _) | (_, Cell::Absent) => Element::float(ABSENT, false),
    }
}

fn floats(op: BinaryOp, l: f64, r: f64) -> Element {
    let always = |value: f64| Element::float(value, true);
    let if_holds = |holds: bool| Element::float(l, holds);
    match op {
        BinaryOp::Add => always(l + r),
        BinaryOp::Sub => always(l - r),
        BinaryOp::Mul => always(l * r),
        BinaryOp::Div => always(l / r),
        BinaryOp::Mod => always(l % r),
        BinaryOp::Pow => always(go_math::pow(l, r)),
        BinaryOp::Atan2 => always(go_math::atan2(l, r)),
        BinaryOp::Equal => if_holds(l == r),
        BinaryOp::NotEqual => if_holds(l != r),
        BinaryOp::Greater => if_holds(l > r),
        BinaryOp::GreaterEqual => if_holds(l >= r),
        BinaryOp::Less => if_holds(l < r),
        BinaryOp::LessEqual => if_holds(l <= r),
        BinaryOp::TrimUpper | BinaryOp::TrimLower => Element::none(Note::Types("float", "float")),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => Element::float(ABSENT, false),
    }
}

fn histograms(op: BinaryOp, l: &Arc<FloatHistogram>, r: &Arc<FloatHistogram>) -> Element {
    let merged = |of: fn(&mut FloatHistogram, &FloatHistogram) -> Result<MergeNotes, MixedSchemas>| {
        let mut value = FloatHistogram::clone(l);
        match of(&mut value, r) {
            Err(MixedSchemas) => Element::none(Note::Layout),
            // Upstream has no value where hints contradict each other.
            Ok(notes) if notes.reset_collision => Element::none(Note::Collision),
            Ok(notes) => {
                if op == BinaryOp::Sub {
                    value.reset_hint = CounterResetHint::Gauge;
                }
                value.compact(0);
                Element {
                    note: notes.bounds_reconciled.then_some(Note::Reconciled),
                    ..Element::histogram(value)
                }
            }
        }
    };
    match op {
        BinaryOp::Add => merged(FloatHistogram::add),
        BinaryOp::Sub => merged(FloatHistogram::subtract),
        BinaryOp::Equal => Element::same(l, l == r),
        BinaryOp::NotEqual => Element::same(l, l != r),
        _ => Element::none(Note::Types("histogram", "histogram")),
    }
}

fn changed(histogram: &Arc<FloatHistogram>, change: impl FnOnce(&mut FloatHistogram)) -> Element {
    let mut value = FloatHistogram::clone(histogram);
    change(&mut value);
    value.compact(0);
    Element::histogram(value)
}

fn trimmed(histogram: &Arc<FloatHistogram>, at: f64, side: Trim) -> Element {
    let mut value = FloatHistogram::clone(histogram);
    value.trim(at, side);
    Element::histogram(value)
}
