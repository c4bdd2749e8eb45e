//! Durations that may be computed: `5m + step()`, `-(range() / 2)`, `max_of(1m, step())`.
//!
//! They have operators of their own, since only numbers and the query's times are known when they are evaluated.
//! Behind `offset`, only what is in parentheses is computed: `x offset 5m + 1m` adds a minute, as a number, to `x`.

use super::modifiers::Duration;
use super::{ANY, MAX_DEPTH, POWER, Parsed, Parser, Stop};
use crate::ast::{BinaryOp, DurationExpr, DurationNode, Number, Span};
use crate::lexer::{Keyword, Kind};

/// Just beyond what fits 64 bits of nanoseconds, in seconds.
const MAX_SECONDS: f64 = 9_223_372_036.854_776;

const OUT_OF_RANGE: &str = "duration out of range";

impl Parser<'_> {
    /// What stands in brackets: more than 0, where that is known already.
    pub(super) fn positive_duration(&mut self) -> Parsed<Duration> {
        let node = self.duration(ANY)?;
        self.next_is_lexed()?;
        if node.expr.literal().is_some_and(|seconds| seconds <= 0.0) {
            return Err(self.error(node.span, "duration must be greater than 0"));
        }
        Ok(settled(node))
    }

    /// What stands behind `offset`, and where the selector ends then.
    pub(super) fn offset_duration(&mut self) -> Parsed<(Duration, u32)> {
        let first = self.token();
        let node = match (first.kind, self.kind_after()) {
            (Kind::Operator(BinaryOp::Add | BinaryOp::Sub), after) if !is_sign(after) => {
                self.signed_offset()?
            }
            (Kind::Operator(_) | Kind::LeftParen, _) => {
                let node = self.duration(ANY)?;
                self.next_is_lexed()?;
                // Upstream has read the next piece by now and takes it for the selector's if it closes something.
                let next = self.token();
                let end = if next.kind.closes() {
                    next.span.end
                } else {
                    self.end_of_last()
                };
                return Ok((settled(node), end));
            }
            _ => self.duration_operand()?,
        };
        Ok((settled(node), self.end_of_last()))
    }

    /// A sign and what it stands before, up to where a further operator belongs to the selector as a whole.
    fn signed_offset(&mut self) -> Parsed<DurationNode> {
        let sign = self.token().span;
        let negative = self.sign().unwrap_or(false);
        let first = self.token().span;
        let parens = self.kind() == Kind::LeftParen;
        let operand = if parens {
            self.parens_unchecked()
        } else {
            self.duration_operand()
        };
        let node = operand.map_err(|stop| match stop {
            // A number that is too long is too long with its sign.
            Stop::Fault(fault) if fault.span.start == first.start && fault.message == OUT_OF_RANGE => {
                self.error(sign, OUT_OF_RANGE)
            }
            stop => stop,
        })?;
        match node.expr {
            DurationExpr::Number(_) => Ok(signed(sign, negative, node)),
            _ if parens => Ok(signed(sign, negative, node)),
            _ => Ok(DurationNode {
                span: sign.to(node.span),
                expr: DurationExpr::Unary {
                    negative,
                    expr: Box::new(node.expr),
                },
            }),
        }
    }

    /// A duration whose operators bind at least as tightly as `least`.
    fn duration(&mut self, least: u8) -> Parsed<DurationNode> {
        self.enter()?;
        let sign = self.token().span;
        let mut lhs = match self.sign() {
            Some(negative) => {
                let node = self.duration(POWER)?;
                self.next_is_lexed()?;
                signed(sign, negative, node)
            }
            None => self.duration_operand()?,
        };
        let mut operators = 0;
        while let Some((op, binds)) = self.operator()
            && binds >= least
            && is_arithmetic(op)
        {
            operators += 1;
            if operators > MAX_DEPTH {
                return Err(self.error(lhs.span, format!("more than {MAX_DEPTH} operators in a duration")));
            }
            lhs = self.duration_binary(lhs, op, binds)?;
        }
        self.depth -= 1;
        Ok(lhs)
    }

    fn duration_binary(&mut self, lhs: DurationNode, op: BinaryOp, binds: u8) -> Parsed<DurationNode> {
        let op_span = self.token().span;
        self.at += 1;
        let rhs = self.duration(if op == BinaryOp::Pow { binds } else { binds + 1 })?;
        self.next_is_lexed()?;
        self.computed(lhs.span)?;
        let by_zero = rhs.expr.literal() == Some(0.0);
        match op {
            BinaryOp::Div if by_zero => return Err(self.error(op_span, "division by zero")),
            BinaryOp::Mod if by_zero => return Err(self.error(op_span, "modulo by zero")),
            _ => {}
        }
        let span = lhs.span.to(rhs.span);
        Ok(DurationNode {
            span,
            expr: DurationExpr::Binary {
                op,
                lhs: Box::new(lhs.expr),
                rhs: Box::new(rhs.expr),
                span,
            },
        })
    }

    fn duration_operand(&mut self) -> Parsed<DurationNode> {
        let token = self.token();
        match token.kind {
            Kind::Number | Kind::Duration => {
                let number = self.number()?;
                // Upstream lets NaN pass, which is some 292 years there.
                if number.value.is_nan() || number.value.abs() > MAX_SECONDS {
                    return Err(self.error(number.span, OUT_OF_RANGE));
                }
                Ok(DurationNode {
                    expr: DurationExpr::Number(number),
                    span: number.span,
                })
            }
            Kind::Keyword(Keyword::Step) => self.query_time(DurationExpr::Step),
            Kind::Keyword(Keyword::Range) => self.query_time(DurationExpr::Range),
            Kind::Keyword(Keyword::MaxOf) => self.extreme(true),
            Kind::Keyword(Keyword::MinOf) => self.extreme(false),
            Kind::LeftParen => {
                let node = self.parens_unchecked()?;
                self.computed(node.span)?;
                Ok(node)
            }
            _ => Err(Stop::Unexpected),
        }
    }

    fn query_time(&mut self, expr: DurationExpr) -> Parsed<DurationNode> {
        let name = self.token().span;
        self.at += 1;
        self.expect(Kind::LeftParen)?;
        let span = name.to(self.expect(Kind::RightParen)?);
        self.computed(span)?;
        Ok(DurationNode { expr, span })
    }

    fn extreme(&mut self, max: bool) -> Parsed<DurationNode> {
        self.at += 1;
        self.expect(Kind::LeftParen)?;
        let lhs = self.duration(ANY)?;
        self.expect(Kind::Comma)?;
        let rhs = self.duration(ANY)?;
        self.expect(Kind::RightParen)?;
        // Upstream's reaches from the first to the second argument.
        let span = lhs.span.to(rhs.span);
        self.computed(span)?;
        Ok(DurationNode {
            span,
            expr: DurationExpr::Extreme {
                max,
                lhs: Box::new(lhs.expr),
                rhs: Box::new(rhs.expr),
            },
        })
    }

    /// Parentheses around parentheses leave no trace. A span does not include them.
    fn parens_unchecked(&mut self) -> Parsed<DurationNode> {
        self.expect(Kind::LeftParen)?;
        let node = self.duration(ANY)?;
        self.expect(Kind::RightParen)?;
        Ok(match node.expr {
            DurationExpr::Paren(_) => node,
            expr => DurationNode {
                expr: DurationExpr::Paren(Box::new(expr)),
                span: node.span,
            },
        })
    }

    /// Refuses what is computed where that is not allowed.
    fn computed(&self, span: Span) -> Parsed<()> {
        if self.options.duration_expressions {
            Ok(())
        } else {
            Err(self.error(span, "experimental duration expression is not enabled"))
        }
    }
}

