//! From the text of a query to our tree, by way of the promql-parser crate.
//!
//! The one file that knows that crate. What it gets wrong and can be mended cheaply is mended here: regular
//! expressions compile anew as [`model::Matcher`]s (`.` matches newlines), string literals are decoded before the
//! crate sees them, `or` between matchers is refused as Prometheus refuses it.

mod strings;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{MatchOp, Matcher};
use promql_parser::label::{MatchOp as ParsedOp, Matcher as ParsedMatcher};
use promql_parser::parser::token::{self, TokenId};
use promql_parser::parser::{self, Expr as Parsed, LabelModifier, Offset, VectorMatchCardinality};

use crate::QueryError;
use crate::ast::{
    Aggregate, AggregateOp, AtModifier, Binary, BinaryOp, Call, Cardinality, Expr, Extension, Grouping,
    Matching, Number, Paren, RangeSelector, Span, Subquery, Text, Unary, VectorSelector,
};
use crate::functions;
use crate::value::ValueType;

/// A longer query is refused.
pub const MAX_QUERY_BYTES: usize = 1 << 20;

/// A query with more text outside of its strings is refused: the parser's time grows with the square of the number
/// of operators. Long lists of names in regular expressions are strings and do not count.
pub const MAX_CODE_BYTES: usize = 16 << 10;

/// A query whose operators, calls and parentheses nest deeper is refused: evaluation recurses.
pub const MAX_DEPTH: usize = 250;

/// Queries up to this length parse on the caller's stack: they cannot nest deeply enough to overflow it.
const SMALL_QUERY_BYTES: usize = 1 << 10;

/// The stack on which longer queries parse; lazily mapped, used only as deep as the query nests.
const PARSER_STACK_BYTES: usize = 256 << 20;

/// Parses a query.
///
/// # Errors
/// [`QueryError::Parse`]: it is not PromQL, its types do not fit, it is too long or nests too deeply.
pub fn parse(query: &str) -> Result<Expr, QueryError> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(QueryError::parse(format!(
            "query exceeds the limit of {MAX_QUERY_BYTES} bytes"
        )));
    }
    if query.len() <= SMALL_QUERY_BYTES {
        // Most queries; a thread costs more than their parsing.
        return parse_here(query);
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(PARSER_STACK_BYTES)
            .spawn_scoped(scope, || parse_here(query))
            .map_err(|e| QueryError::parse(format!("no thread to parse the query: {e}")))?
            .join()
            .unwrap_or_else(|_| Err(QueryError::parse("the parser failed")))
    })
}

fn parse_here(query: &str) -> Result<Expr, QueryError> {
    let normalized = strings::normalize(query)?;
    if normalized.code_bytes > MAX_CODE_BYTES {
        let text = format!("query exceeds the limit of {MAX_CODE_BYTES} bytes outside of strings");
        return Err(QueryError::parse(text));
    }
    let parsed = parser::parse(&normalized.text).map_err(QueryError::parse)?;
    lower(&parsed, MAX_DEPTH)
}

fn lower(parsed: &Parsed, depth: usize) -> Result<Expr, QueryError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(QueryError::parse(format!(
            "expression nests deeper than {MAX_DEPTH}"
        )));
    };
    Ok(match parsed {
        Parsed::NumberLiteral(n) => Expr::Number(Number {
            value: n.val,
            duration: false,
            span: Span::default(),
        }),
        Parsed::StringLiteral(s) => Expr::String(Text {
            value: s.val.clone(),
            span: Span::default(),
        }),
        Parsed::Paren(p) => Expr::Paren(Box::new(Paren {
            expr: lower(&p.expr, depth)?,
            span: Span::default(),
        })),
        Parsed::Unary(u) => Expr::Unary(Box::new(Unary {
            negative: true,
            expr: lower(&u.expr, depth)?,
            span: Span::default(),
        })),
        Parsed::VectorSelector(s) => Expr::Selector(selector(s)?),
        Parsed::MatrixSelector(m) => {
            let range_ms = positive_ms(m.range, "range")?;
            Expr::Range(RangeSelector {
                selector: selector(&m.vs)?,
                range_ms,
                range_expr: None,
                span: Span::default(),
            })
        }
        Parsed::Subquery(s) => Expr::Subquery(Box::new(Subquery {
            expr: lower(&s.expr, depth)?,
            range_ms: positive_ms(s.range, "range")?,
            step_ms: s.step.map(|step| positive_ms(step, "step")).transpose()?,
            offset_ms: offset_ms(s.offset.as_ref())?,
            at: s.at.as_ref().map(at).transpose()?,
            range_expr: None,
            step_expr: None,
            offset_expr: None,
            span: Span::default(),
        })),
        Parsed::Call(c) => Expr::Call(call(c, depth)?),
        Parsed::Aggregate(a) => Expr::Aggregate(Box::new(aggregate(a, depth)?)),
        Parsed::Binary(b) => Expr::Binary(Box::new(binary(b, depth)?)),
        Parsed::Extension(_) => return Err(QueryError::parse("unknown kind of expression")),
    })
}

