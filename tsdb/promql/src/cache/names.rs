//! Whether the series of an expression are still the metric they are called after.
//!
//! Where a name that no longer fits goes away at the very end, and `or` brings series of both kinds together, one series
//! may be of the one kind at one step and of the other at the next, and whether its name goes is decided for all steps
//! together: steps cannot be evaluated apart then.
//!
//! Where names go at once, series of several metrics can become the same series, which functions of ranges refuse even
//! if no step has both: whether one step has an answer depends on the others.

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};

use crate::ast::{AggregateOp, Binary, BinaryOp, Call, Expr, Grouping, VectorSelector};
use crate::value::ValueType;

/// The functions of ranges whose value is of the same metric.
const KEEPS_NAME: [&str; 2] = ["first_over_time", "last_over_time"];

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

/// Whether a call writes names to series of which some are to lose theirs.
pub(super) fn brings_back_lost(call: &Call) -> bool {
    let writes = matches!(call.function.name, "label_replace" | "label_join");
    let to = call.args.get(1).map(Expr::unwrap_parens);
    let to_name = matches!(to, Some(Expr::String(to)) if says_what(&to.value));
    writes && to_name && call.args.first().is_some_and(|of_arg| of(of_arg).lost)
}

/// Whether a function of ranges may take the names from series of several metrics.
pub(super) fn may_collide(call: &Call) -> bool {
    if KEEPS_NAME.contains(&call.function.name) {
        return false;
    }
    let ranges = call
        .args
        .iter()
        .filter(|arg| arg.value_type() == ValueType::Matrix);
    let mut selectors = ranges.flat_map(Expr::selectors).map(one_metric);
    selectors
        .next()
        .is_some_and(|first| first.is_none() || selectors.any(|other| other != first))
}

/// The metric of a selector, where it can be of one only.
fn one_metric(selector: &VectorSelector) -> Option<&str> {
    let name = |m: &&Matcher| m.name == METRIC_NAME && m.op == MatchOp::Equal;
    selector.matchers.iter().find(name).map(|m| m.value.as_str())
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
        name if KEEPS_NAME.contains(&name) => args,
        "info" => args,
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
