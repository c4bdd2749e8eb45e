//! Fixes the time of an expression's selectors, so that its value must not depend on when it is asked for.

use crate::Expr;
use crate::ast::AtModifier;

/// Functions whose value depends on the time of evaluation though their arguments do not, or on the time of a sample.
const DEPENDENT: [&str; 15] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "end",
    "hour",
    "minute",
    "month",
    "predict_linear",
    "range",
    "start",
    "step",
    "time",
    "timestamp",
    "year",
];

/// The expression with every outermost selector and subquery pinned to `time_ms`; `None` where a function depends on
/// the time of evaluation all the same.
pub(super) fn pin(expr: &Expr, time_ms: i64) -> Option<Expr> {
    let mut pinned = expr.clone();
    pin_in_place(&mut pinned, time_ms)?;
    Some(pinned)
}

fn pin_in_place(expr: &mut Expr, time_ms: i64) -> Option<()> {
    let set = |at: &mut Option<AtModifier>| {
        at.get_or_insert(AtModifier::At(time_ms));
    };
    match expr {
        Expr::Number(_) | Expr::String(_) => {}
        Expr::Selector(s) => set(&mut s.at),
        Expr::Range(r) => set(&mut r.selector.at),
        Expr::Subquery(s) => set(&mut s.at),
        Expr::Call(c) => {
            if DEPENDENT.contains(&c.function.name) {
                return None;
            }
            c.args.iter_mut().try_for_each(|arg| pin_in_place(arg, time_ms))?;
        }
        Expr::Aggregate(a) => {
            a.param
                .iter_mut()
                .try_for_each(|param| pin_in_place(param, time_ms))?;
            pin_in_place(&mut a.expr, time_ms)?;
        }
        Expr::Binary(b) => {
            pin_in_place(&mut b.lhs, time_ms)?;
            pin_in_place(&mut b.rhs, time_ms)?;
        }
        Expr::Unary(u) => pin_in_place(&mut u.expr, time_ms)?,
        Expr::Paren(p) => pin_in_place(&mut p.expr, time_ms)?,
    }
    Some(())
}