fn millis(duration: Duration) -> Result<i64, QueryError> {
    i64::try_from(duration.as_millis())
        .ok()
        .filter(|ms| *ms < i64::MAX / 4)
        .ok_or_else(|| QueryError::parse("duration out of range"))
}

fn positive_ms(duration: Duration, what: &str) -> Result<i64, QueryError> {
    match millis(duration)? {
        0 => Err(QueryError::parse(format!("{what} must be greater than 0"))),
        ms => Ok(ms),
    }
}

fn offset_ms(offset: Option<&Offset>) -> Result<i64, QueryError> {
    match offset {
        None => Ok(0),
        Some(Offset::Pos(d)) => millis(*d),
        Some(Offset::Neg(d)) => millis(*d).map(|ms| -ms),
    }
}

fn at(at: &parser::AtModifier) -> Result<AtModifier, QueryError> {
    Ok(match at {
        parser::AtModifier::Start => AtModifier::Start,
        parser::AtModifier::End => AtModifier::End,
        parser::AtModifier::At(time) => AtModifier::At(epoch_ms(*time)?),
    })
}

fn epoch_ms(time: SystemTime) -> Result<i64, QueryError> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => millis(before.duration()).map(|ms| -ms),
    }
}

fn selector(parsed: &parser::VectorSelector) -> Result<VectorSelector, QueryError> {
    if !parsed.matchers.or_matchers.is_empty() {
        return Err(QueryError::parse(
            "unexpected <or> in label matching, expected \",\" or \"}\"",
        ));
    }
    let named = parsed
        .name
        .iter()
        .map(|name| Ok(Matcher::equal(model::labels::METRIC_NAME, name.as_str())));
    let matchers: Result<Vec<Matcher>, QueryError> = named
        .chain(parsed.matchers.matchers.iter().map(matcher))
        .collect();
    let matchers = matchers?;
    if matchers.iter().all(Matcher::matches_empty) {
        return Err(QueryError::parse(
            "vector selector must contain at least one non-empty matcher",
        ));
    }
    Ok(VectorSelector {
        name: parsed.name.clone(),
        matchers,
        offset_ms: offset_ms(parsed.offset.as_ref())?,
        offset_expr: None,
        at: parsed.at.as_ref().map(at).transpose()?,
        extension: Extension::None,
        span: Span::default(),
    })
}

fn matcher(parsed: &ParsedMatcher) -> Result<Matcher, QueryError> {
    let op = match parsed.op {
        ParsedOp::Equal => MatchOp::Equal,
        ParsedOp::NotEqual => MatchOp::NotEqual,
        ParsedOp::Re(_) => MatchOp::Regex,
        ParsedOp::NotRe(_) => MatchOp::NotRegex,
    };
    Matcher::new(parsed.name.as_str(), op, parsed.value.as_str())
        .map_err(|e| QueryError::parse(e.to_string()))
}

fn call(parsed: &parser::Call, depth: usize) -> Result<Call, QueryError> {
    let name = parsed.func.name;
    let Some(function) = functions::find(name) else {
        return Err(QueryError::parse(format!("unknown function with name {name:?}")));
    };
    let args: Vec<Expr> = parsed
        .args
        .args
        .iter()
        .map(|arg| lower(arg, depth))
        .collect::<Result<_, _>>()?;
    function.check_args(&args)?;
    Ok(Call {
        function,
        args,
        span: Span::default(),
    })
}

