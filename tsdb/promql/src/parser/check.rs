//! Whether the types of a tree fit, with the messages of upstream's `checkAST` and in its order.

use super::Fault;
use crate::Expr;
use crate::ast::{Aggregate, Binary, Call, Cardinality, Matching, Span, VectorSelector};
use crate::quote::Quoted;
use crate::value::ValueType::{self, Scalar, Vector};

type Checked<T = ()> = Result<T, Box<Fault>>;

/// The expression, if its types fit. What `on` and its like say is dropped where they mean nothing.
pub(super) fn check(mut expr: Expr, query: &str) -> Checked<Expr> {
    Checker { query }.expr(&mut expr)?;
    Ok(expr)
}

struct Checker<'a> {
    query: &'a str,
}

impl Checker<'_> {
    fn expr(&self, expr: &mut Expr) -> Checked<ValueType> {
        match expr {
            Expr::Number(_) | Expr::String(_) => {}
            Expr::Selector(s) => selector(s, false)?,
            Expr::Range(r) => selector(&r.selector, false)?,
            Expr::Subquery(s) => {
                let inner = self.expr(&mut s.expr)?;
                if inner != Vector {
                    let message = format!("subquery is only allowed on instant vector, got {inner} instead");
                    return fail(s.span, message);
                }
            }
            Expr::Call(c) => self.call(c)?,
            Expr::Aggregate(a) => self.aggregate(a)?,
            Expr::Binary(_) => self.chain(expr)?,
            Expr::Unary(u) => {
                let inner = self.expr(&mut u.expr)?;
                if inner != Scalar && inner != Vector {
                    let inner = Quoted(inner.documented());
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {inner}"
                    );
                    return fail(u.span, message);
                }
            }
            Expr::Paren(p) => {
                self.expr(&mut p.expr)?;
            }
        }
        Ok(expr.value_type())
    }

    fn aggregate(&self, a: &mut Aggregate) -> Checked {
        self.expect(&mut a.expr, Vector, "aggregation expression")?;
        match (&mut a.param, a.op.param_type()) {
            (Some(param), Some(wanted)) => self.expect(param, wanted, "aggregation parameter"),
            _ => Ok(()),
        }
    }

    fn expect(&self, expr: &mut Expr, wanted: ValueType, context: &str) -> Checked {
        let got = self.expr(expr)?;
        if got == wanted {
            return Ok(());
        }
        fail(expr.span(), type_error(wanted, got, context))
    }

    fn call(&self, c: &mut Call) -> Checked {
        if let Some(problem) = wrong_count(c) {
            let name = Quoted(c.function.name);
            let got = c.args.len();
            return fail(
                c.span,
                format!("expected {problem} argument(s) in call to {name}, got {got}"),
            );
        }
        let context = format!("call to function {}", Quoted(c.function.name));
        let is_info = c.function.name == "info";
        if is_info {
            info_selector(c)?;
        }
        for (i, arg) in c.args.iter_mut().enumerate() {
            let Some(wanted) = c.function.args.get(i).or(c.function.args.last()).copied() else {
                break;
            };
            match arg {
                Expr::Selector(s) if is_info && i == 1 => selector(s, true)?,
                arg => self.expect(arg, wanted, &context)?,
            }
        }
        Ok(())
    }

    /// A chain is taken apart to its leftmost operand and put together again on the way back.
    fn chain(&self, expr: &mut Expr) -> Checked {
        let mut operators = Vec::new();
        let mut lhs = expr.take();
        while let Expr::Binary(mut b) = lhs {
            lhs = b.lhs.take();
            operators.push(b);
        }
        self.expr(&mut lhs)?;
        for mut b in operators.into_iter().rev() {
            b.lhs = lhs;
            self.expr(&mut b.rhs)?;
            self.operator(&mut b)?;
            lhs = Expr::Binary(b);
        }
        *expr = lhs;
        Ok(())
    }

    fn operator(&self, b: &mut Binary) -> Checked {
        let (left, right) = (b.lhs.value_type(), b.rhs.value_type());
        if b.return_bool && !b.op.is_comparison() {
            return fail(
                self.behind(&b.lhs),
                "bool modifier can only be used on comparison operators",
            );
        }
        if b.op.is_comparison() && !b.return_bool && left == Scalar && right == Scalar {
            return fail(
                self.behind(&b.lhs),
                "comparisons between scalars must use BOOL modifier",
            );
        }
        if b.op.is_set() && b.matching.cardinality == Cardinality::OneToOne {
            b.matching.cardinality = Cardinality::ManyToMany;
        }
        let both = |label: &&String| b.matching.on && b.matching.include.contains(*label);
        if let Some(label) = b.matching.labels.iter().find(both) {
            let label = Quoted(label);
            let message = format!("label {label} must not occur in ON and GROUP clause at once");
            return fail(self.behind(&b.lhs), message);
        }
        for side in [&b.lhs, &b.rhs] {
            if !matches!(side.value_type(), Scalar | Vector) {
                let message = "binary expression must contain only scalar and instant vector types";
                return fail(side.span(), message);
            }
        }
        if let Some(problem) = matching_problem(b) {
            return fail(b.span, problem);
        }
        if left != Vector || right != Vector {
            b.matching = Matching::default();
        }
        Ok(())
    }

    /// Where the operator behind `lhs` stands.
    fn behind(&self, lhs: &Expr) -> Span {
        let end = lhs.span().end;
        let rest = self.query.get(end as usize..).unwrap_or_default();
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        let start = end + spaces as u32;
        Span { start, end: start }
    }
}

