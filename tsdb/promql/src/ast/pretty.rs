//! An expression over several lines, as Prometheus' `/api/v1/format_query` writes it.
//!
//! What fits [`MAX_LINE`] bytes stays on one line; what does not is opened, its parts one step further in. The length
//! of every part's one-line form is needed, so the cost is that of printing each level once: length times depth.

use super::display::{AggregateHead, BinaryHead, SubqueryTail};
use super::{Aggregate, Binary, Call, Expr};

/// A longer expression is spread over lines.
const MAX_LINE: usize = 100;

/// The expression in Prometheus' canonical form, spread over lines where it is long.
pub fn prettify(expr: &Expr) -> String {
    pretty(expr, 0)
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

fn pretty(expr: &Expr, level: usize) -> String {
    let text = expr.to_string();
    let pad = indent(level);
    match expr {
        Expr::Unary(u) => {
            let sign = if u.negative { "-" } else { "+" };
            format!("{pad}{sign}{}", pretty(&u.expr, level).trim())
        }
        Expr::Subquery(s) if text.len() > MAX_LINE => {
            format!("{}{}", pretty(&s.expr, level), SubqueryTail(s))
        }
        // Upstream forgets the indentation of a short one.
        Expr::Subquery(_) => text,
        _ if text.len() <= MAX_LINE => pad + &text,
        Expr::Aggregate(a) => aggregate(a, level),
        Expr::Binary(b) => chain(b, level),
        Expr::Call(c) => call(c, level),
        Expr::Paren(p) => format!("{pad}(\n{}\n{pad})", pretty(&p.expr, level + 1)),
        Expr::Number(_) | Expr::String(_) | Expr::Selector(_) | Expr::Range(_) => pad + &text,
    }
}

fn aggregate(a: &Aggregate, level: usize) -> String {
    let pad = indent(level);
    let param = a
        .param
        .as_ref()
        .map_or_else(String::new, |p| pretty(p, level + 1) + ",\n");
    let expr = pretty(&a.expr, level + 1);
    format!("{pad}{}(\n{param}{expr}\n{pad})", AggregateHead(a))
}

fn call(c: &Call, level: usize) -> String {
    let pad = indent(level);
    let args: Vec<String> = c.args.iter().map(|arg| pretty(arg, level + 1)).collect();
    format!("{pad}{}(\n{}\n{pad})", c.function.name, args.join(",\n"))
}

fn chain(b: &Binary, level: usize) -> String {
    format!(
        "{}\n{}{}\n{}",
        pretty(&b.lhs, level + 1),
        indent(level),
        BinaryHead(b),
        pretty(&b.rhs, level + 1)
    )
}
