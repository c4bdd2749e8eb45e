//! Fixes the time of an expression's selectors, so that its value must not depend on when it is asked for.

use crate::Expr;
use crate::ast::AtModifier;
use crate::functions::Kind;

/// The expression with every outermost selector and subquery pinned to `time_ms`; `None` where a function or
/// an `@ start()` depends on the time of evaluation all the same.
pub(super) fn pin(expr: &Expr, time_ms: i64) -> Option<Expr> {
    let mut pinned = expr.clone();
    pin_in_place(&mut pinned, time_ms)?;
    Some(pinned)
}

/// Whether an `@ start()`, `@ end()`, `start()`, `end()`, `range()` or `step()` is in the expression.
pub(super) fn uses_query_ends(expr: &Expr) -> bool {
    let ends = |at: Option<AtModifier>| matches!(at, Some(AtModifier::Start | AtModifier::End));
    let here = match expr {
        Expr::Selector(s) => ends(s.at),
        Expr::Range(r) => ends(r.selector.at),
        Expr::Subquery(s) => ends(s.at),
        Expr::Call(c) => matches!(c.function.kind, Kind::Query(_)),
        _ => false,
    };
    here || expr.children().into_iter().any(uses_query_ends)
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
            if c.function.depends_on_time(c.args.len()) {
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
