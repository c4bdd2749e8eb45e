//! `label_replace` and `label_join`.

use model::labels::METRIC_NAME;
use model::matcher::anchored_regex;

use super::call::arg;
use super::frame::merge_same_labels;
use super::{Evaluator, Frame, Series, Steps, string};
use crate::QueryError;
use crate::ast::Call;

impl Evaluator<'_> {
    /// Sets a label to what a regular expression makes of another one, where it matches.
    pub(super) fn label_replace(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let [to, replacement, from, pattern] = [1, 2, 3, 4].map(|i| arg(call, i).and_then(string));
        let (to, replacement, from, pattern) = (to?, replacement?, from?, pattern?);
        let regex = anchored_regex(pattern).map_err(|_| {
            QueryError::execution(format!(
                "invalid regular expression in label_replace(): {pattern}"
            ))
        })?;
        check_name(to, "label_replace")?;
        let mut frame = self.vector(arg(call, 0)?, steps)?;
        for series in &mut frame {
            let source = series.labels.get(from).unwrap_or("");
            if let Some(captures) = regex.captures(source) {
                self.budget.check()?;
                let value = expanded(replacement, &captures).ok_or_else(|| too_long("label_replace"))?;
                self.budget.hold_bytes(value.len())?;
                set(series, to, &value);
            }
        }
        merge_same_labels(frame)
    }

    /// Sets a label to the values of others with a separator between.
    pub(super) fn label_join(&self, call: &Call, steps: Steps) -> Result<Frame, QueryError> {
        let (to, separator) = (string(arg(call, 1)?)?, string(arg(call, 2)?)?);
        let sources: Vec<&str> = call.args.iter().skip(3).map(string).collect::<Result<_, _>>()?;
        for source in &sources {
            if !is_label_name(source) {
                return Err(QueryError::execution(format!(
                    "invalid source label name in label_join(): {source}"
                )));
            }
        }
        check_name(to, "label_join")?;
        let mut frame = self.vector(arg(call, 0)?, steps)?;
        for series in &mut frame {
            let values: Vec<&str> = sources
                .iter()
                .map(|s| series.labels.get(s).unwrap_or(""))
                .collect();
            let between = separator.len().saturating_mul(values.len());
            let bytes = values
                .iter()
                .map(|v| v.len())
                .fold(between, usize::saturating_add);
            if bytes > MAX_VALUE_BYTES {
                return Err(too_long("label_join"));
            }
            self.budget.check()?;
            self.budget.hold_bytes(bytes)?;
            let joined = values.join(separator);
            set(series, to, &joined);
        }
        merge_same_labels(frame)
    }
}

/// A label that a query makes has at most so many bytes: a few calls within each other write ever longer ones.
const MAX_VALUE_BYTES: usize = 1 << 20;

fn too_long(function: &str) -> QueryError {
    QueryError::execution(format!(
        "label value longer than {MAX_VALUE_BYTES} bytes in {function}()"
    ))
}

/// A replacement with `$1`, `${1}`, `$name` and `${name}` put in as Go does: what is no such reference stays as it is.
/// `None` where that is too long.
fn expanded(replacement: &str, captures: &regex::Captures<'_>) -> Option<String> {
    let mut value = String::with_capacity(replacement.len());
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('$') {
        if value.len() > MAX_VALUE_BYTES {
            return None;
        }
        value.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            value.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(after) {
            let found = match name.parse::<usize>() {
                Ok(number) => captures.get(number),
                Err(_) => captures.name(name),
            };
            value.push_str(found.map_or("", |m| m.as_str()));
            rest = after;
        } else {
            value.push('$');
            rest = after;
        }
    }
    value.push_str(rest);
    (value.len() <= MAX_VALUE_BYTES).then_some(value)
}

/// The name of a group that a text begins with, in braces or not, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (braced, text) = match text.strip_prefix('{') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = if braced { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

/// Label names are any text but none, and must be UTF-8: where a query has other bytes, the parser leaves U+FFFD.
fn is_label_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('\u{fffd}')
}

fn check_name(name: &str, function: &str) -> Result<(), QueryError> {
    if !is_label_name(name) {
        let text = format!("invalid destination label name in {function}(): {name}");
        return Err(QueryError::execution(text));
    }
    Ok(())
}

/// A name that is set by hand is not removed at the end.
fn set(series: &mut Series, name: &str, value: &str) {
    let mut builder = series.labels.to_builder();
    series.labels = builder.set(name, value).build();
    if name == METRIC_NAME {
        series.drop_name = false;
    }
}
