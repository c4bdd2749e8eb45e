//! The text format, version 0.0.4, with quoted names where they need it.

use std::fmt::Write;

use model::labels::{is_legacy_label_name, is_legacy_metric_name};

use super::{Exposed, Family, Value, histogram};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page: each family under one `TYPE`.
pub(super) fn page(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        let shown = family.series.iter().filter(|series| can_be_shown(&series.value));
        let mut shown = shown.peekable();
        if shown.peek().is_none() {
            continue;
        }
        let kind = family
            .kind
            .strip_prefix("gaugehist")
            .map_or(family.kind, |_| "histogram");
        let name = &family.name;
        let quoted = format!("\"{}\"", escape(name));
        let told = if is_legacy_metric_name(name) {
            name
        } else {
            &quoted
        };
        let _ = writeln!(out, "# TYPE {told} {kind}");
        for series in shown {
            match &series.value {
                Value::Float(value) => line(&mut out, name, series, None, *value),
                Value::Histogram(of) => {
                    for (bound, count) in histogram::cumulative(of) {
                        let bucket = format!("{name}_bucket");
                        line(&mut out, &bucket, series, Some(&number(bound)), count);
                    }
                    line(&mut out, &format!("{name}_sum"), series, None, of.sum);
                    line(
                        &mut out,
                        &format!("{name}_count"),
                        series,
                        None,
                        of.counts.count(),
                    );
                }
            }
        }
    }
    out
}

/// The text has no form of native histograms but those with bounds of their own.
fn can_be_shown(value: &Value) -> bool {
    match value {
        Value::Float(_) => true,
        Value::Histogram(histogram) => histogram.has_custom_buckets(),
    }
}

fn line(out: &mut String, name: &str, series: &Exposed, le: Option<&str>, value: f64) {
    let bare = is_legacy_metric_name(name);
    let mut pieces = Vec::new();
    if !bare {
        pieces.push(format!("\"{}\"", escape(name)));
    }
    let labels = series
        .labels
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (label, value) in labels.chain(le.map(|bound| ("le", bound))) {
        let quote = if is_legacy_label_name(label) { "" } else { "\"" };
        pieces.push(format!("{quote}{}{quote}=\"{}\"", escape(label), escape(value)));
    }
    let name = if bare { name } else { "" };
    let (labels, value) = (pieces.join(","), number(value));
    let _ = writeln!(out, "{name}{{{labels}}} {value} {}", series.timestamp_ms);
}

/// A float as Go's exposition writes it: with an exponent below 1e-4 and from 1e6 on, unless it is whole and short.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return promql::format_float(value);
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(-4..6) | Err(_) => format!("{value}"),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (0.0001, "0.0001"),
            (0.00005, "5e-05"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
