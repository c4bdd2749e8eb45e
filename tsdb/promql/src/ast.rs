//! The tree of an expression, as the engine walks it.
//!
//! It belongs to this crate so that the parser behind it can change. Every tree that [`crate::parse()`] gives
//! has checked types; times are milliseconds. `Display` is Prometheus' canonical form.

pub(crate) mod analysis;
mod chain;
mod display;
mod json;
mod pretty;
mod span;
mod words;

use model::Matcher;

use crate::functions::Function;
use crate::value::ValueType;

pub use json::{MAX_TREE_LEVELS, to_json};
pub use pretty::prettify;
pub use span::Span;

/// An expression.
#[derive(Debug, Clone)]
pub enum Expr {
    /// A number.
    Number(Number),
    /// A text.
    String(Text),
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
    /// `-a`, `+a`
    Unary(Box<Unary>),
    /// `(a)`
    Paren(Box<Paren>),
}

/// A number as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Number {
    /// Its value; seconds, where a duration is written.
    pub value: f64,
    /// Written as a duration: `5m` is 300.
    pub duration: bool,
    /// Where it stands.
    pub span: Span,
}

/// A text in quotes.
#[derive(Debug, Clone)]
pub struct Text {
    /// What is meant, escapes resolved.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

/// A sign before an expression.
#[derive(Debug, Clone)]
pub struct Unary {
    /// `-` rather than `+`.
    pub negative: bool,
    /// What it stands before.
    pub expr: Expr,
    /// Where it stands, the sign included.
    pub span: Span,
}

/// An expression in parentheses.
#[derive(Debug, Clone)]
pub struct Paren {
    /// What is in them.
    pub expr: Expr,
    /// Where it stands, the parentheses included.
    pub span: Span,
}

/// A duration that is computed: `5m + step()`. Evaluated before the query is, see [`crate::ast`].
#[derive(Debug, Clone)]
pub enum DurationExpr {
    /// Seconds.
    Number(Number),
    /// `step()`: the query's step.
    Step,
    /// `range()`: the query's range.
    Range,
    /// `-a`, `+a`
    Unary {
        /// `-` rather than `+`.
        negative: bool,
        /// What it stands before.
        expr: Box<DurationExpr>,
    },
    /// `a + b` and its like; only arithmetic.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left of it.
        lhs: Box<DurationExpr>,
        /// Right of it.
        rhs: Box<DurationExpr>,
        /// From the beginning of the left to the end of the right.
        span: Span,
    },
    /// `min_of(a, b)`, and `max_of(a, b)`.
    Extreme {
        /// `max_of` rather than `min_of`.
        max: bool,
        /// The first.
        lhs: Box<DurationExpr>,
        /// The second.
        rhs: Box<DurationExpr>,
    },
    /// `(a)`; never around another pair.
    Paren(Box<DurationExpr>),
}

/// A duration of a selector: known, or computed once the query's times are known.
#[derive(Debug, Clone)]
pub struct DurationNode {
    /// How it is computed.
    pub expr: DurationExpr,
    /// Where it stands.
    pub span: Span,
}

/// How the ends of a window, or of the lookback, are treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Extension {
    /// Only samples within count.
    #[default]
    None,
    /// `anchored`: the last sample before the window is taken for one at its start, the last within for one at its end.
    Anchored,
    /// `smoothed`: the values at both ends are interpolated from the samples around them.
    Smoothed,
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
    /// The offset where it is computed; `offset_ms` is what came of it.
    pub offset_expr: Option<Box<DurationNode>>,
    /// The time that is fixed, if any.
    pub at: Option<AtModifier>,
    /// `anchored` or `smoothed`.
    pub extension: Extension,
    /// Where it stands, `offset` and `@` included, a range not.
    pub span: Span,
}

/// A selector with a range.
#[derive(Debug, Clone)]
pub struct RangeSelector {
    /// The series.
    pub selector: VectorSelector,
    /// How long, in milliseconds.
    pub range_ms: i64,
    /// The range where it is computed; `range_ms` is what came of it.
    pub range_expr: Option<Box<DurationNode>>,
    /// Where it stands.
    pub span: Span,
}

/// An expression evaluated at many times.
#[derive(Debug, Clone)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: Expr,
    /// How long, in milliseconds.
    pub range_ms: i64,
    /// The range where it is computed.
    pub range_expr: Option<Box<DurationNode>>,
    /// How often, in milliseconds; the engine's default where it is absent.
    pub step_ms: Option<i64>,
    /// The step where it is computed.
    pub step_expr: Option<Box<DurationNode>>,
    /// How far back, in milliseconds.
    pub offset_ms: i64,
    /// The offset where it is computed.
    pub offset_expr: Option<Box<DurationNode>>,
    /// The time that is fixed, if any.
    pub at: Option<AtModifier>,
    /// Where it stands.
    pub span: Span,
}

/// A function call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// Where it stands.
    pub span: Span,
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
    /// Where it stands.
    pub span: Span,
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

/// An expression with an operator between two others. A chain of them leans to the left and may be thousands long:
/// whoever walks the tree must not recurse into `lhs`, see [`Binary::chain`].
#[derive(Debug)]
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
    /// Where it stands.
    pub span: Span,
    /// Of both sides, remembered so that asking for it costs the same however long the chain.
    pub(crate) value_type: ValueType,
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
    /// `</`: a histogram without what lies above.
    TrimUpper,
    /// `>/`: a histogram without what lies below.
    TrimLower,
    And,
    Or,
    Unless,
}

impl DurationExpr {
    /// The seconds of a number with nothing but signs and parentheses around it: what needs no computing.
    pub(crate) fn literal(&self) -> Option<f64> {
        match self {
            DurationExpr::Number(n) => Some(n.value),
            DurationExpr::Paren(inner) => inner.literal(),
            DurationExpr::Unary { negative, expr } => expr
                .literal()
                .map(|seconds| if *negative { -seconds } else { seconds }),
            _ => None,
        }
    }
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
        let trims = matches!(self, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        !self.is_comparison() && !self.is_set() && !trims
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
