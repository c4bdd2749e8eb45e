//! The canonical text of an expression, as Prometheus prints rules and parsed queries.

use std::fmt::{self, Display, Formatter};

use model::labels::{METRIC_NAME, is_legacy_label_name};
use model::promtime::format_duration_ms;

use super::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Cardinality, Expr, Grouping, Matching, Subquery,
    VectorSelector,
};
use crate::numeric::format_float;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Number(n) => f.write_str(&format_float(n.value)),
            Expr::String(s) => write!(f, "{:?}", s.value),
            Expr::Selector(s) => write!(f, "{}{}", Series(s), Time(s.at, s.offset_ms)),
            Expr::Range(r) => {
                let range = format_duration_ms(r.range_ms);
                write!(
                    f,
                    "{}[{range}]{}",
                    Series(&r.selector),
                    Time(r.selector.at, r.selector.offset_ms)
                )
            }
            Expr::Subquery(s) => s.fmt(f),
            Expr::Call(c) => {
                write!(f, "{}(", c.function.name)?;
                join(f, &c.args)?;
                f.write_str(")")
            }
            Expr::Aggregate(a) => a.fmt(f),
            Expr::Binary(b) => b.fmt(f),
            Expr::Unary(u) => write!(f, "{}{}", if u.negative { "-" } else { "+" }, u.expr),
            Expr::Paren(p) => write!(f, "({})", p.expr),
        }
    }
}

/// The series of a selector, without its times.
struct Series<'a>(&'a VectorSelector);

impl Display for Series<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0.name.as_deref();
        f.write_str(name.unwrap_or(""))?;
        let shown = self
            .0
            .matchers
            .iter()
            .filter(|m| !(name.is_some() && m.name == METRIC_NAME));
        for (i, m) in shown.clone().enumerate() {
            let open = if i == 0 { "{" } else { "," };
            write!(f, "{open}{}{}{:?}", Name(&m.name), m.op.as_str(), m.value)?;
        }
        f.write_str(if shown.count() > 0 { "}" } else { "" })
    }
}

/// A label's name, quoted where it must be.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_legacy_label_name(self.0) {
            f.write_str(self.0)
        } else {
            write!(f, "{:?}", self.0)
        }
    }
}

/// `@` and `offset`.
struct Time(Option<AtModifier>, i64);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => {}
            Some(AtModifier::Start) => f.write_str(" @ start()")?,
            Some(AtModifier::End) => f.write_str(" @ end()")?,
            Some(AtModifier::At(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                write!(
                    f,
                    " @ {sign}{}.{:03}",
                    ms.unsigned_abs() / 1000,
                    ms.unsigned_abs() % 1000
                )?;
            }
        }
        if self.1 == 0 {
            Ok(())
        } else {
            write!(f, " offset {}", format_duration_ms(self.1))
        }
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let step = self.step_ms.map(format_duration_ms).unwrap_or_default();
        let range = format_duration_ms(self.range_ms);
        write!(
            f,
            "{}[{range}:{step}]{}",
            self.expr,
            Time(self.at, self.offset_ms)
        )
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        match &self.grouping {
            Grouping::By(labels) if labels.is_empty() => f.write_str("(")?,
            Grouping::By(labels) => write!(f, " by ({}) (", Names(labels))?,
            Grouping::Without(labels) => write!(f, " without ({}) (", Names(labels))?,
        }
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bool = if self.return_bool { " bool" } else { "" };
        write!(
            f,
            "{} {}{bool}{} {}",
            self.lhs,
            self.op.as_str(),
            self.matching,
            self.rhs
        )
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let grouped = matches!(self.cardinality, Cardinality::ManyToOne | Cardinality::OneToMany);
        if self.on {
            write!(f, " on ({})", Names(&self.labels))?;
        } else if grouped || !self.labels.is_empty() {
            write!(f, " ignoring ({})", Names(&self.labels))?;
        }
        if grouped {
            let side = if self.cardinality == Cardinality::ManyToOne {
                "left"
            } else {
                "right"
            };
            write!(f, " group_{side} ({})", Names(&self.include))?;
        }
        match (self.fill_left, self.fill_right) {
            (Some(l), Some(r)) if l.to_bits() == r.to_bits() => write!(f, " fill ({})", format_float(l)),
            (left, right) => {
                left.map_or(Ok(()), |x| write!(f, " fill_left ({})", format_float(x)))?;
                right.map_or(Ok(()), |x| write!(f, " fill_right ({})", format_float(x)))
            }
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

fn join(f: &mut Formatter<'_>, parts: &[Expr]) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        write!(f, "{}{part}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl BinaryOp {
    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Pow => "^",
            BinaryOp::Atan2 => "atan2",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::TrimUpper => "</",
            BinaryOp::TrimLower => ">/",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Unless => "unless",
        }
    }
}

impl AggregateOp {
    /// The aggregation as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            AggregateOp::Sum => "sum",
            AggregateOp::Avg => "avg",
            AggregateOp::Count => "count",
            AggregateOp::Min => "min",
            AggregateOp::Max => "max",
            AggregateOp::Group => "group",
            AggregateOp::Stddev => "stddev",
            AggregateOp::Stdvar => "stdvar",
            AggregateOp::Topk => "topk",
            AggregateOp::Bottomk => "bottomk",
            AggregateOp::CountValues => "count_values",
            AggregateOp::Quantile => "quantile",
            AggregateOp::Limitk => "limitk",
            AggregateOp::LimitRatio => "limit_ratio",
        }
    }
}
