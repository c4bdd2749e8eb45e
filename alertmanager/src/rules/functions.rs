//! The functions that Prometheus offers to the templates of rules.

use std::net::IpAddr;
use std::sync::Arc;

use regex::Regex;

use super::humanize::{humanize, humanize_1024, humanize_duration, humanize_percentage};
use super::{Answer, ForState, Querier};
use crate::template::{FuncError, FuncResult, Functions, Value, format_general, query_escape, replace_all};

/// The functions that depend on nothing but their arguments and the address under which this server is known.
pub fn table(external_url: &str) -> Functions {
    let mut table = Functions::new();
    numbers(&mut table);
    texts(&mut table);
    vectors(&mut table);
    let url = external_url.to_owned();
    let prefix = url::Url::parse(external_url)
        .map(|u| u.path().trim_end_matches('/').to_owned())
        .unwrap_or_default();
    table.add("externalURL", move |_| Ok(url.as_str().into()));
    table.add("pathPrefix", move |_| Ok(prefix.as_str().into()));
    table
}

/// The table for one evaluation: `query` and `now` see its time.
pub(super) fn at(base: Arc<Functions>, querier: Arc<dyn Querier>, now_ms: i64) -> Functions {
    let mut table = Functions::over(base);
    table.add("query", move |args| {
        let vector = querier.instant(text(args, 0)?, now_ms)?;
        Ok(Value::list(vector.into_iter().map(|(labels, value)| {
            Value::map([("Labels", Value::from(&labels)), ("Value", Value::Float(value))])
        })))
    });
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds fit a float's 53 bits for 285,000 years"
    )]
    table.add("now", move |_| Ok(Value::Float(now_ms as f64 / 1000.0)));
    table
}

/// A table with every name, for checking templates.
pub(super) fn for_checks() -> Functions {
    struct Nothing;
    impl Querier for Nothing {
        fn answer(&self, _: &str, _: i64) -> Result<Answer, String> {
            Ok(Answer::default())
        }
        fn for_state(&self, _: &str, _: i64, _: i64) -> Result<Vec<ForState>, String> {
            Ok(Vec::new())
        }
    }
    at(Arc::new(table("")), Arc::new(Nothing), 0)
}

/// Where an expression's result can be looked at, as a path and query behind the external URL.
pub fn link_for_expression(expr: &str, as_table: bool) -> String {
    format!(
        "/graph?g0.expr={}&g0.tab={}",
        query_escape(expr),
        i32::from(as_table)
    )
}

fn arg(args: &[Value], i: usize) -> Result<&Value, FuncError> {
    args.get(i).ok_or_else(|| {
        FuncError(format!(
            "wrong number of args: want at least {} got {}",
            i + 1,
            args.len()
        ))
    })
}

fn text(args: &[Value], i: usize) -> Result<&str, FuncError> {
    let value = arg(args, i)?;
    let wrong = || {
        FuncError(format!(
            "wrong type for value; expected string; got {}",
            value.type_name()
        ))
    };
    value.as_str().ok_or_else(wrong)
}

#[expect(clippy::cast_precision_loss, reason = "Go converts likewise")]
fn float(args: &[Value], i: usize) -> Result<f64, FuncError> {
    match arg(args, i)? {
        Value::Float(x) => Ok(*x),
        Value::Int(int) => Ok(*int as f64),
        Value::Duration(ns) => Ok(*ns as f64 / 1e9),
        Value::String(text) => text
            .trim_start_matches('+')
            .parse()
            .map_err(|_| FuncError(format!("parsing {text:?}: invalid syntax"))),
        other => Err(FuncError(format!("can't convert {} to float", other.type_name()))),
    }
}

fn numbers(table: &mut Functions) {
    table.add("humanize", |args| Ok(humanize(float(args, 0)?).into()));
    table.add("humanize1024", |args| Ok(humanize_1024(float(args, 0)?).into()));
    table.add("humanizeDuration", |args| {
        Ok(humanize_duration(float(args, 0)?).into())
    });
    table.add("humanizePercentage", |args| {
        Ok(humanize_percentage(float(args, 0)?).into())
    });
    table.add("humanizeTimestamp", |args| {
        let seconds = float(args, 0)?;
        match time(seconds) {
            Some(at) => Ok(at.to_string().into()),
            None => Ok(format_general(seconds, 4).into()),
        }
    });
    table.add("toTime", |args| {
        time(float(args, 0)?).ok_or_else(|| FuncError::from("value is NaN or Inf"))
    });
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    table.add("toDuration", |args| match float(args, 0)? {
        seconds if seconds.is_finite() => Ok(Value::Duration((seconds * 1e9) as i64)),
        _ => Err("value is NaN or Inf".into()),
    });
    table.add("parseDuration", |args| {
        let ms = model::promtime::parse_duration_ms(text(args, 0)?)?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "durations are far below 2^53 milliseconds"
        )]
        Ok(Value::Float(ms as f64 / 1000.0))
    });
}

