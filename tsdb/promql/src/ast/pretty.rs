//! An expression over several lines, as Prometheus' `/api/v1/format_query` writes it.
//!
//! What fits [`MAX_LINE`] bytes stays on one line; what does not is opened, its parts one step further in. The length
//! of every part's one-line form is needed, so the cost is that of printing each level once: length times nesting.

use super::display::{AggregateHead, BinaryHead, SubqueryTail};
use super::{Aggregate, Binary, Call, Expr};

/// A longer expression is spread over lines.
const MAX_LINE: usize = 100;

/// The expression in Prometheus' canonical form, spread over lines where it is long.
pub fn prettify(expr: &Expr) -> String {
    pretty(expr, 0)
}

/// Deeper parts stand no further in: chains of thousands of operators would make lines of nothing but spaces.
const MAX_LEVEL: usize = 500;

fn indent(level: usize) -> String {
    "  ".repeat(level.min(MAX_LEVEL))
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

/// A chain is opened from its end: all operators behind what fits one line. Each opened one puts what is before it
/// one step further in.
fn chain(last: &Binary, level: usize) -> String {
    let (leftmost, operators) = last.chain();
    let rights: Vec<String> = operators
        .iter()
        .map(|b| format!(" {} {}", BinaryHead(b), b.rhs))
        .collect();
    let mut line = leftmost.to_string();
    let fits = rights.iter().take_while(|right| {
        line.len() + right.len() <= MAX_LINE && {
            line.push_str(right);
            true
        }
    });
    let fits = fits.count();
    let opened = operators.get(fits..).unwrap_or_default();
    let inner = level + opened.len();
    let mut out = if fits > 0 {
        indent(inner) + &line
    } else {
        pretty(leftmost, inner)
    };
    for (i, b) in opened.iter().enumerate() {
        let level = inner - i - 1;
        out.push_str(&format!("\n{}{}\n", indent(level), BinaryHead(b)));
        out.push_str(&pretty(&b.rhs, level + 1));
    }
    out
}