/// A sign before a duration; before a number, it is part of it.
fn signed(sign: Span, negative: bool, node: DurationNode) -> DurationNode {
    match node.expr {
        DurationExpr::Number(n) => {
            let span = sign.to(n.span);
            let value = if negative { -n.value } else { n.value };
            DurationNode {
                expr: DurationExpr::Number(Number { value, span, ..n }),
                span,
            }
        }
        expr if negative => DurationNode {
            expr: DurationExpr::Unary {
                negative,
                expr: Box::new(expr),
            },
            span: sign.to(node.span),
        },
        // A `+` leaves no trace, but a number begins with it all the same.
        expr if expr.literal().is_some() => DurationNode {
            expr,
            span: sign.to(node.span),
        },
        expr => DurationNode { expr, ..node },
    }
}

/// A number is milliseconds at once; one in parentheses stays a computed duration too, for these are printed.
fn settled(node: DurationNode) -> Duration {
    let ms = node
        .expr
        .literal()
        .map_or(0, |s| (s * 1e9).round() as i64 / 1_000_000);
    let computed = !matches!(node.expr, DurationExpr::Number(_));
    (ms, computed.then(|| Box::new(node)))
}

fn is_sign(kind: Kind) -> bool {
    matches!(kind, Kind::Operator(BinaryOp::Add | BinaryOp::Sub))
}

fn is_arithmetic(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Div, Mod, Mul, Pow, Sub};
    matches!(op, Add | Sub | Mul | Div | Mod | Pow)
}
