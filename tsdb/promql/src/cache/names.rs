//! Whether the series of an expression are still the metric they are called after.
//!
//! A name that no longer fits goes away at the very end. Where `or` brings series of both kinds together, one series may
//! be of the one kind at one step and of the other at the next, and whether its name goes is decided for all steps
//! together: steps cannot be evaluated apart then.

use model::labels::METRIC_NAME;

use crate::ast::{AggregateOp, Binary, BinaryOp, Call, Expr, Grouping};

/// What may be among the series of an expression. Neither: they have no name to lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Names {
    /// Series that keep their name.
    kept: bool,
    /// Series whose name goes away at the end.
    lost: bool,
}

const NONE: Names = Names {
    kept: false,
    lost: false,
};

const KEPT: Names = Names {
    kept: true,
    lost: false,
};

impl Names {
    fn and(self, other: Names) -> Names {
        Names {
            kept: self.kept || other.kept,
            lost: self.lost || other.lost,
        }
    }

    fn losing(self) -> Names {
        Names {
            kept: false,
            lost: self.kept || self.lost,
        }
    }
}

/// Whether a label goes away with the name.
fn says_what(label: &str) -> bool {
    matches!(label, METRIC_NAME | "__type__" | "__unit__")
}

/// Whether an `or` brings series that keep their name together with series that lose it.
pub(super) fn are_mixed(or: &Binary) -> bool {
    let names = of(&or.lhs).and(of(&or.rhs));
    names.kept && names.lost
}

fn of(expr: &Expr) -> Names {
    match expr {
        Expr::Number(_) | Expr::String(_) => NONE,
        Expr::Selector(_) | Expr::Range(_) => KEPT,
        Expr::Subquery(s) => of(&s.expr),
        Expr::Paren(p) => of(&p.expr),
        Expr::Unary(u) if u.negative => of(&u.expr).losing(),
        Expr::Unary(u) => of(&u.expr),
        Expr::Call(call) => of_call(call),
        Expr::Binary(binary) => of_binary(binary),
        Expr::Aggregate(a) => match (&a.op, &a.grouping) {
            (AggregateOp::CountValues, _) => of(&a.expr).and(KEPT),
            (AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio, _) => {
                of(&a.expr)
            }
            (_, Grouping::By(labels)) if !labels.iter().any(|l| says_what(l)) => NONE,
            _ => of(&a.expr),
        },
    }
}

fn of_call(call: &Call) -> Names {
    let args = call.args.iter().map(of).fold(NONE, Names::and);
    match call.function.name {
        "absent" | "absent_over_time" => NONE,
        // They may write the name themselves.
        "label_replace" | "label_join" => args.and(KEPT),
        "first_over_time" | "last_over_time" | "info" => args,
        "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => args,
        _ => args.losing(),
    }
}

fn of_binary(binary: &Binary) -> Names {
    let (lhs, rhs) = (of(&binary.lhs), of(&binary.rhs));
    match binary.op {
        BinaryOp::And | BinaryOp::Unless => lhs,
        BinaryOp::Or => lhs.and(rhs),
        _ => {
            // A filter keeps names; `group_left` may copy one.
            let all = lhs.and(rhs);
            let copies = binary.matching.include.iter().any(|l| says_what(l));
            let filters = binary.op.is_comparison() && !binary.return_bool;
            match (filters, copies) {
                (false, false) => all.losing(),
                (true, false) => all,
                (_, true) => all.losing().and(KEPT),
            }
        }
    }
}
