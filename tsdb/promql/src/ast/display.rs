//! The canonical text of an expression, as Prometheus prints rules and parsed queries.

use std::fmt::{self, Display, Formatter};

use model::Matcher;
use model::labels::{METRIC_NAME, is_legacy_label_name};
use model::promtime::format_duration_ms;

use super::{
    Aggregate, AtModifier, Binary, Cardinality, DurationExpr, DurationNode, Expr, Extension, Grouping,
    Matching, Number, RangeSelector, Subquery, VectorSelector,
};
use crate::numeric::format_float;
use crate::quote::Quoted;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Number(n) => n.fmt(f),
            Expr::String(s) => Quoted(&s.value).fmt(f),
            Expr::Selector(s) => s.fmt(f),
            Expr::Range(r) => r.fmt(f),
            Expr::Subquery(s) => write!(f, "{}{}", s.expr, SubqueryTail(s)),
            Expr::Call(c) => {
                write!(f, "{}(", c.function.name)?;
                for (i, arg) in c.args.iter().enumerate() {
                    write!(f, "{}{arg}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Expr::Aggregate(a) => {
                write!(f, "{}(", AggregateHead(a))?;
                if let Some(param) = &a.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", a.expr)
            }
            Expr::Binary(b) => {
                let (leftmost, operators) = b.chain();
                leftmost.fmt(f)?;
                operators
                    .into_iter()
                    .try_for_each(|b| write!(f, " {} {}", BinaryHead(b), b.rhs))
            }
            Expr::Unary(u) => write!(f, "{}{}", sign(u.negative), u.expr),
            Expr::Paren(p) => write!(f, "({})", p.expr),
        }
    }
}

fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "+" }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.duration {
            f.write_str(&format_duration_ms((self.value * 1000.0) as i64))
        } else {
            f.write_str(&format_float(self.value))
        }
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (at, extension) = (At(self.at), ExtensionWord(self.extension));
        write!(f, "{}{at}{extension}{}", Series(self), Offset::of(self))
    }
}

impl Display for RangeSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let s = &self.selector;
        let range = Length(self.range_ms, self.range_expr.as_deref());
        let (at, extension) = (At(s.at), ExtensionWord(s.extension));
        write!(f, "{}[{range}]{extension}{at}{}", Series(s), Offset::of(s))
    }
}

/// The series of a selector, without its times.
struct Series<'a>(&'a VectorSelector);

impl Display for Series<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.name.as_deref().unwrap_or("");
        let is_name = |m: &Matcher| {
            m.name == METRIC_NAME && m.op == model::MatchOp::Equal && m.value == name && !name.is_empty()
        };
        let matchers = self.0.matchers.iter().filter(|m| !is_name(m));
        let mut shown: Vec<String> = matchers
            .map(|m| format!("{}{}{}", Name(&m.name), m.op.as_str(), Quoted(&m.value)))
            .collect();
        shown.sort_unstable();
        f.write_str(name)?;
        if shown.is_empty() {
            return Ok(());
        }
        write!(f, "{{{}}}", shown.join(","))
    }
}

/// A label's name, quoted where it must be.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_legacy_label_name(self.0) {
            f.write_str(self.0)
        } else {
            Quoted(self.0).fmt(f)
        }
    }
}

/// ` @ 1.500`
struct At(Option<AtModifier>);

impl Display for At {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(AtModifier::Start) => f.write_str(" @ start()"),
            Some(AtModifier::End) => f.write_str(" @ end()"),
            Some(AtModifier::At(ms)) => write!(f, " @ {:.3}", ms as f64 / 1000.0),
        }
    }
}

/// ` anchored`
struct ExtensionWord(Extension);

impl Display for ExtensionWord {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Extension::None => "",
            Extension::Anchored => " anchored",
            Extension::Smoothed => " smoothed",
        })
    }
}

/// ` offset 5m`
struct Offset<'a>(i64, Option<&'a DurationNode>);

