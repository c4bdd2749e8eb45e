//! The tree of an expression, as the engine walks it.
//!
//! It belongs to this crate so that the parser behind it can change. Every tree that [`crate::parse()`] gives
//! has checked types; times are milliseconds. `Display` is Prometheus' canonical form.

pub(crate) mod analysis;
mod display;

use model::Matcher;

use crate::functions::Function;
use crate::value::ValueType;

/// An expression.
#[derive(Debug, Clone)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// A text.
    String(String),
    /// The newest sample of each series: `up{job="x"}`.
    Selector(VectorSelector),
    /// The samples of a range of each series: `up[5m]`.
    Range(RangeSelector),
    /// An expression evaluated at many times: `rate(x[1m])[1h:5m]`.
    Subquery(Box<Subquery>),
    /// A function call.
    Call(Call),
    /// `sum by (job) (x)` and its like.
    Aggregate(Box<Aggregate>),
    /// `a + b` and its like.
    Binary(Box<Binary>),
    /// `-a`
    Negate(Box<Expr>),
    /// `(a)`
    Paren(Box<Expr>),
}

/// The time that an `@` fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtModifier {
    /// `@ start()`: the first step of the query.
    Start,
    /// `@ end()`: the last step of the query.
    End,
    /// `@ 1.5`, in milliseconds since the epoch.
    At(i64),
}

/// A selector of series.
#[derive(Debug, Clone)]
pub struct VectorSelector {
    /// The metric's name when it stands before the braces.
    pub name: Option<String>,
    /// All conditions, the one on the metric's name included.
    pub matchers: Vec<Matcher>,
    /// How far back, in milliseconds; negative looks forward.
    pub offset_ms: i64,
    /// The time that is fixed, if any.
    pub at: Option<AtModifier>,
}

/// A selector with a range.
#[derive(Debug, Clone)]
pub struct RangeSelector {
    /// The series.
    pub selector: VectorSelector,
    /// How long, in milliseconds.
    pub range_ms: i64,
}

/// An expression evaluated at many times.
#[derive(Debug, Clone)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: Expr,
    /// How long, in milliseconds.
    pub range_ms: i64,
    /// How often, in milliseconds; the engine's default where it is absent.
    pub step_ms: Option<i64>,
    /// How far back, in milliseconds.
    pub offset_ms: i64,
    /// The time that is fixed, if any.
    pub at: Option<AtModifier>,
}

/// A function call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// Its arguments.
    pub args: Vec<Expr>,
}

/// An aggregation.
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// Which.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Expr,
    /// `k`, the quantile, the ratio or the label.
    pub param: Option<Expr>,
    /// What makes a group.
    pub grouping: Grouping,
}

/// What makes a group of an aggregation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// Equal values of these labels.
    By(Vec<String>),
    /// Equal values of all labels but these and the metric's name.
    Without(Vec<String>),
}

/// The aggregations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the language")]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
}

/// An expression with an operator between two others.
#[derive(Debug, Clone)]
pub struct Binary {
    /// Which.
    pub op: BinaryOp,
    /// Left of it.
    pub lhs: Expr,
    /// Right of it.
    pub rhs: Expr,
    /// `bool`: a comparison yields 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// How samples find each other when both sides are vectors.
    pub matching: Matching,
}

/// How samples of two vectors find each other.
#[derive(Debug, Clone, Default)]
pub struct Matching {
    /// How many of each side.
    pub cardinality: Cardinality,
    /// `on` rather than `ignoring`.
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// The labels of `group_left` or `group_right`.
    pub include: Vec<String>,
    /// What stands in for a missing sample on the left.
    pub fill_left: Option<f64>,
    /// What stands in for a missing sample on the right.
    pub fill_right: Option<f64>,
}

/// How many samples of each side match each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// One of each.
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// The operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the language")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    And,
    Or,
    Unless,
}

impl BinaryOp {
    /// Whether it compares.
    pub fn is_comparison(self) -> bool {
        use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Greater | GreaterEqual | Less | LessEqual)
    }

    /// Whether it works on sets of series.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
    }

    /// Whether its result is another quantity than its operands, so that the name no longer fits.
    pub(crate) fn changes_schema(self) -> bool {
        !self.is_comparison() && !self.is_set()
    }
}

impl AggregateOp {
    /// The type of the parameter before the vector, for those that take one.
    pub(crate) fn param_type(self) -> Option<ValueType> {
        match self {
            AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Quantile
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => Some(ValueType::Scalar),
            AggregateOp::CountValues => Some(ValueType::String),
            _ => None,
        }
    }
}
