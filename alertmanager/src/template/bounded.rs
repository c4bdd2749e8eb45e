//! Functions whose result can be far larger than their arguments, with an end to it.

use std::borrow::Borrow;

use regex::Regex;

use super::{FuncError, FuncResult, Value};

/// No text that a function gives is longer, in bytes.
pub(super) const MAX_TEXT: usize = 8 << 20;

fn too_long() -> FuncError {
    FuncError(format!("result exceeds {MAX_TEXT} bytes"))
}

/// Texts with `separator` between them.
pub(crate) fn join<T: Borrow<str>>(texts: &[T], separator: &str) -> FuncResult {
    let own: usize = texts.iter().map(|text| text.borrow().len()).sum();
    let between = separator.len().saturating_mul(texts.len().saturating_sub(1));
    if own.saturating_add(between) > MAX_TEXT {
        return Err(too_long());
    }
    let texts: Vec<&str> = texts.iter().map(Borrow::borrow).collect();
    Ok(Value::from(texts.join(separator)))
}

/// `text` with every match replaced by `replacement`, in which `$1` is what the first parenthesis captured.
pub(crate) fn replace_all(regex: &Regex, text: &str, replacement: &str) -> FuncResult {
    let mut out = String::new();
    let mut copied = 0;
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(text.get(copied..whole.start()).unwrap_or(""));
        captures.expand(replacement, &mut out);
        copied = whole.end();
        if out.len() > MAX_TEXT {
            return Err(too_long());
        }
    }
    out.push_str(text.get(copied..).unwrap_or(""));
    Ok(Value::from(out))
}

/// Refuses text that is too long.
pub(super) fn bounded(value: Value) -> FuncResult {
    match value.as_str() {
        Some(text) if text.len() > MAX_TEXT => Err(too_long()),
        _ => Ok(value),
    }
}

/// Whether `value` holds lists or maps that hold further ones.
pub(super) fn is_nested(value: &Value) -> bool {
    let composite = |value: &Value| matches!(value, Value::List(_) | Value::Map(_));
    match value {
        Value::List(items) => items.iter().any(composite),
        Value::Map(map) => map.entries.values().any(composite),
        _ => false,
    }
}