impl<'a> Offset<'a> {
    fn of(s: &'a VectorSelector) -> Offset<'a> {
        Offset(s.offset_ms, s.offset_expr.as_deref())
    }
}

impl Display for Offset<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (0, None) => Ok(()),
            (ms, expr) => write!(f, " offset {}", Length(ms, expr)),
        }
    }
}

/// A duration as it was written, computed or not.
struct Length<'a>(i64, Option<&'a DurationNode>);

impl Display for Length<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(node) => node.expr.fmt(f),
            None => f.write_str(&format_duration_ms(self.0)),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            DurationExpr::Number(n) => n.fmt(f),
            DurationExpr::Step => f.write_str("step()"),
            DurationExpr::Range => f.write_str("range()"),
            DurationExpr::Unary { negative, expr } => {
                write!(f, "{}{expr}", if *negative { "-" } else { "" })
            }
            DurationExpr::Binary { op, lhs, rhs, .. } => write!(f, "{lhs} {} {rhs}", op.as_str()),
            DurationExpr::Extreme { max, lhs, rhs } => {
                write!(f, "{}_of({lhs}, {rhs})", if *max { "max" } else { "min" })
            }
            DurationExpr::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

/// `[1h:5m] @ 1.500 offset 1d`: a subquery without what it is of.
pub(super) struct SubqueryTail<'a>(pub(super) &'a Subquery);

impl Display for SubqueryTail<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let s = self.0;
        write!(f, "[{}:", Length(s.range_ms, s.range_expr.as_deref()))?;
        if s.step_ms.is_some() {
            Length(s.step_ms.unwrap_or(0), s.step_expr.as_deref()).fmt(f)?;
        }
        let offset = Offset(s.offset_ms, s.offset_expr.as_deref());
        write!(f, "]{}{offset}", At(s.at))
    }
}

/// `sum by (job) `: an aggregation without its arguments.
pub(super) struct AggregateHead<'a>(pub(super) &'a Aggregate);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.as_str())?;
        match &self.0.grouping {
            Grouping::By(labels) if labels.is_empty() => Ok(()),
            Grouping::By(labels) => write!(f, " by ({}) ", Names(labels)),
            Grouping::Without(labels) => write!(f, " without ({}) ", Names(labels)),
        }
    }
}

/// `== bool on (job)`: an operator without its operands.
pub(super) struct BinaryHead<'a>(pub(super) &'a Binary);

impl Display for BinaryHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let b = self.0;
        let bool = if b.return_bool { " bool" } else { "" };
        write!(f, "{}{bool}{}", b.op.as_str(), b.matching)
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let side = match self.cardinality {
            Cardinality::ManyToOne => Some("left"),
            Cardinality::OneToMany => Some("right"),
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
        };
        if self.on || side.is_some() || !self.labels.is_empty() {
            let word = if self.on { "on" } else { "ignoring" };
            write!(f, " {word} ({})", Names(&self.labels))?;
        }
        if let Some(side) = side {
            write!(f, " group_{side} ({})", Names(&self.include))?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(l), Some(r)) if l == r => write!(f, " fill ({})", Shortest(l)),
            (left, right) => {
                left.map_or(Ok(()), |x| write!(f, " fill_left ({})", Shortest(x)))?;
                right.map_or(Ok(()), |x| write!(f, " fill_right ({})", Shortest(x)))
            }
        }
    }
}

/// A float as Go's `%v` writes it: with an exponent of at least two digits where it is below -4 or from 6 on.
struct Shortest(f64);

impl Display for Shortest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scientific = format!("{:e}", self.0);
        let exponent = scientific.split_once('e').and_then(|(m, e)| {
            let e: i32 = e.parse().ok()?;
            Some((m, e))
        });
        match exponent {
            Some((mantissa, e)) if !(-4..6).contains(&e) => {
                let sign = if e < 0 { '-' } else { '+' };
                write!(f, "{mantissa}e{sign}{:02}", e.unsigned_abs())
            }
            _ => f.write_str(&format_float(self.0)),
        }
    }
}

/// Label names with commas between.
struct Names<'a>(&'a [String]);

impl Display for Names<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, Name(name))?;
        }
        Ok(())
    }
}
