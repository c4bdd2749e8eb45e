//! The functions of the language itself. `and`, `or` and `tmpl` need the evaluator and live there.

use std::cmp::Ordering;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::format::{sprint, sprintf, sprintln};
use super::{FuncError, FuncResult, Mode, Value, html};

const NAMES: [&str; 20] = [
    "and", "call", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print",
    "printf", "println", "slice", "tmpl", "urlquery",
];

/// What Go's `url.QueryEscape` leaves alone; a space becomes `+`.
const QUERY: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b' ');

/// Whether the language itself has a function of that name.
pub(super) fn exists(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

/// Calls one; `None` where there is none of that name.
pub(super) fn call(name: &str, args: &[Value], mode: Mode) -> Option<FuncResult> {
    Some(match name {
        "eq" => equal_any(args),
        "ne" => pair(args, "ne").and_then(|(a, b)| equal(a, b).map(|e| Value::Bool(!e))),
        // The greater ones are the negations of the lesser ones, as in Go: with NaN they are true.
        "lt" => ordered(args, "lt", |o| o == Some(Ordering::Less)),
        "le" => ordered(args, "le", |o| {
            matches!(o, Some(Ordering::Less | Ordering::Equal))
        }),
        "gt" => ordered(args, "gt", |o| {
            !matches!(o, Some(Ordering::Less | Ordering::Equal))
        }),
        "ge" => ordered(args, "ge", |o| o != Some(Ordering::Less)),
        "not" => one(args, "not").map(|v| Value::Bool(!v.is_true())),
        "len" => one(args, "len").and_then(length),
        "index" => index(args),
        "slice" => slice(args),
        "print" => Ok(sprint(args).into()),
        "println" => Ok(sprintln(args).into()),
        "printf" => match args.split_first() {
            Some((Value::String(format) | Value::Html(format), rest)) => Ok(sprintf(format, rest).into()),
            Some((other, _)) => Err(wrong_type(other, "string")),
            None => Err("wrong number of args for printf: want at least 1 got 0".into()),
        },
        "html" => Ok(escaped(html::escape_text(&joined(args)), mode)),
        "js" => Ok(js_escape(&joined(args)).into()),
        "urlquery" => Ok(escaped(query_escape(&joined(args)), mode)),
        "call" => Err("call of a value that is no function".into()),
        _ => return None,
    })
}

/// Text that HTML mode need not escape again.
fn escaped(text: String, mode: Mode) -> Value {
    if mode == Mode::Html {
        Value::Html(text.into())
    } else {
        text.into()
    }
}

/// Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &str) -> String {
    utf8_percent_encode(text, &QUERY).to_string().replace(' ', "+")
}

fn joined(args: &[Value]) -> String {
    match args {
        [Value::Nil] => super::print_value(&Value::Nil),
        _ => sprint(args),
    }
}

pub(super) fn wrong_type(value: &Value, expected: &str) -> FuncError {
    FuncError(format!(
        "wrong type for value; expected {expected}; got {}",
        value.type_name()
    ))
}

fn count_error(name: &str, want: usize, got: usize) -> FuncError {
    FuncError(format!("wrong number of args for {name}: want {want} got {got}"))
}

fn one<'a>(args: &'a [Value], name: &str) -> Result<&'a Value, FuncError> {
    match args {
        [value] => Ok(value),
        _ => Err(count_error(name, 1, args.len())),
    }
}

fn pair<'a>(args: &'a [Value], name: &str) -> Result<(&'a Value, &'a Value), FuncError> {
    match args {
        [a, b] => Ok((a, b)),
        _ => Err(count_error(name, 2, args.len())),
    }
}

/// Whether the first equals any other. Kinds do not mix: an integer never equals a float, it is an error.
fn equal_any(args: &[Value]) -> FuncResult {
    let Some((first, others)) = args.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err("missing argument for comparison".into());
    };
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn equal(a: &Value, b: &Value) -> Result<bool, FuncError> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a.timestamp() == b.timestamp()),
        _ => Ok(compare(a, b)? == Some(Ordering::Equal)),
    }
}

