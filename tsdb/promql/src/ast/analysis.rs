//! What can be said of an expression without evaluating it.

use super::{AtModifier, Expr, Extension, RangeSelector, Span, Subquery, VectorSelector};
use crate::functions::Kind;
use crate::value::ValueType;

impl Expr {
    /// The type of the expression's value.
    pub fn value_type(&self) -> ValueType {
        match self {
            Expr::Number(_) => ValueType::Scalar,
            Expr::String(_) => ValueType::String,
            Expr::Selector(_) | Expr::Aggregate(_) => ValueType::Vector,
            Expr::Range(_) | Expr::Subquery(_) => ValueType::Matrix,
            Expr::Call(c) => c.function.returns,
            Expr::Unary(u) => u.expr.value_type(),
            Expr::Paren(p) => p.expr.value_type(),
            Expr::Binary(b) => b.value_type,
        }
    }

    /// Where the expression stands in the text of its query.
    pub fn span(&self) -> Span {
        match self {
            Expr::Number(n) => n.span,
            Expr::String(s) => s.span,
            Expr::Selector(s) => s.span,
            Expr::Range(r) => r.span,
            Expr::Subquery(s) => s.span,
            Expr::Call(c) => c.span,
            Expr::Aggregate(a) => a.span,
            Expr::Binary(b) => b.span,
            Expr::Unary(u) => u.span,
            Expr::Paren(p) => p.span,
        }
    }

    /// The direct parts of the expression, from left to right; of a chain of operators all operands, so that whoever
    /// recurses over the parts needs no deep stack for it.
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Expr::Number(_) | Expr::String(_) | Expr::Selector(_) | Expr::Range(_) => Vec::new(),
            Expr::Subquery(s) => vec![&s.expr],
            Expr::Call(c) => c.args.iter().collect(),
            Expr::Aggregate(a) => a.param.iter().chain([&a.expr]).collect(),
            Expr::Binary(b) => {
                let (leftmost, operators) = b.chain();
                let rights = operators.into_iter().map(|b| &b.rhs);
                std::iter::once(leftmost).chain(rights).collect()
            }
            Expr::Unary(u) => vec![&u.expr],
            Expr::Paren(p) => vec![&p.expr],
        }
    }

    /// All selectors of series in the expression, range selectors' included, from left to right: what a rule
    /// depends on.
    pub fn selectors(&self) -> Vec<&VectorSelector> {
        match self {
            Expr::Selector(s) => vec![s],
            Expr::Range(RangeSelector { selector, .. }) => vec![selector],
            other => other.children().into_iter().flat_map(Expr::selectors).collect(),
        }
    }

    /// The expression without the parentheses around it.
    pub fn unwrap_parens(&self) -> &Expr {
        match self {
            Expr::Paren(p) => p.expr.unwrap_parens(),
            other => other,
        }
    }

    /// Whether the value is the same at every step: every selector in it is fixed by `@`, and no function in it
    /// depends on the time of evaluation.
    pub(crate) fn is_step_invariant(&self) -> bool {
        match self {
            Expr::Number(_) | Expr::String(_) => true,
            Expr::Selector(s) => s.at.is_some(),
            Expr::Range(r) => r.selector.at.is_some(),
            Expr::Subquery(s) => s.at.is_some(),
            Expr::Call(c) if c.function.depends_on_time(c.args.len()) => false,
            other => other.children().iter().all(|e| e.is_step_invariant()),
        }
    }

    /// The first and last timestamp that evaluation at times from `start_ms` to `end_ms` can ask the store for.
    pub(crate) fn time_bounds(&self, start_ms: i64, end_ms: i64, defaults: &Defaults) -> Option<(i64, i64)> {
        let fix = |at: Option<AtModifier>| defaults.fixed(at).map_or((start_ms, end_ms), |t| (t, t));
        match self {
            Expr::Selector(s) => {
                let bounds = shift(fix(s.at), s.offset_ms, defaults.lookback_ms);
                Some(extend(bounds, s.extension, 0, defaults.lookback_ms))
            }
            Expr::Range(r) => {
                let bounds = shift(fix(r.selector.at), r.selector.offset_ms, r.range_ms);
                let lookback_ms = defaults.lookback_ms;
                Some(extend(bounds, r.selector.extension, lookback_ms, lookback_ms))
            }
            Expr::Subquery(s) => {
                let Subquery {
                    expr,
                    range_ms,
                    offset_ms,
                    at,
                    ..
                } = &**s;
                let (start, end) = shift(fix(*at), *offset_ms, *range_ms);
                expr.time_bounds(start, end, defaults)
            }
            other => {
                let bounds = other
                    .children()
                    .into_iter()
                    .filter_map(|e| e.time_bounds(start_ms, end_ms, defaults));
                let implied = info_bounds(other, start_ms, end_ms, defaults);
                bounds.chain(implied).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            }
        }
    }
}

