//! Operators between expressions, and how the series of both sides find each other.

use super::{POWER, Parsed, Parser};
use crate::Expr;
use crate::ast::{Binary, BinaryOp, Cardinality, Matching};
use crate::lexer::{Keyword, Kind};

impl Parser<'_> {
    /// The current piece as an operator, with how tightly it binds.
    pub(super) fn operator(&self) -> Option<(BinaryOp, u8)> {
        let Kind::Operator(op) = self.kind() else {
            return None;
        };
        let binds = match op {
            BinaryOp::Or => 1,
            BinaryOp::And | BinaryOp::Unless => 2,
            BinaryOp::TrimUpper | BinaryOp::TrimLower => 3,
            op if op.is_comparison() => 3,
            BinaryOp::Add | BinaryOp::Sub => 4,
            BinaryOp::Pow => POWER,
            _ => 5,
        };
        Some((op, binds))
    }

    /// What comes of `lhs` and the operator after it.
    pub(super) fn binary(&mut self, lhs: Expr, op: BinaryOp, binds: u8) -> Parsed {
        self.at += 1;
        let return_bool = self.eat(Kind::Keyword(Keyword::Bool));
        let matching = self.matching()?;
        // Only powers lean to the right.
        let rhs = self.expr(if op == BinaryOp::Pow { binds } else { binds + 1 })?;
        self.next_is_lexed()?;
        let span = lhs.span().to(rhs.span());
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if fills && !self.options.fill_modifiers {
            return Err(self.error(span, "binop fill modifiers are experimental and not enabled"));
        }
        Ok(Expr::Binary(Box::new(Binary::new(
            op,
            lhs,
            rhs,
            return_bool,
            matching,
            span,
        ))))
    }

    fn matching(&mut self) -> Parsed<Matching> {
        let mut matching = Matching {
            on: self.kind() == Kind::Keyword(Keyword::On),
            ..Matching::default()
        };
        if self.eat(Kind::Keyword(Keyword::On)) || self.eat(Kind::Keyword(Keyword::Ignoring)) {
            matching.labels = self.labels()?;
            self.group(&mut matching)?;
        }
        self.fill(&mut matching)?;
        Ok(matching)
    }

    fn group(&mut self, matching: &mut Matching) -> Parsed<()> {
        matching.cardinality = if self.eat(Kind::Keyword(Keyword::GroupLeft)) {
            Cardinality::ManyToOne
        } else if self.eat(Kind::Keyword(Keyword::GroupRight)) {
            Cardinality::OneToMany
        } else {
            return Ok(());
        };
        // Labels may be left out where the right operand follows; a parenthesis always is theirs.
        if self.kind() == Kind::LeftParen || !self.at_operand() {
            matching.include = self.labels()?;
        }
        Ok(())
    }

    fn fill(&mut self, matching: &mut Matching) -> Parsed<()> {
        if self.eat(Kind::Keyword(Keyword::Fill)) {
            let value = self.fill_value()?;
            (matching.fill_left, matching.fill_right) = (Some(value), Some(value));
        } else if self.eat(Kind::Keyword(Keyword::FillLeft)) {
            matching.fill_left = Some(self.fill_value()?);
            if self.eat(Kind::Keyword(Keyword::FillRight)) {
                matching.fill_right = Some(self.fill_value()?);
            }
        } else if self.eat(Kind::Keyword(Keyword::FillRight)) {
            matching.fill_right = Some(self.fill_value()?);
            if self.eat(Kind::Keyword(Keyword::FillLeft)) {
                matching.fill_left = Some(self.fill_value()?);
            }
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        self.expect(Kind::LeftParen)?;
        let negative = self.sign().unwrap_or(false);
        let value = self.number()?.value;
        self.expect(Kind::RightParen)?;
        Ok(if negative { -value } else { value })
    }

    /// A sign, if there is one; whether it is `-`.
    pub(super) fn sign(&mut self) -> Option<bool> {
        let negative = match self.kind() {
            Kind::Operator(BinaryOp::Add) => false,
            Kind::Operator(BinaryOp::Sub) => true,
            _ => return None,
        };
        self.at += 1;
        Some(negative)
    }
}
