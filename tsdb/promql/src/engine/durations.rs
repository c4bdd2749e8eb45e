//! Durations that are computed, `[5m + step()]`, become known once the query's times are.

use std::borrow::Cow;

use crate::ast::{BinaryOp, DurationExpr, DurationNode, Span};
use crate::numeric::{go_max, go_min};
use crate::{Expr, QueryError};

/// More seconds than this are no duration: nanoseconds in 64 bits, as upstream counts.
const MAX_SECONDS: f64 = 9_223_372_036.854_775;

/// What durations may be computed from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The query's step; 0 for an instant query.
    pub(super) step_ms: i64,
    /// From the query's start to its end.
    pub(super) range_ms: i64,
}

/// The expression with all durations known.
///
/// # Errors
/// A duration is none.
pub(super) fn resolve(expr: &Expr, times: Times) -> Result<Cow<'_, Expr>, QueryError> {
    if !any_computed(expr) {
        return Ok(Cow::Borrowed(expr));
    }
    let mut resolved = expr.clone();
    let mut open = vec![&mut resolved];
    while let Some(expr) = open.pop() {
        match expr {
            Expr::Number(_) | Expr::String(_) => {}
            Expr::Selector(s) => times.set(s.offset_expr.as_deref(), true, &mut s.offset_ms)?,
            Expr::Range(r) => {
                let s = &mut r.selector;
                times.set(s.offset_expr.as_deref(), true, &mut s.offset_ms)?;
                times.set(r.range_expr.as_deref(), false, &mut r.range_ms)?;
            }
            Expr::Subquery(s) => {
                times.set(s.offset_expr.as_deref(), true, &mut s.offset_ms)?;
                if s.step_expr.is_some() {
                    times.set(s.step_expr.as_deref(), false, s.step_ms.get_or_insert(0))?;
                }
                times.set(s.range_expr.as_deref(), false, &mut s.range_ms)?;
                open.push(&mut s.expr);
            }
            Expr::Call(c) => open.extend(&mut c.args),
            Expr::Aggregate(a) => {
                open.extend(&mut a.param);
                open.push(&mut a.expr);
            }
            Expr::Binary(b) => open.extend([&mut b.lhs, &mut b.rhs]),
            Expr::Unary(u) => open.push(&mut u.expr),
            Expr::Paren(p) => open.push(&mut p.expr),
        }
    }
    Ok(Cow::Owned(resolved))
}

fn any_computed(expr: &Expr) -> bool {
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        let computed = match expr {
            Expr::Selector(s) => s.offset_expr.is_some(),
            Expr::Range(r) => r.range_expr.is_some() || r.selector.offset_expr.is_some(),
            Expr::Subquery(s) => s.range_expr.is_some() || s.step_expr.is_some() || s.offset_expr.is_some(),
            _ => false,
        };
        if computed {
            return true;
        }
        open.extend(expr.children());
    }
    false
}

impl Times {
    fn set(
        &self,
        node: Option<&DurationNode>,
        may_be_negative: bool,
        ms: &mut i64,
    ) -> Result<(), QueryError> {
        let Some(node) = node else {
            return Ok(());
        };
        let seconds = self.seconds(&node.expr)?;
        if !seconds.is_finite() {
            return Err(bad(node.span, "duration is NaN or infinite"));
        }
        if seconds <= 0.0 && !may_be_negative {
            return Err(bad(node.span, "duration must be greater than 0"));
        }
        if seconds.abs() > MAX_SECONDS {
            return Err(bad(node.span, "duration is out of range"));
        }
        *ms = (seconds * 1000.0) as i64;
        Ok(())
    }

    fn seconds(&self, expr: &DurationExpr) -> Result<f64, QueryError> {
        Ok(match expr {
            DurationExpr::Number(n) => n.value,
            DurationExpr::Step => self.step_ms as f64 / 1000.0,
            DurationExpr::Range => self.range_ms as f64 / 1000.0,
            DurationExpr::Unary { negative: true, expr } => -self.seconds(expr)?,
            DurationExpr::Unary { expr, .. } | DurationExpr::Paren(expr) => self.seconds(expr)?,
            DurationExpr::Extreme { max: true, lhs, rhs } => go_max(self.seconds(lhs)?, self.seconds(rhs)?),
            DurationExpr::Extreme { lhs, rhs, .. } => go_min(self.seconds(lhs)?, self.seconds(rhs)?),
            DurationExpr::Binary { op, lhs, rhs, span } => {
                let (l, r) = (self.seconds(lhs)?, self.seconds(rhs)?);
                match op {
                    BinaryOp::Add => l + r,
                    BinaryOp::Sub => l - r,
                    BinaryOp::Mul => l * r,
                    BinaryOp::Div if r == 0.0 => return Err(bad(*span, "division by zero")),
                    BinaryOp::Div => l / r,
                    BinaryOp::Mod if r == 0.0 => return Err(bad(*span, "modulo by zero")),
                    BinaryOp::Mod => l % r,
                    BinaryOp::Pow => crate::go_math::pow(l, r),
                    other => {
                        let op = other.as_str();
                        return Err(bad(
                            *span,
                            &format!("unexpected duration expression operator {op:?}"),
                        ));
                    }
                }
            }
        })
    }
}

fn bad(span: Span, text: &str) -> QueryError {
    QueryError::Parse {
        message: format!("{}:{}: {text}", span.start, span.end),
        pos: usize::try_from(span.start).ok(),
    }
}