fn aggregate(parsed: &parser::AggregateExpr, depth: usize) -> Result<Aggregate, QueryError> {
    let grouping = match &parsed.modifier {
        None => Grouping::By(Vec::new()),
        Some(LabelModifier::Include(labels)) => Grouping::By(labels.labels.clone()),
        Some(LabelModifier::Exclude(labels)) => Grouping::Without(labels.labels.clone()),
    };
    let op = aggregate_op(parsed.op.id())
        .ok_or_else(|| QueryError::parse(format!("unknown aggregation {}", parsed.op)))?;
    let expr = lower(&parsed.expr, depth)?;
    let param = parsed.param.as_ref().map(|p| lower(p, depth)).transpose()?;
    expect_type(&expr, ValueType::Vector, op.as_str())?;
    match (op.param_type(), &param) {
        (None, None) => {}
        (Some(wanted), Some(given)) => expect_type(given, wanted, op.as_str())?,
        _ => {
            return Err(QueryError::parse(format!(
                "wrong number of arguments for aggregate expression {op:?}"
            )));
        }
    }
    Ok(Aggregate {
        op,
        expr,
        param,
        grouping,
        span: Span::default(),
    })
}

fn expect_type(expr: &Expr, wanted: ValueType, context: &str) -> Result<(), QueryError> {
    let got = expr.value_type();
    if got == wanted {
        return Ok(());
    }
    let (wanted, got) = (wanted.documented(), got.documented());
    Err(QueryError::parse(format!(
        "expected type {wanted} in aggregation expression {context}, got {got}"
    )))
}

fn binary(parsed: &parser::BinaryExpr, depth: usize) -> Result<Binary, QueryError> {
    let op = binary_op(parsed.op.id())
        .ok_or_else(|| QueryError::parse(format!("unknown operator {}", parsed.op)))?;
    let mut matching = Matching::default();
    if op.is_set() {
        matching.cardinality = Cardinality::ManyToMany;
    }
    if let Some(modifier) = &parsed.modifier {
        matching.fill_left = modifier.fill_values.lhs;
        matching.fill_right = modifier.fill_values.rhs;
        match &modifier.matching {
            None => {}
            Some(LabelModifier::Include(labels)) => {
                matching.on = true;
                matching.labels.clone_from(&labels.labels);
            }
            Some(LabelModifier::Exclude(labels)) => matching.labels.clone_from(&labels.labels),
        }
        match &modifier.card {
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => {}
            VectorMatchCardinality::ManyToOne(include) => {
                matching.cardinality = Cardinality::ManyToOne;
                matching.include.clone_from(&include.labels);
            }
            VectorMatchCardinality::OneToMany(include) => {
                matching.cardinality = Cardinality::OneToMany;
                matching.include.clone_from(&include.labels);
            }
        }
    }
    let return_bool = parsed.modifier.as_ref().is_some_and(|m| m.return_bool);
    Ok(Binary {
        op,
        lhs: lower(&parsed.lhs, depth)?,
        rhs: lower(&parsed.rhs, depth)?,
        return_bool,
        matching,
        span: Span::default(),
    })
}

fn aggregate_op(id: TokenId) -> Option<AggregateOp> {
    Some(match id {
        token::T_SUM => AggregateOp::Sum,
        token::T_AVG => AggregateOp::Avg,
        token::T_COUNT => AggregateOp::Count,
        token::T_MIN => AggregateOp::Min,
        token::T_MAX => AggregateOp::Max,
        token::T_GROUP => AggregateOp::Group,
        token::T_STDDEV => AggregateOp::Stddev,
        token::T_STDVAR => AggregateOp::Stdvar,
        token::T_TOPK => AggregateOp::Topk,
        token::T_BOTTOMK => AggregateOp::Bottomk,
        token::T_COUNT_VALUES => AggregateOp::CountValues,
        token::T_QUANTILE => AggregateOp::Quantile,
        token::T_LIMITK => AggregateOp::Limitk,
        token::T_LIMIT_RATIO => AggregateOp::LimitRatio,
        _ => return None,
    })
}

fn binary_op(id: TokenId) -> Option<BinaryOp> {
    Some(match id {
        token::T_ADD => BinaryOp::Add,
        token::T_SUB => BinaryOp::Sub,
        token::T_MUL => BinaryOp::Mul,
        token::T_DIV => BinaryOp::Div,
        token::T_MOD => BinaryOp::Mod,
        token::T_POW => BinaryOp::Pow,
        token::T_ATAN2 => BinaryOp::Atan2,
        token::T_EQLC => BinaryOp::Equal,
        token::T_NEQ => BinaryOp::NotEqual,
        token::T_GTR => BinaryOp::Greater,
        token::T_GTE => BinaryOp::GreaterEqual,
        token::T_LSS => BinaryOp::Less,
        token::T_LTE => BinaryOp::LessEqual,
        token::T_LAND => BinaryOp::And,
        token::T_LOR => BinaryOp::Or,
        token::T_LUNLESS => BinaryOp::Unless,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
