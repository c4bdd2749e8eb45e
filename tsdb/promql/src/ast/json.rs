//! The tree as JSON, in the shape of Prometheus' `/api/v1/parse_query`.

use model::Matcher;
use serde_json::{Value, json};

use super::{
    Aggregate, AtModifier, Binary, BinaryOp, Call, Cardinality, DurationExpr, DurationNode, Expr, Extension,
    Grouping, Matching, Number, Subquery, VectorSelector,
};
use crate::numeric::format_float;
use crate::value::ValueType;

/// The tree of an expression as `/api/v1/parse_query` of Prometheus shows it.
pub fn to_json(expr: &Expr) -> Value {
    match expr {
        Expr::Number(n) => json!({"type": "numberLiteral", "val": format_float(n.value)}),
        Expr::String(s) => json!({"type": "stringLiteral", "val": s.value}),
        Expr::Selector(s) => selector("vectorSelector", s),
        Expr::Range(r) => {
            let mut object = selector("matrixSelector", &r.selector);
            object["range"] = json!(r.range_ms);
            object["rangeExpr"] = computed(r.range_expr.as_deref());
            object
        }
        Expr::Subquery(s) => subquery(s),
        Expr::Call(c) => call(c),
        Expr::Aggregate(a) => aggregate(a),
        Expr::Binary(b) => chain(b),
        Expr::Unary(u) => json!({"type": "unaryExpr", "op": sign(u.negative), "expr": to_json(&u.expr)}),
        Expr::Paren(p) => json!({"type": "parenExpr", "expr": to_json(&p.expr)}),
    }
}

fn sign(negative: bool) -> &'static str {
    if negative { "-" } else { "+" }
}

fn selector(kind: &str, s: &VectorSelector) -> Value {
    json!({
        "type": kind,
        "name": s.name.as_deref().unwrap_or(""),
        "offset": s.offset_ms,
        "offsetExpr": computed(s.offset_expr.as_deref()),
        "matchers": s.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "timestamp": timestamp(s.at),
        "startOrEnd": start_or_end(s.at),
        "anchored": s.extension == Extension::Anchored,
        "smoothed": s.extension == Extension::Smoothed,
    })
}

fn matcher(m: &Matcher) -> Value {
    json!({"name": m.name, "value": m.value, "type": m.op.as_str()})
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

fn subquery(s: &Subquery) -> Value {
    json!({
        "type": "subquery",
        "expr": to_json(&s.expr),
        "range": s.range_ms,
        "rangeExpr": computed(s.range_expr.as_deref()),
        "offset": s.offset_ms,
        "offsetExpr": computed(s.offset_expr.as_deref()),
        "step": s.step_ms.unwrap_or(0),
        "stepExpr": computed(s.step_expr.as_deref()),
        "timestamp": timestamp(s.at),
        "startOrEnd": start_or_end(s.at),
    })
}

fn call(c: &Call) -> Value {
    let types: Vec<&str> = c.function.args.iter().map(|t| t.as_str()).collect();
    json!({
        "type": "call",
        "func": {
            "name": c.function.name,
            "argTypes": types,
            "variadic": c.function.variadic,
            "returnType": c.function.returns.as_str(),
        },
        "args": c.args.iter().map(to_json).collect::<Vec<_>>(),
    })
}

fn aggregate(a: &Aggregate) -> Value {
    let (labels, without) = match &a.grouping {
        Grouping::By(labels) => (labels, false),
        Grouping::Without(labels) => (labels, true),
    };
    json!({
        "type": "aggregation",
        "op": a.op.as_str(),
        "expr": to_json(&a.expr),
        "param": a.param.as_ref().map(to_json),
        "grouping": labels,
        "without": without,
    })
}

/// A chain of operators that lean to the left is walked, not recursed into: it may be long.
fn chain(b: &Binary) -> Value {
    let (leftmost, operators) = b.chain();
    operators.into_iter().fold(to_json(leftmost), |lhs, b| {
        let vectors = b.lhs.value_type() == ValueType::Vector && b.rhs.value_type() == ValueType::Vector;
        json!({
            "type": "binaryExpr",
            "op": b.op.as_str(),
            "lhs": lhs,
            "rhs": to_json(&b.rhs),
            "matching": vectors.then(|| matching(&b.matching)),
            "bool": b.return_bool,
        })
    })
}

fn matching(m: &Matching) -> Value {
    let card = match m.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    json!({
        "card": card,
        "labels": m.labels,
        "on": m.on,
        "include": m.include,
        "fillValues": {"lhs": m.fill_left, "rhs": m.fill_right},
    })
}

fn computed(node: Option<&DurationNode>) -> Value {
    node.map_or(Value::Null, |node| duration(&node.expr, false))
}

/// `wrapped` says that the expression stands in parentheses, which are no node of their own there.
fn duration(expr: &DurationExpr, wrapped: bool) -> Value {
    let node = |op: &str, lhs: Value, rhs: Value| json!({"type": "durationExpr", "op": op, "lhs": lhs, "rhs": rhs, "wrapped": wrapped});
    match expr {
        DurationExpr::Number(Number { value, duration, .. }) => {
            json!({"type": "numberLiteral", "val": format_float(*value), "duration": duration})
        }
        DurationExpr::Step => node("step", Value::Null, Value::Null),
        DurationExpr::Range => node("range", Value::Null, Value::Null),
        DurationExpr::Unary { negative, expr } => node(sign(*negative), Value::Null, duration(expr, false)),
        DurationExpr::Binary { op, lhs, rhs, .. } => {
            node(BinaryOp::as_str(*op), duration(lhs, false), duration(rhs, false))
        }
        DurationExpr::Extreme { max, lhs, rhs } => {
            let op = if *max { "max_of" } else { "min_of" };
            node(op, duration(lhs, false), duration(rhs, false))
        }
        DurationExpr::Paren(inner) => duration(inner, true),
    }
}