fn fail<T>(span: Span, message: impl Into<String>) -> Checked<T> {
    Err(Fault::new(span, message))
}

fn type_error(wanted: ValueType, got: ValueType, context: &str) -> String {
    let (wanted, got) = (wanted.documented(), got.documented());
    format!("expected type {wanted} in {context}, got {got}")
}

/// How many arguments a call should have, if it has not.
fn wrong_count(c: &Call) -> Option<String> {
    let (wanted, got) = (c.function.args.len(), c.args.len());
    let least = wanted.saturating_sub(1);
    match c.function.variadic {
        0 if got != wanted => Some(wanted.to_string()),
        0 => None,
        _ if got < least => Some(format!("at least {least}")),
        most if most > 0 && got > least + usize::from(most.unsigned_abs()) => {
            Some(format!("at most {}", least + usize::from(most.unsigned_abs())))
        }
        _ => None,
    }
}

/// The second argument of `info` says which info series to look at and is no vector of its own.
fn info_selector(c: &Call) -> Checked {
    let Some(arg) = c.args.get(1) else {
        return Ok(());
    };
    let got = arg.value_type();
    if got != Vector {
        return fail(c.span, type_error(Vector, got, "call to function \"info\""));
    }
    match arg {
        Expr::Selector(s) if s.name.is_none() => Ok(()),
        Expr::Selector(s) => fail(
            s.span,
            "expected label selectors only, got vector selector instead",
        ),
        other => fail(other.span(), "expected label selectors only"),
    }
}

fn selector(s: &VectorSelector, may_be_empty: bool) -> Checked {
    let Some(name) = &s.name else {
        if may_be_empty || s.matchers.iter().any(|m| !m.matches_empty()) {
            return Ok(());
        }
        return fail(
            s.span,
            "vector selector must contain at least one non-empty matcher",
        );
    };
    // The last condition is the name that stands before the braces.
    let inside = s.matchers.split_last().map_or(&[][..], |(_, inside)| inside);
    match inside.iter().find(|m| m.name == model::labels::METRIC_NAME) {
        None => Ok(()),
        Some(other) => {
            let (name, other) = (Quoted(name), Quoted(&other.value));
            fail(
                s.span,
                format!("metric name must not be set twice: {name} or {other}"),
            )
        }
    }
}

fn matching_problem(b: &Binary) -> Option<String> {
    let m = &b.matching;
    let op = Quoted(b.op.as_str());
    let fills = m.fill_left.is_some() || m.fill_right.is_some();
    let (left, right) = (b.lhs.value_type(), b.rhs.value_type());
    if left != Vector || right != Vector {
        if !m.labels.is_empty() {
            return Some("vector matching only allowed between instant vectors".to_owned());
        }
        if fills {
            return Some("filling in missing series only allowed between instant vectors".to_owned());
        }
    } else if b.op.is_set() {
        if matches!(m.cardinality, Cardinality::OneToMany | Cardinality::ManyToOne) {
            return Some(format!("no grouping allowed for {op} operation"));
        }
        if fills {
            return Some("filling in missing series not allowed for set operators".to_owned());
        }
    }
    ((left == Scalar || right == Scalar) && b.op.is_set())
        .then(|| format!("set operator {op} not allowed in binary scalar expression"))
}
