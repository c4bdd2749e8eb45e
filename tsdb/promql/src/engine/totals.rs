//! Selectors of whose histograms only count and sum are asked for.
//!
//! Not only cheaper: as upstream does it, such histograms know whether a counter reset lies before them, since the
//! buckets that would tell later on are gone.

use rustc_hash::FxHashSet;

use crate::Expr;
use crate::ast::BinaryOp;

/// The addresses of those selectors in the tree.
pub(super) fn totals_only(expr: &Expr) -> FxHashSet<usize> {
    let mut found = FxHashSet::default();
    let mut open = vec![(expr, false)];
    while let Some((expr, within_totals)) = open.pop() {
        let within = match expr {
            Expr::Selector(s) if within_totals => {
                found.insert(std::ptr::from_ref(s).addr());
                continue;
            }
            Expr::Range(r) if within_totals => {
                found.insert(std::ptr::from_ref(&r.selector).addr());
                continue;
            }
            // What needs buckets needs them in all its parts, and so do the points of a subquery.
            Expr::Subquery(_) => continue,
            Expr::Binary(b) if matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) => continue,
            Expr::Call(c) => match c.function.name {
                "histogram_count" | "histogram_sum" | "histogram_avg" => true,
                "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => continue,
                _ => within_totals,
            },
            _ => within_totals,
        };
        open.extend(expr.children().into_iter().map(|child| (child, within)));
    }
    found
}