/// What an expression leaves to the query: its ends and the lookback.
pub(crate) struct Defaults {
    pub(crate) query_start_ms: i64,
    pub(crate) query_end_ms: i64,
    /// 0 for an instant query.
    pub(crate) query_step_ms: i64,
    pub(crate) lookback_ms: i64,
}

impl Defaults {
    /// The time that an `@` means in this query.
    pub(crate) fn fixed(&self, at: Option<AtModifier>) -> Option<i64> {
        at.map(|at| match at {
            AtModifier::Start => self.query_start_ms,
            AtModifier::End => self.query_end_ms,
            AtModifier::At(ms) => ms,
        })
    }
}

fn shift((start, end): (i64, i64), offset_ms: i64, back_ms: i64) -> (i64, i64) {
    (
        start.saturating_sub(offset_ms).saturating_sub(back_ms),
        end.saturating_sub(offset_ms),
    )
}

/// Anchored selectors read samples before the window, smoothed ones samples after it too.
fn extend((start, end): (i64, i64), extension: Extension, back_ms: i64, ahead_ms: i64) -> (i64, i64) {
    match extension {
        Extension::None => (start, end),
        Extension::Anchored => (start.saturating_sub(back_ms), end),
        Extension::Smoothed => (start.saturating_sub(back_ms), end.saturating_add(ahead_ms)),
    }
}

/// `info()` reads info series without naming a selector.
fn info_bounds(expr: &Expr, start_ms: i64, end_ms: i64, defaults: &Defaults) -> Option<(i64, i64)> {
    match expr {
        Expr::Call(c) if matches!(c.function.kind, Kind::Info) => {
            let (at, offset_ms) = c.args.first().map(Expr::reference).unwrap_or_default();
            let ends = defaults.fixed(at).map_or((start_ms, end_ms), |t| (t, t));
            Some(shift(ends, offset_ms, defaults.lookback_ms))
        }
        _ => None,
    }
}

impl Expr {
    /// The `@` and the offset, those of subqueries around it included, of the first selector in the expression.
    pub(crate) fn reference(&self) -> (Option<AtModifier>, i64) {
        fn path(expr: &Expr, outer: (Option<AtModifier>, i64)) -> Option<(Option<AtModifier>, i64)> {
            let apply = |at: Option<AtModifier>, offset: i64| match at {
                Some(at) => (Some(at), offset),
                None => (outer.0, outer.1.saturating_add(offset)),
            };
            match expr {
                Expr::Selector(s) => Some(apply(s.at, s.offset_ms)),
                Expr::Range(r) => Some(apply(r.selector.at, r.selector.offset_ms)),
                Expr::Subquery(s) => path(&s.expr, apply(s.at, s.offset_ms)),
                other => other.children().into_iter().find_map(|e| path(e, outer)),
            }
        }
        path(self, (None, 0)).unwrap_or((None, 0))
    }
}
