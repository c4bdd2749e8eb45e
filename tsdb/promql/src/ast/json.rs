//! The tree as JSON, in the shape of Prometheus' `/api/v1/parse_query`.
//!
//! Values are moved into the objects around them: `json!` would copy each part once for every level around it.

use model::Matcher;
use serde_json::Value;

use super::{
    Aggregate, AtModifier, Binary, Call, Cardinality, DurationExpr, DurationNode, Expr, Extension, Grouping,
    Matching, Subquery, VectorSelector,
};
use crate::QueryError;
use crate::numeric::format_float;
use crate::value::ValueType;

/// A deeper tree is not shown: whoever writes or reads JSON recurses. Each operator of a chain is a level.
pub const MAX_TREE_LEVELS: usize = 500;

/// The tree of an expression as `/api/v1/parse_query` of Prometheus shows it.
///
/// # Errors
/// [`QueryError::Invalid`]: the tree has more than [`MAX_TREE_LEVELS`] levels.
pub fn to_json(expr: &Expr) -> Result<Value, QueryError> {
    tree(expr, 1)
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(fields.collect())
}

fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    texts.into_iter().map(Value::from).collect()
}

/// The tree of a part that is on the level `level`.
fn tree(expr: &Expr, level: usize) -> Result<Value, QueryError> {
    if level > MAX_TREE_LEVELS {
        let message = format!("expression has more than {MAX_TREE_LEVELS} levels, too many to show its tree");
        return Err(QueryError::Invalid(message));
    }
    Ok(match expr {
        Expr::Number(n) => object([
            ("type", "numberLiteral".into()),
            ("val", format_float(n.value).into()),
        ]),
        Expr::String(s) => object([("type", "stringLiteral".into()), ("val", s.value.as_str().into())]),
        Expr::Selector(s) => selector("vectorSelector", s),
        Expr::Range(r) => {
            let mut object = selector("matrixSelector", &r.selector);
            object["range"] = r.range_ms.into();
            object["rangeExpr"] = computed(r.range_expr.as_deref());
            object
        }
        Expr::Subquery(s) => subquery(s, tree(&s.expr, level + 1)?),
        Expr::Call(c) => call(c, level)?,
        Expr::Aggregate(a) => aggregate(a, level)?,
        Expr::Binary(b) => chain(b, level)?,
        Expr::Unary(u) => object([
            ("type", "unaryExpr".into()),
            ("op", sign(u.negative).into()),
            ("expr", tree(&u.expr, level + 1)?),
        ]),
        Expr::Paren(p) => object([("type", "parenExpr".into()), ("expr", tree(&p.expr, level + 1)?)]),
    })
}

fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "+" }
}

fn selector(kind: &str, s: &VectorSelector) -> Value {
    object([
        ("type", kind.into()),
        ("name", s.name.as_deref().unwrap_or("").into()),
        ("offset", s.offset_ms.into()),
        ("offsetExpr", computed(s.offset_expr.as_deref())),
        ("matchers", s.matchers.iter().map(matcher).collect()),
        ("timestamp", timestamp(s.at).into()),
        ("startOrEnd", start_or_end(s.at).into()),
        ("anchored", (s.extension == Extension::Anchored).into()),
        ("smoothed", (s.extension == Extension::Smoothed).into()),
    ])
}

fn matcher(m: &Matcher) -> Value {
    object([
        ("name", m.name.as_str().into()),
        ("value", m.value.as_str().into()),
        ("type", m.op.as_str().into()),
    ])
}

fn timestamp(at: Option<AtModifier>) -> Option<i64> {
    match at {
        Some(AtModifier::At(ms)) => Some(ms),
        _ => None,
    }
}

fn start_or_end(at: Option<AtModifier>) -> Option<&'static str> {
    match at {
        Some(AtModifier::Start) => Some("start"),
        Some(AtModifier::End) => Some("end"),
        _ => None,
    }
}

fn subquery(s: &Subquery, expr: Value) -> Value {
    object([
        ("type", "subquery".into()),
        ("expr", expr),
        ("range", s.range_ms.into()),
        ("rangeExpr", computed(s.range_expr.as_deref())),
        ("offset", s.offset_ms.into()),
        ("offsetExpr", computed(s.offset_expr.as_deref())),
        ("step", s.step_ms.unwrap_or(0).into()),
        ("stepExpr", computed(s.step_expr.as_deref())),
        ("timestamp", timestamp(s.at).into()),
        ("startOrEnd", start_or_end(s.at).into()),
    ])
}

