//! The functions that notification templates can call, as Alertmanager documents them.

mod humanize;
mod json;

use std::sync::Arc;

use jiff::tz::TimeZone;
use model::Clock;
use regex::Regex;

use super::data::strings;
use crate::template::{FuncError, FuncResult, Functions, Value, format_time, join, replace_all};

/// All functions.
pub(super) fn table(clock: &Arc<dyn Clock>) -> Functions {
    let mut table = Functions::new();
    add_text(&mut table);
    add_collections(&mut table);
    add_times(&mut table, clock);
    table.add("toJson", |args| {
        let [value] = args else { return wrong("toJson", 1) };
        Ok(Value::from(json::to_json(value)?))
    });
    table
}

fn add_text(table: &mut Functions) {
    table
        .add("toUpper", |args| {
            one(args, "toUpper", |text| Value::from(text.to_uppercase()))
        })
        .add("toLower", |args| {
            one(args, "toLower", |text| Value::from(text.to_lowercase()))
        })
        .add("title", |args| {
            one(args, "title", |text| Value::from(title(text)))
        })
        .add("trimSpace", |args| {
            one(args, "trimSpace", |text| Value::string(text.trim()))
        })
        .add("safeHtml", |args| {
            one(args, "safeHtml", |text| Value::Html(Arc::from(text)))
        })
        .add("match", |args| {
            let [pattern, text] = texts(args, "match")?;
            Ok(Value::Bool(regex(pattern)?.is_match(text)))
        })
        .add("reReplaceAll", |args| {
            let [pattern, replacement, text] = texts(args, "reReplaceAll")?;
            replace_all(&regex(pattern)?, text, replacement)
        })
        .add("urlUnescape", |args| {
            let [text] = texts(args, "urlUnescape")?;
            let spaced = text.replace('+', " ");
            let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
            Ok(Value::string(
                decoded.map_err(|_| "urlUnescape: text is not UTF-8")?,
            ))
        });
}

fn add_collections(table: &mut Functions) {
    table
        .add("join", |args| {
            let [separator, items] = args else {
                return wrong("join", 2);
            };
            let separator = separator.as_str().ok_or("join takes text and a list")?;
            let Value::List(items) = items.resolved() else {
                return Err("join takes text and a list".into());
            };
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            join(&texts.ok_or("join takes a list of text")?, separator)
        })
        .add("stringSlice", |args| {
            let texts: Option<Vec<String>> = args.iter().map(|arg| arg.as_str().map(str::to_owned)).collect();
            Ok(strings(texts.ok_or("stringSlice takes text")?))
        })
        .add("list", |args| Ok(Value::list(args.iter().cloned())))
        .add("append", |args| {
            let Some((first, more)) = args.split_first() else {
                return wrong("append", 1);
            };
            let Value::List(items) = first.resolved() else {
                return Err("append takes a list".into());
            };
            Ok(Value::list(items.iter().chain(more).cloned()))
        })
        .add("dict", |args| {
            if args.len() % 2 != 0 {
                return Err("dict requires an even number of arguments".into());
            }
            let pair = |pair: &[Value]| match pair {
                [key, value] => key.as_str().map(|key| (key.to_owned(), value.clone())),
                _ => None,
            };
            let pairs: Option<Vec<(String, Value)>> = args.chunks(2).map(pair).collect();
            Ok(Value::map(pairs.ok_or("dict keys must be strings")?))
        });
}

fn add_times(table: &mut Functions, clock: &Arc<dyn Clock>) {
    let (now, since) = (clock.clone(), clock.clone());
    table
        .add("date", |args| {
            let [layout, Value::Time(at)] = args else {
                return Err("date takes a layout and a time".into());
            };
            Ok(Value::from(format_time(
                at,
                layout.as_str().ok_or("date takes a layout and a time")?,
            )))
        })
        .add("tz", |args| {
            let [name, Value::Time(at)] = args else {
                return Err("tz takes a name and a time".into());
            };
            let name = name.as_str().ok_or("tz takes a name and a time")?;
            let zone = match name {
                "" | "UTC" => TimeZone::UTC,
                "Local" => TimeZone::system(),
                name => TimeZone::get(name).map_err(|_| FuncError(format!("unknown time zone {name}")))?,
            };
            Ok(Value::Time(Arc::new(at.with_time_zone(zone))))
        })
        .add("now", move |_| Ok(Value::time_ms(now.now_ms())))
        .add("since", move |args| {
            let [Value::Time(at)] = args else {
                return Err("since takes a time".into());
            };
            let then_ns = i64::try_from(at.timestamp().as_nanosecond()).unwrap_or(0);
            Ok(Value::Duration(since.now_ns().saturating_sub(then_ns)))
        })
        .add("humanizeDuration", |args| {
            let [value] = args else {
                return wrong("humanizeDuration", 1);
            };
            Ok(Value::from(humanize::duration(humanize::seconds(value)?)))
        });
}

fn wrong(name: &str, count: usize) -> FuncResult {
    Err(FuncError(format!("{name} takes {count} arguments")))
}

fn one(args: &[Value], name: &str, function: impl Fn(&str) -> Value) -> FuncResult {
    let [text] = texts(args, name)?;
    Ok(function(text))
}

/// So many arguments, all of them text.
fn texts<'a, const N: usize>(args: &'a [Value], name: &str) -> Result<[&'a str; N], FuncError> {
    let texts: Option<Vec<&str>> = args.iter().map(Value::as_str).collect();
    let texts = texts.ok_or_else(|| FuncError(format!("{name} takes text")))?;
    texts
        .try_into()
        .map_err(|_| FuncError(format!("{name} takes {N} arguments")))
}

fn regex(pattern: &str) -> Result<Regex, FuncError> {
    model::go_regex::compile(pattern).map_err(|error| FuncError(error.to_string()))
}

/// Every word's first letter large, the others small.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = false;
    for c in text.chars() {
        if in_word {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        in_word = c.is_alphanumeric() || c == '_' || (in_word && matches!(c, '\'' | '’'));
    }
    out
}