/// Seconds since the epoch; `None` for what is no time.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn time(seconds: f64) -> Option<Value> {
    let ns = seconds * 1e9;
    let at = ns
        .is_finite()
        .then(|| jiff::Timestamp::from_nanosecond(ns as i128).ok())
        .flatten()?;
    Some(Value::Time(Arc::new(at.to_zoned(jiff::tz::TimeZone::UTC))))
}

fn texts(table: &mut Functions) {
    table.add("title", |args| Ok(title(text(args, 0)?).into()));
    table.add("toUpper", |args| Ok(text(args, 0)?.to_uppercase().into()));
    table.add("toLower", |args| Ok(text(args, 0)?.to_lowercase().into()));
    table.add("match", |args| {
        Ok(regex(text(args, 0)?)?.is_match(text(args, 1)?).into())
    });
    table.add("reReplaceAll", |args| {
        replace_all(&regex(text(args, 0)?)?, text(args, 2)?, text(args, 1)?)
    });
    table.add("stripPort", |args| {
        let address = text(args, 0)?;
        Ok(split_host_port(address).map_or(address, |(host, _)| host).into())
    });
    table.add("stripDomain", |args| Ok(strip_domain(text(args, 0)?).into()));
    table.add("safeHtml", |args| Ok(Value::Html(text(args, 0)?.into())));
    table.add("urlQueryEscape", |args| Ok(query_escape(text(args, 0)?).into()));
    table.add("graphLink", |args| {
        Ok(link_for_expression(text(args, 0)?, false).into())
    });
    table.add("tableLink", |args| {
        Ok(link_for_expression(text(args, 0)?, true).into())
    });
    table.add("args", |args| {
        Ok(Value::map(
            args.iter()
                .enumerate()
                .map(|(i, v)| (format!("arg{i}"), v.clone())),
        ))
    });
}

/// Compiled at each call: templates are expanded once an evaluation, for few alerts.
fn regex(pattern: &str) -> Result<Regex, FuncError> {
    model::go_regex::compile(pattern).map_err(|error| FuncError(error.to_string()))
}

/// The first letter of each word in upper case.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within = false;
    for c in text.chars() {
        if within {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        within = c.is_alphanumeric() || c == '_' || c == '\'';
    }
    out
}

/// `host:port` or `[v6]:port`; `None` where there is no port.
fn split_host_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => Some((inner.strip_suffix(']')?, port)),
        None if host.contains(':') => None,
        None => Some((host, port)),
    }
}

fn strip_domain(address: &str) -> String {
    let (host, port) = split_host_port(address).unwrap_or((address, ""));
    if host.parse::<IpAddr>().is_ok() {
        return address.to_owned();
    }
    let host = host.split('.').next().unwrap_or(host);
    if port.is_empty() {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

fn vectors(table: &mut Functions) {
    table.add("first", |args| match arg(args, 0)? {
        Value::List(items) => items
            .first()
            .cloned()
            .ok_or_else(|| "first() called on vector with no elements".into()),
        other => Err(FuncError(format!("first() called on {}", other.type_name()))),
    });
    table.add("value", |args| part(arg(args, 0)?, "Value"));
    table.add("label", |args| label(arg(args, 1)?, text(args, 0)?));
    table.add("strvalue", |args| label(arg(args, 0)?, "__value__"));
    table.add("sortByLabel", |args| {
        let name = text(args, 0)?;
        let Value::List(items) = arg(args, 1)? else {
            return Err("sortByLabel() wants a vector".into());
        };
        let mut keyed = Vec::with_capacity(items.len());
        for item in items.iter() {
            keyed.push((label(item, name)?.to_string(), item.clone()));
        }
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Value::list(keyed.into_iter().map(|(_, item)| item)))
    });
}

fn part(sample: &Value, name: &str) -> FuncResult {
    match sample {
        Value::Map(map) if map.entries.contains_key(name) => Ok(map.get(name).clone()),
        other => Err(FuncError(format!("expected a sample, got {}", other.type_name()))),
    }
}

fn label(sample: &Value, name: &str) -> FuncResult {
    match part(sample, "Labels")? {
        Value::Map(labels) => Ok(labels.get(name).clone()),
        other => Ok(other),
    }
}
