//! Chains of operators, `a + b + c + …`: trees that lean to the left, as deep as they are long.
//!
//! What recursion would need a deep stack for is a loop here: making, copying and dropping them.

use std::mem;

use super::{Binary, BinaryOp, Expr, Matching, Number, Span};
use crate::value::ValueType;

impl Binary {
    pub(crate) fn new(
        op: BinaryOp,
        lhs: Expr,
        rhs: Expr,
        return_bool: bool,
        matching: Matching,
        span: Span,
    ) -> Binary {
        let value_type = match (lhs.value_type(), rhs.value_type()) {
            (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
            _ => ValueType::Vector,
        };
        Binary {
            op,
            lhs,
            rhs,
            return_bool,
            matching,
            span,
            value_type,
        }
    }

    /// The leftmost operand of the chain that ends with this operator, and the chain's operators from left to right:
    /// what stands left of each is the value of all before it.
    pub fn chain(&self) -> (&Expr, Vec<&Binary>) {
        let mut operators = vec![self];
        let mut leftmost = &self.lhs;
        while let Expr::Binary(inner) = leftmost {
            operators.push(inner);
            leftmost = &inner.lhs;
        }
        operators.reverse();
        (leftmost, operators)
    }

    fn copy_onto(&self, lhs: Expr) -> Binary {
        Binary {
            op: self.op,
            lhs,
            rhs: self.rhs.clone(),
            return_bool: self.return_bool,
            matching: self.matching.clone(),
            span: self.span,
            value_type: self.value_type,
        }
    }
}

impl Expr {
    /// Takes the expression out of its place.
    pub(crate) fn take(&mut self) -> Expr {
        mem::replace(
            self,
            Expr::Number(Number {
                value: 0.0,
                duration: false,
                span: Span::default(),
            }),
        )
    }
}

impl Clone for Binary {
    fn clone(&self) -> Binary {
        let (leftmost, operators) = self.chain();
        let inner = operators.split_last().map_or(&[][..], |(_, inner)| inner);
        let lhs = inner.iter().fold(leftmost.clone(), |lhs, operator| {
            Expr::Binary(Box::new(operator.copy_onto(lhs)))
        });
        self.copy_onto(lhs)
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let mut lhs = self.lhs.take();
        while let Expr::Binary(inner) = &mut lhs {
            lhs = inner.lhs.take();
        }
    }
}