fn call(c: &Call, level: usize) -> Result<Value, QueryError> {
    let args = c.args.iter().map(|arg| tree(arg, level + 1));
    let args: Vec<Value> = args.collect::<Result<_, _>>()?;
    let function = object([
        ("name", c.function.name.into()),
        ("argTypes", strings(c.function.args.iter().map(|t| t.as_str()))),
        ("variadic", c.function.variadic.into()),
        ("returnType", c.function.returns.as_str().into()),
    ]);
    Ok(object([
        ("type", "call".into()),
        ("func", function),
        ("args", args.into()),
    ]))
}

fn aggregate(a: &Aggregate, level: usize) -> Result<Value, QueryError> {
    let (labels, without) = match &a.grouping {
        Grouping::By(labels) => (labels, false),
        Grouping::Without(labels) => (labels, true),
    };
    let param = a.param.as_ref().map(|p| tree(p, level + 1)).transpose()?;
    Ok(object([
        ("type", "aggregation".into()),
        ("op", a.op.as_str().into()),
        ("expr", tree(&a.expr, level + 1)?),
        ("param", param.into()),
        ("grouping", strings(labels.iter().map(String::as_str))),
        ("without", without.into()),
    ]))
}

/// A chain of operators that lean to the left is walked, not recursed into.
fn chain(b: &Binary, level: usize) -> Result<Value, QueryError> {
    let (leftmost, operators) = b.chain();
    let inner = level + operators.len();
    let mut lhs = tree(leftmost, inner)?;
    for (i, b) in operators.into_iter().enumerate() {
        let vectors = b.lhs.value_type() == ValueType::Vector && b.rhs.value_type() == ValueType::Vector;
        lhs = object([
            ("type", "binaryExpr".into()),
            ("op", b.op.as_str().into()),
            ("lhs", lhs),
            ("rhs", tree(&b.rhs, inner - i)?),
            ("matching", vectors.then(|| matching(&b.matching)).into()),
            ("bool", b.return_bool.into()),
        ]);
    }
    Ok(lhs)
}

fn matching(m: &Matching) -> Value {
    let card = match m.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    let fill = object([
        ("lhs", m.fill_left.map(number).into()),
        ("rhs", m.fill_right.map(number).into()),
    ]);
    object([
        ("card", card.into()),
        ("labels", strings(m.labels.iter().map(String::as_str))),
        ("on", m.on.into()),
        ("include", strings(m.include.iter().map(String::as_str))),
        ("fillValues", fill),
    ])
}

/// Whole numbers without a fraction.
fn number(x: f64) -> Value {
    if x.trunc() == x && x.abs() < EXACT {
        Value::from(x as i64)
    } else {
        Value::from(x)
    }
}

/// Up to here every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn computed(node: Option<&DurationNode>) -> Value {
    match node.map(|node| &node.expr) {
        None => Value::Null,
        // A number is told by its value already.
        Some(expr) if expr.literal().is_some() => Value::Null,
        Some(expr) => duration(expr, false),
    }
}

/// `wrapped` says that the expression stands in parentheses, which are no node of their own there.
fn duration(expr: &DurationExpr, wrapped: bool) -> Value {
    let (op, lhs, rhs) = match expr {
        DurationExpr::Number(n) => {
            return object([
                ("type", "numberLiteral".into()),
                ("val", format_float(n.value).into()),
                ("duration", n.duration.into()),
            ]);
        }
        DurationExpr::Paren(inner) => return duration(inner, true),
        DurationExpr::Step => ("step", None, None),
        DurationExpr::Range => ("range", None, None),
        DurationExpr::Unary { negative, expr } => (sign(*negative), None, Some(expr)),
        DurationExpr::Binary { op, lhs, rhs, .. } => (op.as_str(), Some(lhs), Some(rhs)),
        DurationExpr::Extreme { max: true, lhs, rhs } => ("max_of", Some(lhs), Some(rhs)),
        DurationExpr::Extreme { max: false, lhs, rhs } => ("min_of", Some(lhs), Some(rhs)),
    };
    let part = |expr: Option<&Box<DurationExpr>>| Value::from(expr.map(|e| duration(e, false)));
    object([
        ("type", "durationExpr".into()),
        ("op", op.into()),
        ("lhs", part(lhs)),
        ("rhs", part(rhs)),
        ("wrapped", wrapped.into()),
    ])
}