/// The order of two values of one kind; `None` where one is NaN.
fn compare(a: &Value, b: &Value) -> Result<Option<Ordering>, FuncError> {
    Ok(match (a, b) {
        (Value::Int(a) | Value::Duration(a), Value::Int(b) | Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        _ => match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => Some(a.cmp(b)),
            _ => match (a, b) {
                (Value::List(_) | Value::Map(_) | Value::Object(_), _) => {
                    return Err(FuncError(format!("non-comparable type {}", a.type_name())));
                }
                _ => return Err("incompatible types for comparison".into()),
            },
        },
    })
}

fn ordered(args: &[Value], name: &str, test: impl Fn(Option<Ordering>) -> bool) -> FuncResult {
    let (a, b) = pair(args, name)?;
    if matches!(a, Value::Bool(_) | Value::Nil | Value::Time(_)) {
        return Err("invalid type for comparison".into());
    }
    Ok(Value::Bool(test(compare(a, b)?)))
}

fn length(value: &Value) -> FuncResult {
    let len = match value.resolved() {
        Value::String(text) | Value::Html(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.entries.len(),
        Value::Nil if matches!(value, Value::Nil) => return Err("len of nil pointer".into()),
        _ => return Err(FuncError(format!("len of type {}", value.type_name()))),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

fn position(value: &Value, len: usize) -> Result<usize, FuncError> {
    let Value::Int(at) = value else {
        return Err(FuncError(format!(
            "cannot index slice/array with type {}",
            value.type_name()
        )));
    };
    let position = usize::try_from(*at).ok().filter(|p| *p <= len);
    position.ok_or_else(|| FuncError(format!("index out of range: {at}")))
}

fn index(args: &[Value]) -> FuncResult {
    let Some((item, keys)) = args.split_first() else {
        return Err("wrong number of args for index: want at least 1 got 0".into());
    };
    let mut value = item.clone();
    for key in keys {
        let container = value.resolved();
        value = match &container {
            Value::List(items) => {
                let found = items.get(position(key, items.len())?).cloned();
                found.ok_or_else(|| FuncError(format!("index out of range: {key}")))?
            }
            Value::Map(map) => match key.as_str() {
                Some(key) => map.get(key).clone(),
                None => {
                    return Err(FuncError(format!(
                        "value has type {}; should be string",
                        key.type_name()
                    )));
                }
            },
            Value::String(text) | Value::Html(text) => {
                let byte = text.as_bytes().get(position(key, text.len())?).copied();
                let byte = byte.ok_or_else(|| FuncError(format!("index out of range: {key}")))?;
                Value::Int(i64::from(byte))
            }
            Value::Nil => return Err("index of untyped nil".into()),
            _ => {
                return Err(FuncError(format!(
                    "can't index item of type {}",
                    value.type_name()
                )));
            }
        };
    }
    Ok(value)
}

fn slice(args: &[Value]) -> FuncResult {
    let Some((item, bounds)) = args.split_first() else {
        return Err("wrong number of args for slice: want at least 1 got 0".into());
    };
    if bounds.len() > 3 {
        return Err(FuncError(format!("too many slice indexes: {}", bounds.len())));
    }
    let container = item.resolved();
    let len = match &container {
        Value::String(text) | Value::Html(text) => text.len(),
        Value::List(items) => items.len(),
        _ => {
            return Err(FuncError(format!(
                "can't slice item of type {}",
                item.type_name()
            )));
        }
    };
    let from = bounds.first().map_or(Ok(0), |b| position(b, len))?;
    let to = bounds.get(1).map_or(Ok(len), |b| position(b, len))?;
    if from > to {
        return Err(FuncError(format!("invalid slice index: {from} > {to}")));
    }
    match &container {
        Value::List(items) => Ok(Value::list(items.get(from..to).unwrap_or(&[]).iter().cloned())),
        // Go slices bytes; a cut within a character shows as the replacement character.
        other => {
            let bytes = other
                .as_str()
                .unwrap_or("")
                .as_bytes()
                .get(from..to)
                .unwrap_or(&[]);
            Ok(String::from_utf8_lossy(bytes).into_owned().into())
        }
    }
}

/// Go's `template.JSEscapeString`.
fn js_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if u32::from(c) < 0x20 || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
